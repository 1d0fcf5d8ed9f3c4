package index

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Log is the part of eventlog/store.Store the index reads.
type Log interface {
	Head() uint64
	Wait(ctx context.Context, seq uint64) error
	Select(seqs []uint64, fn func(*eventlog.Record) error) (n int, err error)
	Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error
	PersistedSeq() uint64
}

// SegmentEvents is the length of a segment. It is part of the format.
const SegmentEvents = 1 << 16

const defaultCacheBytes = 96 << 20

// Options of Open.
type Options struct {
	Log        *slog.Logger
	CacheBytes int64 // memory for parts of sealed segments; 0: 96 MiB
	// Fatal is called once, when a query finds that the stored index cannot be
	// trusted or read. The process must stop. Errors of Open and Run are returned.
	Fatal func(error)

	segmentEvents int // tests cross many segments; 0: SegmentEvents
}

// Index finds events.
type Index struct {
	// Immutable after Open.
	log           *slog.Logger
	source        Log
	db            *kv.DB
	loader        *loader
	segmentEvents int
	pool          *kindPool

	// sealing is held while a segment is written; it comes before building.
	sealing sync.Mutex
	// building is held while segments in memory change: per block, without I/O.
	building sync.Mutex

	// Only Run's goroutine.
	open   *dense
	full   []*dense // full, and not handed to the sealer yet
	hasher *hasher

	// view is what queries see; replaced, never changed. Writers hold mu.
	view atomic.Pointer[view]
	mu   sync.Mutex
	grew chan struct{} // closed at the next view; nil if nobody waits
}

// view is the index at a moment. Immutable.
type view struct {
	done []segment  // full segments, in order, without a gap from seq 1
	open *denseView // nil if it has no rows
	seq  uint64     // last seq
}

// segment is a run of consecutive events as queries see it.
type segment interface {
	start() uint64 // seq of row 0
	rows() int
	span() (least, greatest int64) // of the times
	sorted() bool                  // times never decrease from row to row
	kindTable() (*kindTable, error)
	kindColumn() ([]uint16, error)
	timeColumn() (timeColumn, error)
	// hourTable may be nil, or not whole: then the columns have to be looked at.
	hourTable() (*hourTable, error)
	// find returns the rows for which at least one of the terms holds,
	// ascending. The caller must not change them.
	find(clause []term) ([]uint16, error)
}

// segments are all segments, in order of seq.
func (v *view) segments() []segment {
	if v.open == nil {
		return v.done
	}
	return append(slices.Clip(v.done), v.open)
}

// Open loads the list of sealed segments. The index answers once Run has read the
// rest of the log.
func Open(log Log, db *kv.DB, o Options) (*Index, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.segmentEvents == 0 {
		o.segmentEvents = SegmentEvents
	}
	var once sync.Once
	pool := &kindPool{}
	x := &Index{
		log: o.Log, source: log, db: db, pool: pool,
		segmentEvents: o.segmentEvents,
		hasher:        new(hasher),
	}
	x.loader = &loader{still: &x.sealing, db: db, cache: newCache(o.CacheBytes), pool: pool, fatal: func(err error) {
		once.Do(func() {
			if o.Fatal != nil {
				o.Fatal(err)
			}
		})
	}}
	v := &view{}
	err := db.Scan(kv.PrefixSegment, nil, func(_, val []byte) (bool, error) {
		m, err := decodeMeta(val, uint64(len(v.done)), pool)
		if err == nil && (m.first != v.seq+1 || m.n != x.segmentEvents) {
			err = fmt.Errorf("%d events from seq %d", m.n, m.first)
		}
		if err != nil {
			return false, errs.Stop(errs.ExitIntegrity, fmt.Errorf("index: segment %d: %w", len(v.done), err))
		}
		v.done = append(v.done, newSealed(m, x.loader))
		v.seq += uint64(m.n)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if persisted := log.PersistedSeq(); v.seq > persisted {
		return nil, errs.Stop(errs.ExitIntegrity, fmt.Errorf("index: reaches seq %d, the log %d", v.seq, persisted))
	}
	x.view.Store(v)
	return x, nil
}

// Indexed is the last seq that queries see.
func (x *Index) Indexed() uint64 { return x.view.Load().seq }

// Wait waits until Indexed is at least seq.
func (x *Index) Wait(ctx context.Context, seq uint64) error {
	for x.Indexed() < seq {
		x.mu.Lock()
		if x.Indexed() >= seq { // views are replaced under mu
			x.mu.Unlock()
			return nil
		}
		if x.grew == nil {
			x.grew = make(chan struct{})
		}
		grew := x.grew
		x.mu.Unlock()
		select {
		case <-grew:
		case <-ctx.Done():
			return ended(ctx, "INDEX_BEHIND", "the newest events are not indexed yet: try again")
		}
	}
	return nil
}

// publish replaces the view by what change makes of a copy, and wakes who waits.
func (x *Index) publish(change func(*view)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	next := *x.view.Load()
	change(&next)
	x.view.Store(&next)
	if x.grew != nil {
		close(x.grew)
		x.grew = nil
	}
}
