// Package store is the event log of one node.
//
// A log is a sequence of events, numbered from 1 without gaps, in blocks: each
// block is what one raft entry brought. The newest blocks are in memory, the
// head; the others are in the database, where each transaction holds whole
// blocks, the index of the ids their producers chose, and the position they
// reach. So what is stored is at any moment, also after a crash between any two
// instructions, an exact prefix of the log that says itself how long it is.
//
// Appending never waits for this node's disk. An event is durable because a
// majority has synced it to the raft log, and the raft log is truncated only up
// to [Store.Persisted]: after a crash raft delivers again what the head held.
//
// The position says a chain hash, over all blocks in order. Rows of a/ say it every 3 MiB of
// blocks, so [Store.ChainAt] answers for the end of any block, on any node, and two nodes compare their
// logs by 32 bytes. Open compares the blocks since the last row with the position, [Store.Check] all.
//
// A node that lacks more than raft's log has gets it as parts of another's: [Store.Parts]
// there, [Store.Install] here. Each is a synced transaction of whole blocks, their ids and the position, and is
// refused unless its chain follows from ours. Only the end of a log is known by its
// raft index, so until the last part is in the position keeps the index from before and
// says how many events are ahead of it. Should raft deliver the entries that brought these
// after all, they are compared with what is there. So logs of any age and size can be sent, those
// from before there were rows of a/ too.
//
// Bytes read from disk are compared with their hash before anybody sees them.
// What cannot be right (a hash, a gap, a position beyond the blocks) ends the
// node with errs.ExitIntegrity; what cannot be written, with errs.ExitIO or
// errs.ExitDiskLow. Nothing is skipped, truncated or guessed.
//
// Start reading at [Store]; [Store.Run] is how blocks reach the disk.
package store
