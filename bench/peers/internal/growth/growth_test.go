package growth

import (
	"strings"
	"testing"
	"time"

	"dashd/internal/bench"
)

func TestTable(t *testing.T) {
	write := func(perSec float64) bench.Result {
		return bench.Result{Scenario: "single", Requests: 1, Events: 10, PerSec: perSec, CPUPer: 61_234, PeakRSS: 300 << 20}
	}
	read := func(p50 time.Duration) bench.Result {
		return bench.Result{Scenario: "latest20", Requests: 5, PerSec: 100, P50: p50, P99: 3 * p50}
	}
	r := Record{Who: "dashd", Sizes: []Size{
		{Events: 1_000_000, Results: []bench.Result{write(20_000), read(213 * time.Microsecond)}, DiskBytes: 210},
		{Events: 50_000_000, Results: []bench.Result{{Scenario: "single", Requests: 1, Events: 10, PerSec: 10_000, CPUPer: 61_234, PeakRSS: -1}, read(426 * time.Microsecond), {Scenario: "restart", FirstErr: "no"}}},
	}}
	want := strings.Join([]string{
		"| dashd | 1 million events | 50 million events | cost grows by |",
		"|---|---:|---:|---:|",
		"| single | 20000/s, 61µs | 10000/s, 61µs | 2x |",
		"| latest20 | 210µs (p99 640µs) | 430µs (p99 1.3ms) | 2x |",
		"| restart | – | – | – |",
		"| bytes on the disk, an event | 210 | – | |",
		"| peak of memory, MiB, with mapped files | 300 | – | |",
		"",
	}, "\n")
	if got := Table(&r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
