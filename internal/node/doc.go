// Package node is a running dashd without its faces: the event log, its index,
// raft and the appender, opened in the one order that is safe, run together, and
// stopped in the reverse order.
//
// What it guarantees:
//
//  1. Either every store of the data directory belongs to this node and fits the
//     others, or [Open] refuses. Nothing is written before that is known, but for
//     what a first start makes.
//  2. After a failure of storage, in whatever part, nothing is acknowledged any
//     more, and [Node.Run] returns the failure with its exit code within seconds,
//     whether or not everything else could be stopped.
//  3. A stop loses nothing: what was taken is finished, then raft stops, then the
//     log is persisted to its end, then the database closes.
//
// The data directory:
//
//	lock        held by the process that runs the node
//	node.json   whose directory this is
//	raft.db     the raft log
//	events/     the database: log, index, projections
//
// Start reading at [Open].
package node
