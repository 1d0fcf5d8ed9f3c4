// Package eventlog says what an authentication event is: its fields, its types,
// what is accepted, what is redacted, how events are ordered and rated.
//
// It computes and never stores, and needs only the standard library. Everything
// else in dashd moves [Event] values about: internal/wire makes them from what
// producers send, eventlog/block turns them into bytes, eventlog/store keeps
// those, eventlog/index finds them, projections fold them.
//
// An event has two parts. The public part names what happened, to which
// pseudonymous ids, when, and in which country. The personal part holds whatever
// can identify a person, and can be erased without changing the event's place or
// its proof.
//
// Start reading at [Event]; what producers may send is decided by [Event.Check].
package eventlog
