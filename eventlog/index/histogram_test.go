package index_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/errs"
)

const hour = int64(time.Hour / time.Millisecond)

var dimensions = map[index.Dimension]func(*eventlog.Record) string{
	index.Whole:      func(*eventlog.Record) string { return "" },
	index.ByType:     func(r *eventlog.Record) string { return string(r.Type) },
	index.ByCategory: func(r *eventlog.Record) string { return r.Type.Category() },
	index.ByStatus:   func(r *eventlog.Record) string { return r.Status.String() },
	index.BySeverity: func(r *eventlog.Record) string { return eventlog.SeverityOf(r.Type, r.Status, r.Shown).String() },
	index.BySource:   func(r *eventlog.Record) string { return r.Source.String() },
}

// histogram is the slow and obvious one.
func (w twin) histogram(q *index.Query, b index.Buckets, by index.Dimension, most int) index.Histogram {
	h := index.Histogram{Counts: make([]uint64, b.N), Seq: w.asOf(q)}
	if q.UpTo != nil {
		h.Seq = min(h.Seq, *q.UpTo)
	}
	series := map[string]*index.Series{}
	for _, r := range w.matches(q) {
		for i := range b.N {
			start := b.Start + int64(i)*b.Width
			if r.Time < start || r.Time >= start+b.Width {
				continue
			}
			value := dimensions[by](&r)
			if series[value] == nil {
				series[value] = &index.Series{Value: value, Counts: make([]uint64, b.N)}
			}
			h.Total++
			h.Counts[i]++
			series[value].Total++
			series[value].Counts[i]++
		}
	}
	if h.Values = len(series); by == index.Whole {
		h.Values = 1
		return h
	}
	for _, s := range series {
		h.Series = append(h.Series, *s)
	}
	slices.SortFunc(h.Series, func(a, b index.Series) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Value, b.Value))
	})
	if len(h.Series) > most {
		h.Others = &index.Series{Counts: make([]uint64, b.N)}
		for _, s := range h.Series[most:] {
			h.Others.Total += s.Total
			for i, n := range s.Counts {
				h.Others.Counts[i] += n
			}
		}
		h.Series = h.Series[:most]
	}
	return h
}

func (w *world) buckets() index.Buckets {
	rng := w.rng
	b := index.Buckets{Width: []int64{hour, 24 * hour, 7 * 24 * hour}[rng.IntN(3)], N: 1 + rng.IntN(40)}
	if rng.IntN(3) == 0 { // of any length, beginning anywhere
		b.Width = 1 + rng.Int64N(w.at(60))
		b.Start = w.at(rng.Int64N(w.now)) + rng.Int64N(b.Width)
		return b
	}
	b.Start = w.at(rng.Int64N(w.now))
	b.Start -= b.Start % b.Width
	return b
}

func (w *world) compareHistogram(t *testing.T, n *node, q index.Query, b index.Buckets, by index.Dimension, most int) {
	t.Helper()
	want := w.twin.histogram(&q, b, by, most)
	got, err := n.Histogram(t.Context(), q, b, by, most)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Series) == 0 { // of none there are several
		got.Series = want.Series[:len(got.Series)]
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("Histogram(%s, %+v, %d, %d)\n got %+v\nwant %+v", show(q), b, by, most, got, want)
	}
	since, until := b.Start, b.Start+int64(b.N)*b.Width
	if q.Since == nil || *q.Since < since {
		q.Since = &since
	}
	if q.Until == nil || *q.Until > until {
		q.Until = &until
	}
	if stats, _, err := n.Stats(t.Context(), q); err != nil || stats.Total != got.Total {
		t.Fatalf("Stats(%s) counts %d, %v; its histogram %d", show(q), stats.Total, err, got.Total)
	}
}

// Histograms are those of a slow and obvious loop, whatever is asked, while the index
// grows and after restarts: over segments in memory and in the database, by hours and by rows.
func TestHistogramAgreesWithTwin(t *testing.T) {
	tests := []struct {
		name       string
		segment    int
		late, step int64
		cache      int64
		persisted  func(head uint64) uint64
	}{
		{"many events in an hour", 400, 20, hour / 300, 0, always},
		{"a few in an hour, in order", 200, 1, hour / 20, 0, always},
		{"an hour has less than one", 100, 20, hour + 1, 0, always},
		{"times in any order", 200, 2000, hour / 90, 0, always},
		{"all in one hour", 100, 20, 1, 0, always},
		{"no room for parts", 100, 20, hour / 100, 1, always},
		{"a log that is never durable", 100, 20, hour / 30, 0, func(uint64) uint64 { return 1 }},
	}
	queries := 60
	if testing.Short() {
		queries = 20
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seed := uint64(i) + 100
			t.Logf("seed %d", seed)
			w := &world{rng: rand.New(rand.NewPCG(seed, 1)), now: 1000, late: tt.late, step: tt.step}
			log := newMemLog()
			opts := index.Options{CacheBytes: tt.cache}
			opts.SetSegmentEvents(tt.segment)
			n := startNode(t, log, t.TempDir(), opts)
			for round := range 3 {
				w.grow(t, log, 1+w.rng.IntN(1200), tt.persisted)
				if round%2 == 1 {
					n = n.restart()
				}
				for range queries {
					w.compareHistogram(t, n, w.query(), w.buckets(), index.Dimension(w.rng.IntN(len(dimensions))), w.rng.IntN(5))
					// What only kinds and times decide.
					w.compareHistogram(t, n, index.Query{Project: "p"}, w.buckets(), index.Dimension(w.rng.IntN(len(dimensions))), 3)
				}
			}
		})
	}
}

