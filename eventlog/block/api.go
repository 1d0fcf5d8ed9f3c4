package block

import "dashd/eventlog"

// Limits of format version 1.
const (
	MaxBytes    = 1 << 20 // a sealed block
	GroupEvents = 1024    // events of a group
	SubEvents   = 64      // events of a compressed sub-block
)

// Header is what a block says about all its events.
type Header struct {
	Proposer   string // node id of the leader that proposed it
	ReceivedAt int64  // of every event in it, ms; >= that of the block before
}

// AppendGroup appends the encoding of 1 to GroupEvents events to dst. A group is
// self-contained: dictionary, columns (the public parts), and s2-compressed
// sub-blocks of SubEvents events (salts and personal parts). It is made in the
// request's goroutine and never changed after.
func AppendGroup(dst []byte, events []eventlog.Event) ([]byte, error) { panic("skeleton") }

// Seal makes a block of groups: header, groups, SHA-256 over all before.
func Seal(h Header, groups ...[]byte) ([]byte, error) { panic("skeleton") }

// SealedSize is the length of Seal's result for groups of the given total length.
func SealedSize(h Header, groups, bytes int) int { panic("skeleton") }

// Block is a parsed block. It refers to the bytes it was parsed from, which must
// not change. It is immutable and safe for concurrent use.
type Block struct {
	Header
	n      int
	groups []Group
}

// Open checks the envelope hash and the structure of b and returns a view of it.
// After Open, no method of Block or Group panics, whatever b held; those that
// must decompress may still return an error.
func Open(b []byte) (Block, error) { panic("skeleton") }

// View is Open without the hash, for bytes this process has checked before.
func View(b []byte) (Block, error) { panic("skeleton") }

// Len is the number of events.
func (b *Block) Len() int { panic("skeleton") }

// Groups are the groups of the block, in order.
func (b *Block) Groups() []Group { panic("skeleton") }

// Event decodes event i (0-based). The strings it returns are copies.
func (b *Block) Event(i int) (eventlog.Event, error) { panic("skeleton") }

// Each calls fn for every event in order, with ReceivedAt and Seq = first + i
// set. The record is reused: fn must not keep it, but may keep its strings; its byte
// slices (Metadata, Sealed) are valid during the call only.
func (b *Block) Each(first uint64, fn func(*eventlog.Record) error) error { panic("skeleton") }

// Column names a string column of a group.
type Column uint8

// The string columns. Each row holds a reference into the group's dictionary;
// reference 0 is the empty string.
const (
	ColProject Column = iota
	ColType
	ColUser
	ColKey
	ColOrganization
	ColSession
	ColActor
	ColCountry
	ColIP // a copy of the personal part's address, for the index; empty once erased
	NumColumns
)

// Group is a run of events encoded together.
type Group struct {
	first int
	data  []byte
}

// First is the offset in the block of the group's first event; Len the number
// of its events.
func (g *Group) First() int { panic("skeleton") }
func (g *Group) Len() int   { panic("skeleton") }

// DictLen is the number of dictionary entries, with the empty one; Dict returns
// one of them, as bytes of the block.
func (g *Group) DictLen() int           { panic("skeleton") }
func (g *Group) Dict(ref uint16) []byte { panic("skeleton") }

// Ref returns row i of a string column.
func (g *Group) Ref(c Column, i int) uint16 { panic("skeleton") }

// Time, Status, Source, Shown and GivenID return fixed columns of row i.
func (g *Group) Time(i int) int64              { panic("skeleton") }
func (g *Group) Status(i int) eventlog.Status  { panic("skeleton") }
func (g *Group) Source(i int) eventlog.Source  { panic("skeleton") }
func (g *Group) Shown(i int) eventlog.Severity { panic("skeleton") }
func (g *Group) GivenID(i int) bool            { panic("skeleton") }

// ID returns the id of row i.
func (g *Group) ID(i int) string { panic("skeleton") }

// Commit is SHA-256(0x02 || salt || personal part in canonical bytes), or
// e.Commit if e is erased.
func Commit(e *eventlog.Event) [32]byte { panic("skeleton") }

// Leaf is SHA-256(0x00 || public part in canonical bytes || commit): the leaf of
// the log's Merkle tree.
func Leaf(r *eventlog.Record) [32]byte { panic("skeleton") }

// IDHash identifies (project, id) in the index of given ids: the first 16 bytes
// of SHA-256(len(project) as uint8 || project || id).
func IDHash(project, id string) [16]byte { panic("skeleton") }
