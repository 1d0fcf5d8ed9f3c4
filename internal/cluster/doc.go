// Package cluster is this machine's part of the raft cluster: who it is, its raft
// log, whether it leads, and the way for a block to become part of the replicated log.
//
// What it guarantees:
//
//  1. [Cluster.Propose] never guesses. An error of its wait function is either
//     certain (the block is not in the log and will not get there) or has the code
//     OUTCOME_UNKNOWN. After a failure of this node's storage nothing is
//     acknowledged any more.
//  2. [Cluster.Term] names a term only when this node leads in it and has applied
//     everything of the terms before. What is looked up in the log after Term and
//     proposed under it cannot have been overtaken by another leader.
//  3. No raft entry is deleted before the event log's copy of it is on disk,
//     whatever raft asks for.
//  4. An entry that reads back other than it was written, and any failed write of
//     the raft log, stops the node. Nothing is written after a failed write.
//  5. The raft log, the database and node.json belong to one life of one node, or
//     the node does not start.
//
// A cluster of one is a cluster: the same code with a transport that goes nowhere.
//
// Start reading at [Open] for what must fit together, at [Cluster.Propose] for the
// path of a block, and at logStore for what is between raft and the disk.
package cluster
