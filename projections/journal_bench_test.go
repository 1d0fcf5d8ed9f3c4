package projections_test

import (
	"testing"
	"time"

	"dashd/eventlog/block"
	"dashd/projections"
)

// BenchmarkJournal measures what noting the changes of each event costs beside folding it: not at all, of one
// user, of everybody.
func BenchmarkJournal(b *testing.B) {
	l := crowdLog(b, benchUsers)
	run := func(b *testing.B, fold func(first uint64, blk *block.Block) error) {
		began := processorTime()
		for b.Loop() {
			err := l.Blocks(b.Context(), 1, func(first uint64, _ []byte, blk block.Block) error { return fold(first, &blk) })
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((processorTime()-began).Nanoseconds())/float64(l.head)/float64(b.N), "cpu-ns/event")
	}
	b.Run("none", func(b *testing.B) {
		run(b, func(first uint64, blk *block.Block) error {
			if first == 1 {
				refolded = projections.NewRefold("default")
			}
			return refolded.Block(first, blk, l.head)
		})
	})
	b.Run("one user", func(b *testing.B) {
		var x *projections.Explainer
		run(b, func(first uint64, blk *block.Block) error {
			if first == 1 {
				x = projections.NewExplainer("default", "nobody", func(projections.Explained) error { return nil })
			}
			return x.Block(first, blk, 1, l.head)
		})
	})
	b.Run("all", func(b *testing.B) {
		const events = 100_000
		var took time.Duration
		for b.Loop() {
			q := projections.DiffQuery{Project: "default", From: l.head - events, To: l.head}
			var began time.Duration
			if _, err := projections.Differing(b.Context(), l, q, func() { began = processorTime() }); err != nil {
				b.Fatal(err)
			}
			took += processorTime() - began
		}
		b.ReportMetric(float64(took.Nanoseconds())/events/float64(b.N), "cpu-ns/event")
	})
}

var refolded *projections.Refold
