// Package sqlite measures SQLite as a store of events, in the process of the load generator: the C library itself, through
// github.com/mattn/go-sqlite3, which needs a C compiler. dashd needs none, and nothing of this is in it.
//
// journal_mode = WAL with synchronous = FULL: a commit has been flushed when it returns. There is one writer at a time, as SQLite has it; clients
// wait for it in a queue of the process, where waiting costs nothing, not at the file's lock. The cache is large and checkpoints of
// the WAL are rarer than by default.
//
// Start reading at [Peer.Start].
package sqlite
