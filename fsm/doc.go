// Package fsm applies committed raft entries to the event log of this node.
//
// An entry is one block of events. Applying it gives the events the next
// sequence numbers and appends the block to the head of the log, in memory.
// It is durable already: a majority of nodes has it in its raft log, and no
// node truncates that log before its own copy of the block has been synced.
//
// The FSM decides nothing. It reads no clock and no projection, and never looks
// inside an event; whatever needs a decision was decided by the leader before
// it proposed the block. Two nodes that applied the same index are therefore
// equal byte for byte.
//
// An entry that cannot be applied stops the process: going on without it would
// make this node differ from the others.
//
// A snapshot is a position and no copy: the only one there ever is says how far
// the log on this node's disk reaches. Raft lists it through [Snapshots], so what
// raft believes to be restored is what is there.
//
// What one node sends another as its snapshot is a manifest: that position, and who sends
// it. [FSM.Restore] fetches what the log lacks and installs it part by part. Each part is
// durable before the next, checked against the chain of both logs; the raft index moves with the
// last. So a crash leaves a log that is shorter and true, and raft, which knows of no
// snapshot but what is listed, sends one again.
//
// Start reading at [FSM.ApplyBatch].
package fsm
