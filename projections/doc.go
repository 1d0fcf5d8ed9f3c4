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
// There are two. [Access] holds projects, API keys and signing keys, from the events of
// the reserved project; it is small, and [Follower] makes it anew at each start from what
// the index finds. [Dash] holds the tables behind the dashboard, of all projects;
// [DashFollower] takes up its newest checkpoint and folds the tail of the log.
//
// A checkpoint is a generation of chunks in the database: the rows of each node of the
// tables' arrays, compressed, and a manifest that names them with their hashes. The next
// one refers to the chunks of those before for the nodes that have not changed. Its root
// is written last, so that a crash leaves the generation before; one that is
// incomplete or damaged is passed over; and all of them can be made again from the log.
// The formats are drawn on the type manifest.
//
// [History] makes the tables of one project as of any seq of the past, from the checkpoint
// before it and the events since, by the same rules; [Follower.At] does so for [Access].
//
// Start reading at [Access.Apply] and [DashFollower.Run].
package projections
