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
