package node_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/internal/node"
)

// BenchmarkAppendBatch1000 measures how fast batches become durable on a real
// disk with everything that is on a node's path: the floor for every producer
// that sends batches.
func BenchmarkAppendBatch1000(b *testing.B) { benchmark(b, 8, 1000, false) }

// BenchmarkAppendBatch1000GivenIDs is the same with an id chosen by the producer
// for every event, each of which is looked up.
func BenchmarkAppendBatch1000GivenIDs(b *testing.B) { benchmark(b, 8, 1000, true) }

// BenchmarkAppendSingle64 measures single events of 64 clients, each of which
// waits for its answer.
func BenchmarkAppendSingle64(b *testing.B) { benchmark(b, 64, 1, false) }

// benchmark appends b.N requests of n events from some clients.
func benchmark(b *testing.B, clients, n int, given bool) {
	r := start(b, node.Config{Dir: b.TempDir(), Watermarks: noWatermarks})
	pool := genevents.Events(1, 20_000)
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				k := next.Add(1) - 1
				if k >= int64(b.N) {
					return
				}
				events := make([]eventlog.Event, n)
				for i := range events {
					at := k*int64(n) + int64(i)
					events[i] = pool[at%int64(len(pool))]
					events[i].Salt = [16]byte{}
					events[i].ID, events[i].GivenID = "", given
					if given {
						events[i].ID = "id-" + strconv.FormatInt(at, 10)
					}
				}
				if _, err := r.Appender.Append(context.Background(), events); err != nil {
					b.Errorf("Append: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric((cpuTime(b)-cpu)/float64(n)/float64(b.N), "cpu-µs/event")
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	r.halt()
}

// cpuTime is what the process has used, in µs: it holds on a machine that is shared.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}
