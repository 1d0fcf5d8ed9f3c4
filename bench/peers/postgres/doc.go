// Package postgres measures PostgreSQL 15 as a store of events: one server with the indexes that the same questions
// need (postgres), one with the primary key alone (postgres-bare), and a primary with two standbys of which one must have
// flushed what is acknowledged (postgres-quorum).
//
// Every server runs with fsync, synchronous_commit and full_page_writes on. Otherwise it has what PostgreSQL's manual recommends for
// many writes ("Populating a Database", "WAL Configuration"): large shared buffers, checkpoints far apart, a WAL that is kept and used again,
// compressed full-page images. Rows are sent in the binary format, by prepared statements or COPY, and are encoded before the clock starts.
//
// With synchronous_commit = on a commit on the quorum waits until a standby has flushed it, as an entry of raft waits for the disks of a
// majority. remote_apply would wait until the standby shows it, which dashd does not do either.
//
// Start reading at [Peer.Start].
package postgres
