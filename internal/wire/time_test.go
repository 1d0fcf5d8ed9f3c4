package wire_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/wire"
)

func TestParseTime(t *testing.T) {
	const second = 1795309762000 // 2026-11-22T01:09:22Z
	tests := []struct {
		text string
		want int64
		ok   bool
	}{
		{"2026-11-22T01:09:22Z", second, true},
		{"2026-11-22T01:09:22.8Z", second + 800, true},
		{"2026-11-22T01:09:22.802Z", second + 802, true},
		{"2026-11-22T01:09:22.802999999Z", second + 802, true},
		{"2026-11-22t01:09:22z", second, true},
		{"2026-11-22T02:09:22+01:00", second, true},
		{"2026-11-21T19:39:22-05:30", second, true},
		{"2026-11-22 01:09:22", second, true},
		{"2026-11-22T01:09:22", second, true},
		{"2026-11-22 01:09:22.802345+00", second + 802, true},
		{"2026-11-22 02:09:22+0100", second, true},
		{"2026-11-22T01:09Z", second - 22_000, true},
		{"2026-11-22", second - 4_162_000, true},
		{"2016-12-31T23:59:60Z", 1483228799999, true},
		{"1969-12-31T23:59:59.999Z", -1, true},
		{"0000-01-01T00:00:00Z", -62167219200000, true},
		{"0000-02-29T00:00:00Z", -62167219200000 + 59*86_400_000, true},
		{"9999-12-31T23:59:59.999Z", 253402300799999, true},
		{"2024-02-29T00:00:00Z", 1709164800000, true},

		{"", 0, false},
		{"x", 0, false},
		{"2026-11-2", 0, false},
		{"2026-1-22T01:09:22Z", 0, false},
		{"2026-13-22T01:09:22Z", 0, false},
		{"2026-11-31T01:09:22Z", 0, false},
		{"2023-02-29T01:09:22Z", 0, false},
		{"1900-02-29T01:09:22Z", 0, false},
		{"2026-11-00T01:09:22Z", 0, false},
		{"2026-11-22T24:09:22Z", 0, false},
		{"2026-11-22T01:60:22Z", 0, false},
		{"2026-11-22T01:09:61Z", 0, false},
		{"2026-11-22T01:09:22.Z", 0, false},
		{"2026-11-22T01:09:22Zx", 0, false},
		{"2026-11-22T01:09:22+", 0, false},
		{"2026-11-22T01:09:22+1", 0, false},
		{"2026-11-22T01:09:22+24:00", 0, false},
		{"2026-11-22T01:09:22+01:60", 0, false},
		{"2026-11-22T01:09:22+01-00", 0, false},
		{"2026-11-22x01:09:22Z", 0, false},
		{"2026-11-22T01", 0, false},
		{"2026-11-22T0x:09:22Z", 0, false},
		{"9999-12-31T23:59:59-01:00", 0, false},
		{"1795309762000", 0, false},
	}
	for _, tt := range tests {
		got, ok := wire.ParseTime([]byte(tt.text))
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("ParseTime(%q) = %d, %t, want %d, %t", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

// Every moment is written as package time writes it, and read back.
func TestTimesAgreeWithPackageTime(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	const first, last = -62167219200000, 253402300799999
	for i := range 20_000 {
		ms := first + rnd.Int64N(last-first+1)
		if i%2 == 0 {
			ms = now + rnd.Int64N(1e11) - 5e10
		}
		want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		text := object(t, wire.AppendDash(nil, &eventlog.Record{Event: eventlog.Event{Time: ms}}, wire.DashOptions{}))["createdAt"]
		if text != want {
			t.Fatalf("seed %d: %d is written as %v, want %s", seed, ms, text, want)
		}
		if back, ok := wire.ParseTime([]byte(want)); !ok || back != ms {
			t.Fatalf("seed %d: %s is read as %d, %t, want %d", seed, want, back, ok, ms)
		}
	}
}
