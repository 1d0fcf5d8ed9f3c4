package relay_test

import (
	"testing"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/relay"
)

// BenchmarkAppendHere compares an append by way of the relay, on the node that leads, with one without it. Both wait for the
// disk, and what they differ by is what the relay costs.
func BenchmarkAppendHere(b *testing.B) {
	for _, way := range []string{"relay", "appender"} {
		b.Run(way, func(b *testing.B) {
			w := open(b)
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					events := made("default", "bench", 1, false)
					var results []appender.Result
					var err error
					if way == "relay" {
						results, err = w.leader.AppendFor(b.Context(), w.key, events)
					} else {
						results, err = w.node.Appender.Append(b.Context(), events)
					}
					if err != nil || len(results) != 1 {
						b.Errorf("%v, %v", results, err)
					}
				}
			})
		})
	}
}

// BenchmarkWire is what a request between nodes costs both of them.
func BenchmarkWire(b *testing.B) {
	w := open(b)
	for _, n := range []int{1, 1000} {
		b.Run(map[int]string{1: "one event", 1000: "1000 events"}[n], func(b *testing.B) {
			events := made("default", "wire", n, false)
			if err := w.node.Appender.Identify(events); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				sent(b, events)
			}
		})
	}
}

func sent(b *testing.B, events []eventlog.Event) {
	body, err := relay.EncodeRequest(goldenKey, 0, events)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, _, got, err := relay.DecodeRequest(body); err != nil || len(got) != len(events) {
		b.Fatal(err)
	}
}
