package store

import (
	"context"
	"log/slog"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// Position is how far a log reaches.
type Position struct {
	Index, Term uint64 // last raft entry applied
	Seq         uint64 // last event; 0 if none
	// Configuration is raft's, encoded by fsm, as of ConfigurationIndex.
	Configuration      []byte
	ConfigurationIndex uint64
}

// Applied is where a block's events went.
type Applied struct {
	First, Last uint64 // seq
	ReceivedAt  int64
}

// Store is the event log of one node: a durable prefix in Badger and the newest blocks in memory.
type Store struct{}

// Options of Open.
type Options struct {
	Log *slog.Logger
	// Fatal is called once, when the log on disk cannot be trusted or written.
	// It must not return to normal work: the process stops.
	Fatal func(error)
}

// Open reads the persisted position and checks the tail of the log against it.
func Open(db *kv.DB, o Options) (*Store, error) { panic("skeleton") }

// Run persists blocks, in order, until ctx ends; then it persists what is left.
func (s *Store) Run(ctx context.Context) error { panic("skeleton") }

// Append gives the events of a checked block the next positions and makes it the
// head of the log, in memory. Only the FSM calls it, from one goroutine. An index
// at or below the applied one is skipped and answers the zero Applied. b is the parse of raw;
// the store keeps both.
func (s *Store) Append(index, term uint64, raw []byte, b block.Block) (Applied, error) {
	panic("skeleton")
}

// SetConfiguration records raft's configuration entry.
func (s *Store) SetConfiguration(index, term uint64, conf []byte) { panic("skeleton") }

func (s *Store) Applied() Position   { panic("skeleton") }
func (s *Store) Persisted() Position { panic("skeleton") }

// PersistedSeq is Persisted().Seq.
func (s *Store) PersistedSeq() uint64 { panic("skeleton") }

// WaitPersisted waits until the persisted index is at least index.
func (s *Store) WaitPersisted(ctx context.Context, index uint64) error { panic("skeleton") }

// Head is the last seq of the log, 0 if empty. LastReceived is its time of receipt.
func (s *Store) Head() uint64        { panic("skeleton") }
func (s *Store) LastReceived() int64 { panic("skeleton") }

// Wait waits until Head is at least seq.
func (s *Store) Wait(ctx context.Context, seq uint64) error { panic("skeleton") }

// Pending is the number of bytes in memory that are not persisted yet.
func (s *Store) Pending() int64 { panic("skeleton") }

// Block returns the block that holds seq and the seq of its first event.
func (s *Store) Block(seq uint64) (b block.Block, first uint64, err error) { panic("skeleton") }

// Blocks calls fn for each block from the one that holds from up to the head as it
// was at the call, in order. The block may be kept. raw is the stored bytes.
func (s *Store) Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error {
	panic("skeleton")
}

// Read returns one event.
func (s *Store) Read(seq uint64) (eventlog.Record, error) { panic("skeleton") }

// Lookup finds an event by the hash of an id that its producer chose.
func (s *Store) Lookup(hash [16]byte) (seq uint64, ok bool, err error) { panic("skeleton") }

// FindID finds an event of a project by its id, whoever chose it. Ids made by dashd are UUIDv7
// whose time is at most the block's ReceivedAt, and close to it.
func (s *Store) FindID(project, id string) (seq uint64, ok bool, err error) { panic("skeleton") }
