package bench_test

import (
	"testing"
	"time"

	"dashd/internal/bench"
	nodes "dashd/internal/node"
)

// What was filled is a data directory like any other, whose events were received over half a year.
func TestFill(t *testing.T) {
	dir := t.TempDir()
	end := time.Date(2026, 5, 3, 17, 4, 5, 0, time.UTC)
	h := &bench.History{Seed: 1, Events: 5000, End: end}
	told := 0
	if err := bench.Fill(t.Context(), dir, h, func(n int) { told = n }); err != nil {
		t.Fatal(err)
	}
	if told != 5000 || len(h.Users) < 400 || len(h.Programs) != 1 || len(h.Organizations) == 0 {
		t.Errorf("%d events told of; %d users, %d programs, %d organizations", told, len(h.Users), len(h.Programs), len(h.Organizations))
	}
	off, err := nodes.OpenOffline(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer off.Close()
	if got := off.Store.Head(); got != 5000 || !off.Clean() {
		t.Errorf("the log ends at %d, clean %v", got, off.Clean())
	}
	received := h.Start().UnixMilli()
	for seq := uint64(1); seq <= off.Store.Head(); seq += 97 {
		r, err := off.Store.Read(seq)
		if err != nil {
			t.Fatal(err)
		}
		if r.ReceivedAt < received || r.ReceivedAt < r.Time || r.ReceivedAt > end.UnixMilli() {
			t.Errorf("seq %d happened at %d, was received at %d, after %d", seq, r.Time, r.ReceivedAt, received)
		}
		received = r.ReceivedAt
	}
	if end.UnixMilli()-received > 3*24*60*60*1000 {
		t.Errorf("the last event was received at %v", time.UnixMilli(received))
	}
}
