// Package drains delivers events to the destinations of log drains.
//
// A drain follows the log from its own position, in the order of the log, with one request
// on its way at a time. An event is delivered at least once: the position moves when the
// destination has taken what is before it. It is noted on this node's disk within a second of that,
// and at the end of [Deliverer.Run]; a crash in between delivers what came in that second again, under the
// same webhook-id if it is the same batch. With one node that is all there is to it.
//
// Only the leader delivers. So that the next one can go on there, it also tells the log how far each drain
// has come, by events of the type dashd.drain.advanced: every ten seconds or 4,096 delivered events at
// most, and before it gives the lead away. A new leader begins at the later one of that position and
// its own, which both lie before or at where the old leader was: so events may come twice, and none
// is left out. How often a destination has failed is not told: the next leader finds out by itself.
//
// One goroutine, [Deliverer.watch], reads each new block once, by its columns, and tells
// the drains which of them have something to do. So a drain without events costs nothing,
// and one whose destination is dead no more than the note that it has work. A
// drain that is behind reads for itself: blocks by their columns, or the index if it is far
// behind and its organization small. What it is about to deliver it keeps as a list of seqs, and reads
// the events themselves when it has a place in the queue for the network: memory is
// bounded by that queue, not by the number of drains.
//
// Nothing here is waited for by those who append events.
//
// Start reading at [Deliverer.Run], then [worker.run].
package drains
