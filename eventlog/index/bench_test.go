package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/genevents"
	"dashd/internal/kv"
)

const benchEvents = 1_000_000

// benchLog is a log of benchEvents events in blocks of 4,000, made once.
var benchLog = sync.OnceValue(func() *memLog {
	log := newMemLog()
	source := genevents.New(1, benchEvents/10)
	events := make([]eventlog.Event, 4000)
	for log.Head() < benchEvents {
		for i := range events {
			events[i] = source.Next()
		}
		log.add(&testing.B{}, events, 0)
	}
	return log
})

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkBuild measures how fast the index of a whole log is built and
// written: the floor of a rebuild.
func BenchmarkBuild(b *testing.B) {
	log := benchLog()
	for b.Loop() {
		n := startNode(b, log, b.TempDir(), index.Options{})
		if err := n.Wait(context.Background(), log.Head()); err != nil {
			b.Fatal(err)
		}
		n.close()
	}
	b.ReportMetric(float64(log.Head())*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAppend measures what an event costs the goroutine that follows the log.
func BenchmarkAppend(b *testing.B) {
	log := benchLog()
	blocks := log.blocks[:50]
	events := 0
	for _, blk := range blocks {
		events += blk.Len()
	}
	for b.Loop() {
		index.AppendAll(blocks)
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSeal measures what a full segment costs before it is written.
func BenchmarkSeal(b *testing.B) {
	d := index.FillSegment(benchLog().blocks, index.SegmentEvents)
	bytes := 0
	for b.Loop() {
		bytes = index.EncodeSegment(d)
	}
	b.ReportMetric(float64(bytes)/index.SegmentEvents, "bytes/event")
}

// BenchmarkOpen measures the start with 1,000 sealed segments.
func BenchmarkOpen(b *testing.B) {
	db, err := kv.Open(b.TempDir(), kv.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const segments = 1000
	if err := index.WriteMetas(db, benchLog().blocks, segments); err != nil {
		b.Fatal(err)
	}
	log := newMemLog()
	log.persisted = segments * index.SegmentEvents
	for b.Loop() {
		if _, err := index.Open(log, db, index.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQuery measures answers from a log of a million events: 15 sealed
// segments and an open one. Reading the page's records from a block in memory is
// part of it.
func BenchmarkQuery(b *testing.B) {
	log := benchLog()
	before := heap()
	n := startNode(b, log, b.TempDir(), index.Options{})
	if err := n.Wait(context.Background(), log.Head()); err != nil {
		b.Fatal(err)
	}
	n = n.restart() // all that can be sealed is
	if err := n.Wait(context.Background(), log.Head()); err != nil {
		b.Fatal(err)
	}
	resident := heap() - before

	users := make(map[string]int)
	for i := range log.blocks {
		_ = log.blocks[i].Each(log.firsts[i], func(r *eventlog.Record) error {
			users[r.UserID]++
			return nil
		})
	}
	delete(users, "")
	names := make([]string, 0, len(users))
	for u := range users {
		names = append(names, u)
	}
	slices.SortFunc(names, func(a, b string) int {
		if users[a] != users[b] {
			return users[b] - users[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	rng := rand.New(rand.NewPCG(1, 1))
	of := func(u string) [][]index.Term { return [][]index.Term{{{Field: index.User, Value: u}}} }
	since := int64(genevents.Start) + 10_000_000

	for _, tt := range []struct {
		name string
		q    func() index.Query
	}{
		{"hot user, latest 20", func() index.Query { return index.Query{Limit: 20, All: of(names[0])} }},
		{"random user, latest 20", func() index.Query { return index.Query{Limit: 20, All: of(names[rng.IntN(len(names))])} }},
		{"absent user", func() index.Query { return index.Query{Limit: 20, All: of(fmt.Sprint(rng.Uint64()))} }},
		{"project, latest 20", func() index.Query { return index.Query{Limit: 20} }},
		{"project, oldest 20", func() index.Query { return index.Query{Limit: 20, Ascending: true} }},
		{"project, latest 1000", func() index.Query { return index.Query{Limit: 1000} }},
		{"one type, latest 20", func() index.Query { return index.Query{Limit: 20, Types: []eventlog.Type{"user.banned"}} }},
		{"count by type", func() index.Query { return index.Query{Types: []eventlog.Type{"user.logged_in"}} }},
		{"hot user and type", func() index.Query {
			return index.Query{Limit: 20, All: of(names[0]), Types: []eventlog.Type{"user.logged_in"}}
		}},
		{"since, latest 20", func() index.Query { return index.Query{Limit: 20, Since: &since} }},
		{"offset 500,000", func() index.Query { return index.Query{Limit: 20, Offset: 500_000} }},
		{"hot user, offset 5,000", func() index.Query { return index.Query{Limit: 20, Offset: 5000, All: of(names[0])} }},
		{"match all of hot user", func() index.Query {
			return index.Query{Limit: 20, All: of(names[0]), Match: func(r *eventlog.Record) bool { return r.Seq%2 == 0 }}
		}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				q := tt.q()
				q.Project = "default"
				start := time.Now()
				if _, err := n.Query(b.Context(), q); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
	b.Run("stats", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := n.Stats(b.Context(), index.Query{Project: "default"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	// The database's own memory is part of both.
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			runtime.KeepAlive(n)
		}
		b.ReportMetric(float64(resident>>20), "MB-started")
		b.ReportMetric(float64((heap()-before)>>20), "MB-warm")
		b.ReportMetric(float64(n.CachedBytes()>>20), "MB-cache")
		b.ReportMetric(float64(users[names[0]]), "events-of-hot-user")
	})
}