// A segment whose events are years apart, or of each hour another kind, is counted by its rows.
func TestHistogramOfSegmentsWithoutHours(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(8, 8)), now: 1000, late: 900, step: 11 * 24 * hour}
	log := newMemLog()
	var opts index.Options
	opts.SetSegmentEvents(100)
	n := startNode(t, log, t.TempDir(), opts)
	w.grow(t, log, 1000, always)
	for n.SealedSegments() < 9 { // it is about to seal them
		runtime.Gosched()
	}
	for range 50 {
		w.compareHistogram(t, n, index.Query{Project: "p"}, index.Buckets{Start: 0, Width: 365 * 24 * hour, N: 100}, index.ByType, 3)
	}
}

func TestBucketsThatCannotBe(t *testing.T) {
	n := startNode(t, newMemLog(), t.TempDir(), index.Options{})
	for name, b := range map[string]index.Buckets{
		"no buckets":            {Width: 1},
		"no length":             {N: 1},
		"a negative length":     {N: 1, Width: -1},
		"too many":              {N: 1 << 30, Width: 1},
		"longer than time":      {N: 1000, Width: 1 << 60},
		"beyond the end":        {Start: 1<<63 - 5, N: 10, Width: 1},
		"too many for a series": {N: 1 << 21, Width: 1},
	} {
		if _, err := n.Histogram(t.Context(), index.Query{Project: "p"}, b, index.ByType, 1); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v, want an invalid request", name, err)
		}
	}
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	n.log.add(t, examples(), 0)
	if err := n.Wait(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	for _, by := range []index.Dimension{index.Whole, index.ByType} {
		_, err := n.Histogram(late, index.Query{Project: "p"}, index.Buckets{Width: 1 << 50, N: 1}, by, 1)
		if errs.CodeOf(err) != "QUERY_TOO_BROAD" {
			t.Errorf("dimension %d, too late: %v", by, err)
		}
	}
}

// FuzzHistogram: whatever the times, the bounds and the buckets, what is counted is what a
// loop counts.
func FuzzHistogram(f *testing.F) {
	f.Add(uint64(1), int64(0), int64(3_600_000), int64(86_400_000), uint8(7))
	f.Add(uint64(2), int64(-86_400_000), int64(100_000), int64(3_600_000), uint8(200))
	f.Add(uint64(3), int64(1), int64(12_345), int64(999), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, start, step, width int64, buckets uint8) {
		const most = 1 << 50
		b := index.Buckets{Start: start % most, Width: width % most, N: int(buckets)}
		rng := rand.New(rand.NewPCG(seed, 1))
		times, kinds := make([]int64, 300), make([]uint16, 300)
		for i := range times { // of a few hours, if it so happens
			times[i] = start%most + rng.Int64N(600)*(step%most)/64
			kinds[i] = uint16(rng.IntN(3))
		}
		since, until := times[rng.IntN(300)], times[rng.IntN(300)]
		hours, rows, err := index.CountColumns(kinds, times, index.Query{Since: &since, Until: &until}, b)
		if err != nil {
			if b.Width >= 1 && b.N >= 1 {
				t.Errorf("%+v: %v", b, err)
			}
			return
		}
		if !reflect.DeepEqual(hours, rows) {
			t.Errorf("counted by hours %+v\nby rows %+v", hours, rows)
		}
		want := make([]uint64, b.N)
		for _, at := range times {
			if at >= since && at < until && at >= b.Start && (at-b.Start)/b.Width < int64(b.N) {
				want[(at-b.Start)/b.Width]++
			}
		}
		if !slices.Equal(rows.Counts, want) {
			t.Errorf("counted %v, want %v\ntimes %v, since %d, until %d, %+v", rows.Counts, want, times, since, until, b)
		}
	})
}
