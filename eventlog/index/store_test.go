package index_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"dashd/eventlog/index"
	"dashd/eventlog/store"
	"dashd/internal/kv"
)

// The index works on the real log, which persists when it likes, in the database
// that both share; and again after a restart of both.
func TestIndexOnStore(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(21, 1)), now: 1000, late: 20}
	blocks := newMemLog() // makes the blocks
	dir := t.TempDir()
	for range 2 {
		w.grow(t, blocks, 500, always)
		db, err := kv.Open(dir, kv.Options{})
		if err != nil {
			t.Fatal(err)
		}
		log, err := store.Open(db, store.Options{Fatal: func(err error) { t.Errorf("store: %v", err) }})
		if err != nil {
			t.Fatal(err)
		}
		var opts index.Options
		opts.SetSegmentEvents(100)
		x, err := index.Open(log, db, opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- log.Run(ctx) }()
		go func() { ended <- x.Run(ctx) }()

		for i := blocks.at(log.Head() + 1); i < len(blocks.blocks); i++ {
			if _, err := log.Append(uint64(i)+1, 1, blocks.raws[i], blocks.blocks[i]); err != nil {
				t.Fatal(err)
			}
		}
		n := &node{Index: x, tb: t}
		for range 50 {
			w.compare(t, n, w.query())
		}
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
