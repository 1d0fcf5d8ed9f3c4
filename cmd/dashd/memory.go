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
	// memoryEvery is how often the limit follows the heap, and collectionsEvery how often it is
	// looked at what the collector costs.
	memoryEvery      = time.Second / 10
	collectionsEvery = time.Second
	// muchCollection and littleCollection are shares of the processor time that the process uses.
	muchCollection   = 0.20
	littleCollection = 0.05
)

// memoryLimit is the soft limit for a heap of which so many bytes were alive after the last
// collection. A limit near to the live heap makes the collector run all the time; one
// far above it leaves the garbage of a flood of events in memory.
func memoryLimit(live uint64) int64 {
	return int64(max(leastMemory, live+live/100*35+memoryHeadroom))
}

// fragments is room for memory that is neither alive nor free: after rows have come and gone one by
// one there are holes all over the heap, which count to the limit. How many there are nobody
// tells, but that the collector finds no end when there is no room for them.
type fragments struct{ bytes int64 }

// look changes the room by what share of the process's work the collector was, with so many
// bytes alive.
func (f *fragments) look(share float64, live uint64) {
	switch {
	case share > muchCollection:
		f.bytes = min(f.bytes+int64(live/16), int64(live/2))
	case share < littleCollection:
		f.bytes = max(f.bytes-int64(live/256), 0)
	}
}

// followMemory keeps the memory limit of the process in proportion to what it has to hold, with room for
// rows that are being loaded, until ctx ends. An operator who sets GOMEMLIMIT decides himself.
func followMemory(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	var room fragments
	var collector collection
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	looked := time.Now()
	for set := int64(math.MaxInt64); ; {
		metrics.Read(heap)
		live := heap[0].Value.Uint64()
		if now := time.Now(); now.Sub(looked) >= collectionsEvery {
			room.look(collector.share(), live)
			looked = now
		}
		// Small changes are not worth stopping the world for.
		if want := memoryLimit(live) + room.bytes + projections.Loading(); want < set-set/64 || want > set+set/64 {
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

// collection tells what the collector costs. The zero value tells of the time since the start.
type collection struct{ collecting, working float64 } // processor seconds, as of the last call

// share is the collector's part of the process's work since the last call; 0 if there was hardly
// any work.
func (c *collection) share() float64 {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(s)
	collecting, working := s[0].Value.Float64(), s[1].Value.Float64()-s[2].Value.Float64()
	before := *c
	*c = collection{collecting, working}
	if worked := working - before.working; worked > collectionsEvery.Seconds()/20 {
		return (collecting - before.collecting) / worked
	}
	return 0
}
