package index_test

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/kv"
)

// Addresses that were forgotten are found nowhere: not in the open segment, not in
// full ones, not in those in the database, not after a restart. All else stays.
func TestForget(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(11, 1)), now: 1000, late: 20}
	log := newMemLog()
	var warnings bytes.Buffer // that the index had to correct itself
	opts := index.Options{Log: slog.New(slog.NewTextHandler(&warnings, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	opts.SetSegmentEvents(100)
	n := startNode(t, log, t.TempDir(), opts)
	// The first 500 events are durable; segments behind them stay in memory.
	w.grow(t, log, 1050, func(head uint64) uint64 { return min(head, 500) })
	n.query(index.Query{})

	// Every third event, and all of the second segment, so that its table is empty.
	rewritten := newMemLog()
	var seqs []uint64
	events := make([]eventlog.Event, 0, len(w.twin))
	for i := range w.twin {
		e := &w.twin[i].Event
		if i%3 == 0 || i/100 == 1 {
			e.IPAddress = ""
			seqs = append(seqs, uint64(i)+1)
		}
		events = append(events, *e)
	}
	rewritten.add(t, events, 500)
	log.mu.Lock()
	log.firsts, log.raws, log.blocks = rewritten.firsts, rewritten.raws, rewritten.blocks
	log.mu.Unlock()

	for range 2 { // a repeat does no harm
		if err := n.Forget(t.Context(), seqs); err != nil {
			t.Fatal(err)
		}
	}
	byAddress := func() {
		t.Helper()
		for range 200 {
			q := w.query()
			q.Project = "p"
			q.All = [][]index.Term{{{index.IP, w.event().IPAddress}}}
			w.compare(t, n, q)
		}
	}
	byAddress()
	n = n.restart()
	byAddress()
	if warnings.Len() > 0 {
		t.Errorf("the index still finds forgotten addresses: %.300s", &warnings)
	}
	_, err := n.db.Get(kv.IndexKey('i', 1), func(val []byte) error {
		if !bytes.Equal(val[14:22], make([]byte, 8)) {
			t.Errorf("the second segment still has addresses: % x", val)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
