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
// Bytes read from disk are compared with their hash before anybody sees them.
// What cannot be right (a hash, a gap, a position beyond the blocks) ends the
// node with errs.ExitIntegrity; what cannot be written, with errs.ExitIO or
// errs.ExitDiskLow. Nothing is skipped, truncated or guessed.
//
// Start reading at [Store]; [Store.Run] is how blocks reach the disk.
package store
