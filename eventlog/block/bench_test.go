package block_test

import (
	"fmt"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/genevents"
)

// seal makes a block of events, in groups of the given size.
func seal(tb testing.TB, events []eventlog.Event, group int) []byte {
	tb.Helper()
	var groups [][]byte
	for len(events) > 0 {
		n := min(len(events), group)
		g, err := block.AppendGroup(nil, events[:n])
		if err != nil {
			tb.Fatal(err)
		}
		groups = append(groups, g)
		events = events[n:]
	}
	raw, err := block.Seal(block.Header{Proposer: "node-1", ReceivedAt: genevents.Start}, groups...)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

var groupSizes = []int{1, 20, 1000}

// perEvent reports what an operation on n events costs each.
func perEvent(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
	b.ReportMetric(0, "ns/op") // not shown: n says nothing
}

func BenchmarkAppendGroup(b *testing.B) {
	all := genevents.Events(1, 20_000)
	for _, n := range groupSizes {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			at, size, events := 0, 0, 0
			for b.Loop() {
				if at+n > len(all) {
					at = 0
				}
				var err error
				if buf, err = block.AppendGroup(buf[:0], all[at:at+n]); err != nil {
					b.Fatal(err)
				}
				at += n
				size += len(buf)
				events += n
			}
			perEvent(b, n)
			b.ReportMetric(float64(size)/float64(events), "B/event")
		})
	}
}

func benchBlocks(b *testing.B, run func(b *testing.B, raw []byte, n int)) {
	for _, n := range groupSizes {
		events := genevents.Events(1, min(4000, 1000*n))
		raw := seal(b, events, n)
		b.Run(fmt.Sprintf("group=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			run(b, raw, len(events))
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	events := genevents.Events(1, 4000)
	var groups [][]byte
	for i := 0; i < len(events); i += 1000 {
		g, err := block.AppendGroup(nil, events[i:i+1000])
		if err != nil {
			b.Fatal(err)
		}
		groups = append(groups, g)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := block.Seal(block.Header{Proposer: "node-1"}, groups...); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, len(events))
}

func BenchmarkOpen(b *testing.B) {
	benchBlocks(b, func(b *testing.B, raw []byte, n int) {
		for b.Loop() {
			if _, err := block.Open(raw); err != nil {
				b.Fatal(err)
			}
		}
		perEvent(b, n)
	})
}

func BenchmarkView(b *testing.B) {
	benchBlocks(b, func(b *testing.B, raw []byte, n int) {
		for b.Loop() {
			if _, err := block.View(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEach is the floor of a replay: 1e9/(ns/event) events a second on one core.
func BenchmarkEach(b *testing.B) {
	benchBlocks(b, func(b *testing.B, raw []byte, n int) {
		blk, err := block.Open(raw)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := blk.Each(1, func(*eventlog.Record) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		perEvent(b, n)
	})
}

// BenchmarkLend is the same for those who keep nothing.
func BenchmarkLend(b *testing.B) {
	benchBlocks(b, func(b *testing.B, raw []byte, n int) {
		blk, err := block.Open(raw)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := blk.Lend(1, func(*eventlog.Record) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		perEvent(b, n)
	})
}

func BenchmarkAppendLeaves(b *testing.B) {
	benchBlocks(b, func(b *testing.B, raw []byte, n int) {
		blk, err := block.Open(raw)
		if err != nil {
			b.Fatal(err)
		}
		var leaves [][32]byte
		for b.Loop() {
			if leaves, err = blk.AppendLeaves(leaves[:0]); err != nil {
				b.Fatal(err)
			}
		}
		perEvent(b, n)
	})
}

// BenchmarkEvent reads one event, somewhere in a block.
func BenchmarkEvent(b *testing.B) {
	benchBlocks(b, func(b *testing.B, raw []byte, n int) {
		blk, err := block.Open(raw)
		if err != nil {
			b.Fatal(err)
		}
		at := 0
		for b.Loop() {
			if _, err := blk.Event(at); err != nil {
				b.Fatal(err)
			}
			at = (at + 617) % n
		}
	})
}

func BenchmarkLeaf(b *testing.B) {
	recs := genevents.Records(1, 1000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		block.Leaf(&recs[i%len(recs)])
		i++
	}
}
