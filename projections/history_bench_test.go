package projections_test

import (
	"context"
	"os"
	"sort"
	"strconv"
	"testing"

	"dashd/internal/kv"
	"dashd/projections"
)

// dayOfEvents is what a busy day brings: that far from a checkpoint a moment may be.
const dayOfEvents = 300_000

// BenchmarkHistory measures how long the tables of a moment take that lies a day behind
// a checkpoint, when nothing is kept (cold) and when it is asked for again (warm). It has 100,000
// users, or as many as DASHD_BENCH_USERS says.
func BenchmarkHistory(b *testing.B) {
	users := benchUsers
	if text := os.Getenv("DASHD_BENCH_USERS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		users = n
	}
	l := crowdLog(b, users)
	db, err := kv.Open(b.TempDir(), kv.Options{MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // of no interest
	before := *l
	before.cut(l.head - min(l.head/2, dayOfEvents))
	before.run(b, projections.NewDashFollower(&before, projections.DashOptions{DB: db}))
	wanted := l.head - 1

	f := projections.NewDashFollower(l, projections.DashOptions{})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Wait(b.Context(), l.head); err != nil {
		b.Fatal(err)
	}
	b.Run("cold", func(b *testing.B) {
		began := processorTime()
		for b.Loop() {
			h := projections.HistoryOf(l, f, db)
			if _, err := h.At(b.Context(), "default", wanted); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((processorTime()-began).Seconds()/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(wanted-before.head), "events")
	})
	b.Run("warm", func(b *testing.B) {
		h := projections.HistoryOf(l, f, db)
		if _, err := h.At(b.Context(), "default", wanted); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := h.At(b.Context(), "default", wanted); err != nil {
				b.Fatal(err)
			}
		}
	})
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// TestWhatAFoldIsSaidToWeigh compares the estimate with the memory that the tables take.
func TestWhatAFoldIsSaidToWeigh(t *testing.T) {
	l := crowdLog(t, 20_000)
	f := projections.NewDashFollower(l, projections.DashOptions{})
	l.run(t, f)
	var takes int64
	for _, table := range f.Memory() {
		takes += table.Bytes
	}
	if says := projections.WeightOf(f); says < takes/2 || says > 2*takes {
		t.Errorf("the estimate is %d bytes, the tables take %d", says, takes)
	}
}

// cut ends the log at the last block that ends at or before seq.
func (l *crowd) cut(seq uint64) {
	n, last := 0, uint64(0)
	for n < len(l.blocks) && last+uint64(l.blocks[n].Len()) <= seq {
		last += uint64(l.blocks[n].Len())
		n++
	}
	l.blocks, l.head = l.blocks[:n], last
}

// ReceivedSince is that of a store.
func (l *crowd) ReceivedSince(t int64) (uint64, error) {
	seq := uint64(1)
	n := sort.Search(len(l.blocks), func(i int) bool { return l.blocks[i].ReceivedAt >= t })
	for i := range n {
		seq += uint64(l.blocks[i].Len())
	}
	return seq, nil
}
