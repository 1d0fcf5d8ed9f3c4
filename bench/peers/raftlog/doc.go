// Package raftlog measures hashicorp/raft-wal as a store of raft entries, beside the one dashd has
// (BenchmarkStoreLogs in dashd/internal/cluster, which makes the same entries), and shows what it does with a
// damaged file. What follows from both is in bench/PROFILE.md.
package raftlog
