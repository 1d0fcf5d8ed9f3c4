// Package projections holds the tables that are derived from the log.
//
// A projection is an image in memory: one goroutine folds the events of the log
// into it, in order, and publishes each new state to readers as an immutable
// value. A read takes one pointer and no lock, and everything it sees is as of
// one seq. What a projection holds is a function of the events and of nothing
// else: no clock, no setting, no randomness. So all nodes agree, and a projection
// can be thrown away and folded again at any time.
//
// What depends on the present moment (has this key expired?) is computed when it
// is read, from the time the reader brings.
//
// There is one projection yet, [Access]: projects, API keys and signing keys, from
// the events of the reserved project. [Follower] feeds it.
//
// Start reading at [Access.Apply].
package projections
