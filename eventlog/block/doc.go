// Package block turns batches of events into the bytes that are proposed to raft,
// shipped to the other nodes and stored for ever, and reads them in place.
//
// A block is an envelope (who proposed it, when, a hash over everything) around
// groups. A group is what one request brought: the leader encodes it in the
// request's goroutine with [AppendGroup] and never looks inside again; [Seal] puts
// groups one behind the other. So a block costs its hash and one copy, however many
// events it holds.
//
// The public part of an event stands in columns that are read without
// decompressing anything ([Group]); the index is built from them. The personal
// parts stand behind, compressed in sub-blocks of [SubEvents], so that one event
// costs the decompression of at most that many.
//
// What the format guarantees: a block that [Open] accepts is the block that was
// sealed, bit by bit, and reading it never panics, whatever its bytes. What a block
// says is a function of its bytes; the reverse does not hold, since a release of the
// compressor may find a shorter way to say the same. So nodes compare blocks they were given
// by their bytes, and blocks they made themselves by their leaves.
//
// The canonical bytes under [Commit] and [Leaf] depend on the event alone. The
// personal part is stored in just those bytes; to change one would break every
// proof ever given.
//
// The bytes are drawn where they are made: the envelope in block.go, the rest on
// [Group], [Commit] and [Leaf]. This is format version 1; testdata/v1.block holds an example.
//
// Start reading at [Group].
package block
