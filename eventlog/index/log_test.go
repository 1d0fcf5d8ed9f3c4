package index_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/kv"
)

// memLog is a log in memory. It tells by itself how far it is durable, which a
// real one decides when it likes.
type memLog struct {
	mu        sync.Mutex
	firsts    []uint64
	raws      [][]byte
	blocks    []block.Block
	head      uint64
	persisted uint64
	grew      chan struct{}
}

func newMemLog() *memLog { return &memLog{grew: make(chan struct{})} }

// add appends events as one block and says that the log is durable up to
// persisted, or up to its head if that is 0.
func (l *memLog) add(tb testing.TB, events []eventlog.Event, persisted uint64) {
	tb.Helper()
	var groups [][]byte
	for part := range slices.Chunk(events, block.GroupEvents) {
		g, err := block.AppendGroup(nil, part)
		if err != nil {
			tb.Fatal(err)
		}
		groups = append(groups, g)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: 1_800_000_000_000 + int64(len(l.blocks))}, groups...)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := block.Open(raw)
	if err != nil {
		tb.Fatal(err)
	}
	l.firsts = append(l.firsts, l.head+1)
	l.raws = append(l.raws, raw)
	l.blocks = append(l.blocks, b)
	l.head += uint64(len(events))
	l.persisted = persisted
	if persisted == 0 {
		l.persisted = l.head
	}
	close(l.grew)
	l.grew = make(chan struct{})
}

func (l *memLog) Head() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

func (l *memLog) PersistedSeq() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.persisted
}

func (l *memLog) Wait(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		head, grew := l.head, l.grew
		l.mu.Unlock()
		if head >= seq {
			return nil
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// at is the number of the block that holds seq.
func (l *memLog) at(seq uint64) int {
	i, ok := slices.BinarySearch(l.firsts, seq)
	if !ok {
		i--
	}
	return i
}

func (l *memLog) Select(seqs []uint64, fn func(*eventlog.Record) error) (int, error) {
	l.mu.Lock()
	if seqs[0] == 0 || seqs[0] > l.head {
		l.mu.Unlock()
		return 0, errors.New("no such seq")
	}
	i := l.at(seqs[0])
	b, first := l.blocks[i], l.firsts[i]
	l.mu.Unlock()
	var offsets []int
	for _, seq := range seqs {
		if seq < first+uint64(b.Len()) {
			offsets = append(offsets, int(seq-first))
		}
	}
	return len(offsets), b.Select(first, offsets, fn)
}

func (l *memLog) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	l.mu.Lock()
	i := l.at(from)
	firsts, raws, blocks := l.firsts, l.raws, l.blocks
	l.mu.Unlock()
	for ; i < len(firsts); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(firsts[i], raws[i], blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

// node is a running index over a log that outlives it.
type node struct {
	*index.Index
	tb    testing.TB
	log   *memLog
	dir   string
	db    *kv.DB
	opts  index.Options
	stop  context.CancelFunc
	ended chan error
}

// startNode opens an index in dir and runs it until the test's end or close.
func startNode(tb testing.TB, log *memLog, dir string, opts index.Options) *node {
	tb.Helper()
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	if opts.Fatal == nil {
		opts.Fatal = func(err error) { tb.Errorf("Fatal: %v", err) }
	}
	x, err := index.Open(log, db, opts)
	if err != nil {
		tb.Fatal(err)
	}
	n := &node{Index: x, tb: tb, log: log, dir: dir, db: db, opts: opts, ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func() { n.ended <- x.Run(ctx) }()
	tb.Cleanup(n.close)
	return n
}

func (n *node) close() {
	if n.db == nil {
		return
	}
	n.stop()
	if err := <-n.ended; err != nil {
		n.tb.Errorf("Run: %v", err)
	}
	if err := n.db.Close(); err != nil {
		n.tb.Error(err)
	}
	n.db = nil
}

// restart closes n and opens its directory again.
func (n *node) restart() *node {
	n.tb.Helper()
	n.close()
	return startNode(n.tb, n.log, n.dir, n.opts)
}

func (n *node) query(q index.Query) index.Page {
	n.tb.Helper()
	page, err := n.Query(context.Background(), q)
	if err != nil {
		n.tb.Fatalf("Query(%+v): %v", q, err)
	}
	return page
}
