package projections_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"dashd/projections"
)

// A set and its frozen copies are what slow, obvious ones are, whoever reads meanwhile.
func TestSetsAgreeWithSlowOnes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var s projections.Sets
	slow := map[uint64]map[uint32]bool{}
	var readers sync.WaitGroup
	defer readers.Wait()
	for range 60 {
		for range 3_000 {
			key := projections.DayKey(uint32(rng.IntN(3)), int32(rng.IntN(9)-4))
			ord := uint32(rng.IntN(1 << 18))
			if rng.IntN(3) == 0 {
				ord &= 1<<12 - 1 // one container becomes dense
			}
			if rng.IntN(4) == 0 {
				s.Remove(key, ord)
				delete(slow[key], ord)
				continue
			}
			s.Add(key, ord)
			if slow[key] == nil {
				slow[key] = map[uint32]bool{}
			}
			slow[key][ord] = true
		}
		frozen, want := s.Freeze(), map[uint64][]uint32{}
		for key, members := range slow {
			for ord := range members {
				want[key] = append(want[key], ord)
			}
			slices.Sort(want[key])
		}
		read := func() {
			for key, list := range want {
				if got := frozen.Of(key); !slices.Equal(got, list) {
					t.Errorf("key %x: %d members, want %d", key, len(got), len(list))
				}
			}
			for key, list := range want { // several readers at a time make one of the same set
				if got := frozen.Union(key, key+1); !slices.Equal(got, list) {
					t.Errorf("union of key %x alone: %d members, want %d", key, len(got), len(list))
				}
			}
			for kind := range uint32(3) {
				var all []uint32
				for day := int32(-2); day < 3; day++ {
					all = append(all, want[projections.DayKey(kind, day)]...)
				}
				slices.Sort(all)
				all = slices.Compact(all)
				if got := frozen.Union(projections.DayKey(kind, -2), projections.DayKey(kind, 3)); !slices.Equal(got, all) {
					t.Errorf("union of kind %d: %d members, want %d", kind, len(got), len(all))
				}
			}
		}
		readers.Go(read)
		readers.Go(read)
	}
}

// A day is that of the instant before 1970 too.
func TestDayOf(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	for at, want := range map[int64]int32{0: 0, day - 1: 0, day: 1, -1: -1, -day: -1, -day - 1: -2, 19_800 * day: 19_800} {
		if got := projections.DayOf(projections.Time(at)); got != want {
			t.Errorf("DayOf(%d) = %d, want %d", at, got, want)
		}
	}
}
