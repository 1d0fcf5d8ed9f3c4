// Package commands holds the decisions: what an operator asks, turned into events.
//
// A command is decided on the leader, one at a time, against an image that has
// folded everything proposed before it, and answers with events or with a refusal.
// Its events enter the log in one block, all or none, and carry the operator as
// their actor. When a command returns nil they are durable on a majority and folded
// here: a read of this node shows their effect.
//
// An event's id derives from the thing it makes (this project, this key, this
// token): whatever a stale image lets through, the log takes the first event
// under an id and no other. So a thing is made once, for ever, on any node
// and across changes of the leader. A command whose outcome is unknown
// (errs.Unavailable) can be sent again; with the same Idempotency-Key it finds what
// the first one did.
//
// One file per command. Start reading at [Commands.execute]; the shortest command
// is in key_revoke.go.
package commands
