package main

import "testing"

func TestTheMemoryLimitFollowsTheHeap(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name      string
		live, min uint64
		max       int64
	}{
		{"a node without rows keeps the least", 0, 320 * mib, 320 * mib},
		{"a small one too", 160 * mib, 320 * mib, 320 * mib},
		{"a large one gets a third more and headroom", 1000 * mib, 1440 * mib, 1450 * mib},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := memoryLimit(tt.live); got < int64(tt.min) || got > tt.max {
				t.Errorf("%d MiB for %d MiB alive", got/mib, tt.live/mib)
			}
		})
	}
}

func TestTheMemoryLimitMakesRoomForFragments(t *testing.T) {
	const mib = 1 << 20
	var f fragments
	for range 3 {
		f.look(0.5, 1600*mib)
	}
	if f.bytes != 300*mib {
		t.Errorf("%d MiB of room after three seconds of collecting, want 300", f.bytes/mib)
	}
	for range 100 {
		f.look(0.5, 1600*mib)
	}
	if f.bytes != 800*mib {
		t.Errorf("%d MiB of room at most, want half of what is alive", f.bytes/mib)
	}
	f.look(0.1, 1600*mib)
	if f.bytes != 800*mib {
		t.Errorf("the room changed to %d MiB by a collector that costs something", f.bytes/mib)
	}
	for range 1000 {
		f.look(0.01, 1600*mib)
	}
	if f.bytes != 0 {
		t.Errorf("%d MiB of room are left that nobody needs", f.bytes/mib)
	}
}
