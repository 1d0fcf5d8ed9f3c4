package bench_test

import (
	"strings"
	"testing"
	"time"

	"dashd/internal/bench"
)

func TestPlot(t *testing.T) {
	r := bench.Result{
		Max: 1200 * time.Millisecond, RateEvery: 100 * time.Millisecond,
		Latencies: []bench.Percentile{
			{1, 500 * time.Microsecond},
			{50, 1234567 * time.Nanosecond},
			{90, 2 * time.Millisecond},
			{99, 12 * time.Millisecond},
			{99.9, 130 * time.Millisecond},
			{100, 1200 * time.Millisecond},
		},
	}
	for i := range 100 {
		v := 10 * float64(i)
		if i >= 40 && i < 50 {
			v = 0
		}
		r.Rates = append(r.Rates, v)
	}
	const want = `
  p50        1.23ms  █████
  p90           2ms  ████████
  p99          12ms  ████████████████████
  p99.9       130ms  ███████████████████████████████████
  max          1.2s  ██████████████████████████████████████████████████
  per second, each column 200ms: lowest 0, highest 985
  |▁▁▁▁▁▁▂▂▂▂▂▂▂▃▃▃▃▃▃▄     ▅▅▅▅▅▅▆▆▆▆▆▆▇▇▇▇▇▇███████|
`
	var got strings.Builder
	if err := bench.Plot(&got, r); err != nil || "\n"+got.String() != want {
		t.Errorf("Plot = %v\n%s\nwant\n%s", err, got.String(), want)
	}
	got.Reset()
	if err := bench.Plot(&got, bench.Unknown()); err != nil || got.Len() != 0 {
		t.Errorf("of nothing: %v %q", err, got.String())
	}
}
