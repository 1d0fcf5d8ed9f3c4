package main

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"dashd/projections"
)

const (
	// leastMemory is the soft limit of the heap and the runtime of a node that holds few rows.
	// Files mapped by the databases come on top; the system takes those back when it
	// needs them.
	leastMemory = 320 << 20
	// memoryHeadroom is what requests, blocks on their way and compactions take beside
	// what stays.
	memoryHeadroom = 96 << 20
	// memoryEvery is how often the limit follows the heap.
	memoryEvery = time.Second / 10
)

// memoryLimit is the soft limit for a heap of which so many bytes were alive after the last
// collection. A limit near to the live heap makes the collector run all the time; one
// far above it leaves the garbage of a flood of events in memory.
func memoryLimit(live uint64) int64 {
	return int64(max(leastMemory, live+live/100*35+memoryHeadroom))
}

// followMemory keeps the memory limit of the process in proportion to what it has to hold, with room for
// rows that are being loaded, until ctx ends. An operator who sets GOMEMLIMIT decides himself.
func followMemory(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for set := int64(math.MaxInt64); ; {
		metrics.Read(sample)
		// Small changes are not worth stopping the world for.
		if want := memoryLimit(sample[0].Value.Uint64()) + projections.Loading(); want < set-set/64 || want > set+set/64 {
			debug.SetMemoryLimit(want)
			set = want
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
