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
	stored := func(perSec float64, settled time.Duration) bench.Result {
		return bench.Result{Scenario: "preload", Requests: 1, Events: 10, PerSec: perSec, CPUPer: 9_876, Settled: settled}
	}
	r := Record{Who: "dashd", Sizes: []Size{
		{Events: 1_000_000, Results: []bench.Result{stored(100_000, 0), write(20_000), read(213 * time.Microsecond)}, DiskBytes: 210},
		{Events: 50_000_000, Results: []bench.Result{stored(50_000, 71_234*time.Millisecond), {Scenario: "single", Requests: 1, Events: 10, PerSec: 10_000, CPUPer: 61_234, PeakRSS: -1, Settled: -1}, read(426 * time.Microsecond), {Scenario: "restart", FirstErr: "no"}}},
	}}
	want := strings.Join([]string{
		"| dashd | 1 million events | 50 million events | cost grows by |",
		"|---|---:|---:|---:|",
		"| stored first, tables included | 100000/s, 9.9µs | 50000/s, 9.9µs (tables 1m11s later) | 2x |",
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
	peer := Record{Who: "PostgreSQL", Sizes: []Size{{Events: 1_000_000, Results: []bench.Result{read(time.Millisecond)}}}}
	if got := Table(&peer); !strings.Contains(got, "|---|---:|---:|\n| stored first, tables included | – | – |\n| latest20 | 1ms") {
		t.Errorf("of a peer\n%s", got)
	}
}

func TestDiskBytesOfEitherProgram(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       float64
	}{
		{"dashd bench", `{"diskBytesPerEvent":273.5,"machine":{"processors":2},"results":[{"scenario":"preload"}]}`, 273.5},
		{"a peer", `{"results":[{"scenario":"single"}],"disk":{"events":1000,"bytes":1129000}}`, 1129},
		{"a peer whose disk was not looked at", `{"results":[{"scenario":"single"}]}`, 0},
	} {
		s, machine, err := ParseSize([]byte(tt.text))
		if err != nil || s.DiskBytes != tt.want || len(s.Results) != 1 || (machine != nil) != (tt.name == "dashd bench") {
			t.Errorf("%s: %+v, machine %s, %v", tt.name, s, machine, err)
		}
	}
	if _, _, err := ParseSize([]byte("panic")); err == nil {
		t.Error("a text that is no JSON passes")
	}
}
