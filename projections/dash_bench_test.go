package projections_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/genevents"
	"dashd/internal/kv"
	"dashd/projections"
)

// benchUsers is enough that rows are no longer in the processor's cache.
const benchUsers = 100_000

// crowdLog is a log in memory of the events with which a crowd arrives: each joins and
// signs in twice.
func crowdLog(b testing.TB, users int) *crowd {
	b.Helper()
	return logOf(b, genevents.NewCrowd(1, users, 2), genevents.CrowdEvents(users, 2))
}

// logOf is a log in memory of the next n events of a source.
func logOf(b testing.TB, s *genevents.Source, n int) *crowd {
	b.Helper()
	l := &crowd{}
	for left := n; left > 0; {
		events := make([]eventlog.Event, min(left, 1000))
		for i := range events {
			events[i] = s.Next()
		}
		group, err := block.AppendGroup(nil, events)
		if err != nil {
			b.Fatal(err)
		}
		raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: events[0].Time}, group)
		if err != nil {
			b.Fatal(err)
		}
		opened, err := block.Open(raw)
		if err != nil {
			b.Fatal(err)
		}
		l.blocks = append(l.blocks, opened)
		l.head += uint64(len(events))
		left -= len(events)
	}
	return l
}

type crowd struct {
	blocks []block.Block
	head   uint64
}

func (l *crowd) Head() uint64                                   { return l.head }
func (l *crowd) PersistedSeq() uint64                           { return l.head }
func (l *crowd) WaitPersistedSeq(context.Context, uint64) error { return nil }

func (l *crowd) Wait(ctx context.Context, seq uint64) error {
	if seq <= l.head {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (l *crowd) Blocks(_ context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	first := uint64(1)
	for i := range l.blocks {
		if next := first + uint64(l.blocks[i].Len()); from < next {
			if err := fn(first, nil, l.blocks[i]); err != nil {
				return err
			}
		}
		first += uint64(l.blocks[i].Len())
	}
	return nil
}

// run folds the log until f has all of it, and stops f.
func (l *crowd) run(b testing.TB, f *projections.DashFollower) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	err := f.Wait(b.Context(), l.head)
	cancel()
	if err := errors.Join(err, <-ended); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkDashFold measures what a rebuild costs: decoding and folding the whole log. The memory is that of the
// image, a user with his account and two sessions.
func BenchmarkDashFold(b *testing.B) {
	benchmarkFold(b, crowdLog(b, benchUsers))
}

// BenchmarkDashFoldMixed likewise, of what half as many users do.
func BenchmarkDashFoldMixed(b *testing.B) {
	benchmarkFold(b, logOf(b, genevents.New(1, benchUsers/2), 6*benchUsers))
}

func benchmarkFold(b *testing.B, l *crowd) {
	before := heap()
	var f *projections.DashFollower
	b.ReportAllocs()
	began := processorTime()
	for b.Loop() {
		f = projections.NewDashFollower(l, projections.DashOptions{})
		l.run(b, f)
	}
	events := float64(l.head) * float64(b.N)
	b.ReportMetric(float64((processorTime()-began).Nanoseconds())/events, "cpu-ns/event")
	b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
	n := f.Image().Tables("default").UserCount()
	b.ReportMetric(float64(heap()-before)/float64(max(n, 1)), "B/user")
	runtime.KeepAlive(f)
	if n < benchUsers/4 {
		b.Errorf("%d users", n)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkCheckpoint measures how long writing all rows takes, and reading them back.
func BenchmarkCheckpoint(b *testing.B) {
	l := crowdLog(b, benchUsers)
	dir := b.TempDir()
	for _, write := range []bool{true, false} {
		b.Run(fmt.Sprintf("write=%v", write), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if write {
					dir = b.TempDir()
				}
				db, err := kv.Open(dir, kv.Options{MinFree: 1})
				if err != nil {
					b.Fatal(err)
				}
				f := projections.NewDashFollower(l, projections.DashOptions{DB: db})
				if write {
					l.run(b, f)
				} else {
					b.StartTimer()
					l.run(b, f)
					b.StopTimer()
				}
				if c := f.Status().Checkpoint; c != nil {
					b.ReportMetric(float64(c.Bytes)/benchUsers, "B/user")
				} else {
					b.Error("there is no checkpoint")
				}
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
