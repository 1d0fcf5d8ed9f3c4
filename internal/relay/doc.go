// Package relay appends events on a node that may not lead the cluster: here if it does,
// else at the node that does.
//
// A request that has come to any node is parsed and checked there; only its events travel,
// over the cluster port, in the form in which the log keeps them, with the hash of the key that
// they were sent with. The leader checks that key again, for it may know of a revocation that
// the other node has yet to see, and lets a node report about itself only what a node may:
// see [FromNode].
//
// What becomes of an append (P9 of the reliability design):
//
//	NOT_LEADER, SHUTTING_DOWN, or it was never sent   nothing was written: tried again, for 10 s in all
//	OUTCOME_UNKNOWN, or no answer to what was sent    it may be written: tried again if every event has
//	                                                  an id that its producer gave, else that error
//	any other error                                   nothing was written, and trying again is the client's
//	the request's context ends                        OUTCOME_UNKNOWN once it was sent
//
// An event that is tried again keeps its salt, which is random: so the log can tell the relay's second
// try from the producer's repeat, and answers it as if it were the first (appender.Result).
//
// Start reading at [Relay.Append].
package relay
