// Package kv is the node's one ordered key-value database: Badger, opened in
// the only way in which it keeps what it acknowledged.
//
// What it guarantees. A nil error from [DB.Write] means that all puts of the
// call are on the disk, together, and so is the directory entry of the file that
// holds them. After an error of a commit the state of the disk is unknown: every
// later Write fails with the same error, and only opening the database again
// decides. Reads see all commits that were acknowledged before they began, wait
// for none that is under way, and are not disturbed by later ones.
//
// What it does not. Badger cannot tell a torn tail of its newest files from
// bytes that rotted, and answers "not found" for a key in a block whose checksum
// is wrong. So "found" can be trusted, "not found" can not: who stores something
// that must be there keeps a way to know that it is missing (eventlog/store: seqs
// are dense), and [DB.Verify] re-reads everything.
//
// Errors say how the process must end, as errs.Fatal: another process has the
// database (77), the disk fails (75), is nearly full (76), or holds wrong bytes (74).
//
// The key space of all packages is in keys.go. Start reading at [Open] and
// [DB.Write].
package kv
