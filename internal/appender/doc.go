// Package appender turns the requests of many callers into blocks and has them
// replicated: group commit without timers.
//
// [Appender.Append] does in the caller's goroutine what it can: ids, salts, the
// hashes of given ids and, for a request of some size, its encoding. Then the
// request waits in a queue. Whatever waits when there is room for another block
// becomes one: one block at a time while little waits, up to three when a good
// part of a block does. So a single event pays for one write and a flood fills
// the pipeline, without a delay being chosen by anybody.
//
// What it guarantees:
//
//  1. A request is never split: its events are in one block, in order, without
//     others in between.
//  2. An id that a producer chose names one event for ever. The first event under
//     it is written; a repeat with the same content gets the first one's seq, and
//     other content is refused. That holds within a request, against blocks in
//     flight, and against everything in the log.
//  3. Blocks reach raft in the order in which they were formed, and their time of
//     receipt never runs backwards.
//  4. An error of a block is an error of the requests that depended on it, and of
//     no others. Kind Unavailable with code OUTCOME_UNKNOWN means that the events
//     may be in the log, or get there; any other error means that they never will.
//
// How the second holds: Run's goroutine enters each given id in a table before
// anything else happens to it, so of two events under one id the later one always
// finds the earlier. The entry leaves the table only when its block's outcome is
// known, and by then the log answers for it. The log is looked up behind the
// entry, in the goroutine of the block.
//
// All this is done under one term of raft: a block is proposed in the term in
// which its ids were looked up, or not at all.
//
// Start reading at [Appender.Append], then [Appender.Run] and pending.write.
package appender
