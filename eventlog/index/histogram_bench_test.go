package index_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/genevents"
)

// yearLog is a log of n events, over a year but for a hundredth that comes late.
func yearLog(b *testing.B, n int) *memLog {
	log := newMemLog()
	source := genevents.New(1, n/10)
	rng := rand.New(rand.NewPCG(7, 7))
	step := float64(365*24*hour) / float64(n)
	events := make([]eventlog.Event, 4000)
	for at := 0; at < n; at += len(events) {
		for i := range events {
			events[i] = source.Next()
			// The source's own times are those of a busy day.
			events[i].Time = genevents.Start + int64(float64(at+i)*step) - rng.Int64N(5000)
			if rng.IntN(100) == 0 {
				events[i].Time -= rng.Int64N(3 * hour)
			}
		}
		log.add(b, events, 0)
	}
	return log
}

// BenchmarkHistogram measures time series over a year of events: ten million of them with
// DASHD_BENCH_EVENTS=10000000, else one.
func BenchmarkHistogram(b *testing.B) {
	n := 1_000_000
	if text := os.Getenv("DASHD_BENCH_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	log := yearLog(b, n)
	x := startNode(b, log, b.TempDir(), index.Options{})
	for x.SealedSegments() < int(log.Head()/index.SegmentEvents) { // wait for those on their way
		if err := x.Wait(context.Background(), log.Head()); err != nil {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	users := map[string]int{}
	for i := range log.blocks {
		_ = log.blocks[i].Each(log.firsts[i], func(r *eventlog.Record) error {
			users[r.UserID]++
			return nil
		})
	}
	delete(users, "")
	hot, some := "", ""
	for u, n := range users {
		if n > users[hot] || n == users[hot] && u < hot {
			hot = u
		}
		if n == 10 && (some == "" || u < some) {
			some = u
		}
	}
	of := func(field index.Field, value string) [][]index.Term {
		return [][]index.Term{{{Field: field, Value: value}}}
	}
	days := index.Buckets{Start: genevents.Start, Width: 24 * hour, N: 365}
	hours := index.Buckets{Start: genevents.Start, Width: hour, N: 8760}
	cut := genevents.Start + 100*24*hour + 1234567
	for _, tt := range []struct {
		name string
		q    index.Query
		b    index.Buckets
		by   index.Dimension
	}{
		{"days", index.Query{}, days, index.Whole},
		{"days by type", index.Query{}, days, index.ByType},
		{"days of a type", index.Query{Types: []eventlog.Type{"user.logged_in"}}, days, index.Whole},
		{"hours by severity", index.Query{}, hours, index.BySeverity},
		{"days since a time within an hour", index.Query{Since: &cut}, days, index.ByType},
		{"days of a user", index.Query{All: of(index.User, some)}, days, index.Whole},
		{"days of the hottest user", index.Query{All: of(index.User, hot)}, days, index.ByType},
		{"days of a country", index.Query{All: of(index.Country, "DE")}, days, index.ByType},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			tt.q.Project = "default"
			start := time.Now()
			h, err := x.Histogram(b.Context(), tt.q, tt.b, tt.by, 10)
			if err != nil || h.Total == 0 {
				b.Fatal(h.Total, err)
			}
			cold := time.Since(start)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := x.Histogram(b.Context(), tt.q, tt.b, tt.by, 10); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(cold.Microseconds()), "first-µs")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
			b.ReportMetric(float64(h.Total), "events")
		})
	}
}
