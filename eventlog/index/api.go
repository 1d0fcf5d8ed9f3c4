package index

import (
	"context"
	"log/slog"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/kv"
)

// Log is the part of eventlog/store.Store the index reads.
type Log interface {
	Head() uint64
	Wait(ctx context.Context, seq uint64) error
	Block(seq uint64) (b block.Block, first uint64, err error)
	Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error
	PersistedSeq() uint64
}

// SegmentEvents is the length of a segment.
const SegmentEvents = 1 << 16

// Index finds events.
type Index struct{}

// Options of Open.
type Options struct {
	Log        *slog.Logger
	CacheBytes int64 // memory for parts of sealed segments; 0: 96 MiB
	Fatal      func(error)
}

// Open loads the list of sealed segments.
func Open(log Log, db *kv.DB, o Options) (*Index, error) { panic("skeleton") }

// Run follows the log until ctx ends.
func (x *Index) Run(ctx context.Context) error { panic("skeleton") }

// Indexed is the last seq that queries see. Wait waits until it is at least seq.
func (x *Index) Indexed() uint64                            { panic("skeleton") }
func (x *Index) Wait(ctx context.Context, seq uint64) error { panic("skeleton") }

// Field names what a term is about.
type Field uint8

const (
	User Field = iota + 1
	Key
	Organization
	Session
	Actor
	IP
	Country
)

// Term is one exact value of one field.
type Term struct {
	Field Field
	Value string
}

// Query selects events of one project. The zero value of a filter means all.
type Query struct {
	Project    string
	Types      []eventlog.Type // together with Categories: any of them
	Categories []string
	Statuses   []eventlog.Status
	Severities []eventlog.Severity // as SeverityOf gives it
	Sources    []eventlog.Source
	All        [][]Term // of each element, at least one term must hold
	Since      *int64   // Time >= Since, ms
	Until      *int64   // Time < Until, ms
	// Match, if set, is asked for each event that passes everything else. It makes
	// the query read every such event.
	Match func(*eventlog.Record) bool

	BySeq     bool // order by seq; else by (Time, seq)
	Ascending bool
	After     *Place // start behind this place in the order asked for
	Offset    int
	Limit     int  // 0: no events, only Total
	SkipTotal bool // Total may be left 0
}

// Place is a position in both orders.
type Place struct {
	Time int64
	Seq  uint64
}

// Page is an answer.
type Page struct {
	Records []eventlog.Record
	More    bool
	Total   uint64 // matches, whatever the page
	Seq     uint64 // the index's position the answer is as of
}

// Query answers from a consistent view of all events up to Indexed. It first
// waits until the events acknowledged before the call are indexed.
func (x *Index) Query(ctx context.Context, q Query) (Page, error) { panic("skeleton") }

// Stats counts the events a query selects. Order, After, Offset and Limit are ignored.
func (x *Index) Stats(ctx context.Context, q Query) (eventlog.Stats, uint64, error) {
	panic("skeleton")
}
