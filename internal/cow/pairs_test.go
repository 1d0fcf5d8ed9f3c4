package cow_test

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"dashd/internal/cow"
)

type pair struct {
	key uint64
	ord uint32
}

func lessPair(a, b pair) int {
	switch {
	case a.key < b.key, a.key == b.key && a.ord < b.ord:
		return -1
	case a == b:
		return 0
	}
	return 1
}

func collect(seq iter.Seq2[uint64, uint32]) (list []pair) {
	for k, ord := range seq {
		list = append(list, pair{k, ord})
	}
	return list
}

// samePairs compares a set with a sorted list of pairs.
func samePairs(t *testing.T, got *cow.Pairs, want []pair) {
	t.Helper()
	if got.Len() != len(want) {
		t.Fatalf("Len = %d, want %d", got.Len(), len(want))
	}
	if list := collect(got.Ascend(0)); !slices.Equal(list, want) {
		t.Fatalf("Ascend = %v\nwant %v", list, want)
	}
	if key, ord, ok := got.First(); ok != (len(want) > 0) || ok && (pair{key, ord}) != want[0] {
		t.Fatalf("First = %d, %d, %v", key, ord, ok)
	}
	down := slices.Clone(want)
	slices.Reverse(down)
	if list := collect(got.Descend(math.MaxUint64)); !slices.Equal(list, down) {
		t.Fatalf("Descend = %v\nwant %v", list, down)
	}
	for key := range uint64(12) {
		var of []uint32
		var from, to []pair
		for _, p := range want {
			if p.key == key {
				of = append(of, p.ord)
			}
			if p.key >= key {
				from = append(from, p)
			}
		}
		for _, p := range down {
			if p.key <= key {
				to = append(to, p)
			}
		}
		if list := slices.Collect(got.Of(key)); !slices.Equal(list, of) {
			t.Fatalf("Of(%d) = %v, want %v", key, list, of)
		}
		if list := collect(got.Ascend(key)); !slices.Equal(list, from) {
			t.Fatalf("Ascend(%d) = %v, want %v", key, list, from)
		}
		if list := collect(got.Descend(key)); !slices.Equal(list, to) {
			t.Fatalf("Descend(%d) = %v, want %v", key, list, to)
		}
	}
}

// drivePairs does what ops say to a set and to a sorted list. The first ops are loaded.
func drivePairs(t *testing.T, ops []uint16, loaded int) {
	var p cow.Pairs
	var list []pair
	type frozen struct {
		pairs cow.Pairs
		list  []pair
	}
	var copies []frozen
	change := func(op uint16) (x pair, at int, there bool) {
		x = pair{uint64(op >> 2 & 15), uint32(op >> 6)}
		if x.key == 15 {
			x.key = math.MaxUint64
		}
		at, there = slices.BinarySearchFunc(list, x, lessPair)
		return x, at, there
	}
	for _, op := range ops[:loaded] {
		if x, at, there := change(op); !there {
			list = slices.Insert(list, at, x)
		}
	}
	p.Load(func(yield func(uint64, uint32) bool) {
		for _, x := range list {
			if !yield(x.key, x.ord) {
				return
			}
		}
	})
	for _, op := range ops[loaded:] {
		x, at, there := change(op)
		switch {
		case op%64 == 3:
			copies = append(copies, frozen{p.Freeze(), slices.Clone(list)})
		case op&1 == 0:
			p.Add(x.key, x.ord)
			if !there {
				list = slices.Insert(list, at, x)
			}
		default:
			p.Remove(x.key, x.ord)
			if there {
				list = slices.Delete(list, at, at+1)
			}
		}
	}
	samePairs(t, &p, list)
	for _, c := range copies {
		samePairs(t, &c.pairs, c.list)
	}
}

func TestPairsEqualASortedSlice(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 5))
		ops := make([]uint16, r.IntN(2000))
		for i := range ops {
			ops[i] = uint16(r.IntN(1 << 16))
		}
		loaded := 0
		if seed%2 == 0 {
			loaded = len(ops) / 2
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { drivePairs(t, ops, loaded) })
	}
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, loaded uint8) {
		ops := make([]uint16, min(len(b)/2, 3000))
		for i := range ops {
			ops[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		drivePairs(t, ops, min(int(loaded), len(ops)))
	})
}

// Each frozen copy holds the pairs (k, 0..n-1) for some n, in each of many keys.
func TestReadersOfFrozenPairs(t *testing.T) {
	const keys, rounds = 200, 60
	copies := make(chan cow.Pairs, 3)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for p := range copies {
				n := p.Len() / keys
				for k := range uint64(keys) {
					if got := len(slices.Collect(p.Of(k))); got != n {
						t.Errorf("%d ordinals of key %d, want %d", got, k, n)
						return
					}
				}
			}
		})
	}
	var p cow.Pairs
	for round := range uint32(rounds) {
		for k := range uint64(keys) {
			if round%10 == 9 {
				for ord := range uint32(10) {
					p.Remove(k, ord+round-9)
				}
			} else {
				p.Add(k, round)
			}
		}
		copies <- p.Freeze()
	}
	close(copies)
	wg.Wait()
}

// BenchmarkPairs measures a set of two million pairs, and says how many bytes it needs
// for each.
func BenchmarkPairs(b *testing.B) {
	const n = 2_000_000
	r := rand.New(rand.NewPCG(1, 6))
	for _, kind := range []struct {
		name string
		key  func(i int) uint64
	}{
		{"times", func(i int) uint64 { return uint64(i) * 1000 }},
		{"hashes", func(int) uint64 { return r.Uint64() }},
	} {
		keys := make([]uint64, n)
		for i := range keys {
			keys[i] = kind.key(i)
		}
		var p cow.Pairs
		before := heap()
		for i, k := range keys {
			p.Add(k, uint32(i))
		}
		added := heap() - before
		b.Run(kind.name+"/find", func(b *testing.B) {
			for b.Loop() {
				i := r.IntN(n)
				for ord := range p.Of(keys[i]) {
					if int(ord) != i {
						b.Fatal(ord)
					}
				}
			}
			b.ReportMetric(float64(added)/n, "bytes/pair")
		})
		b.Run(kind.name+"/remove and add", func(b *testing.B) {
			for b.Loop() {
				i := r.IntN(n)
				p.Remove(keys[i], uint32(i))
				p.Add(keys[i], uint32(i))
			}
		})
		b.Run(kind.name+"/remove and add, frozen after 100", func(b *testing.B) {
			k := 0
			var last cow.Pairs
			for b.Loop() {
				i := r.IntN(n)
				p.Remove(keys[i], uint32(i))
				p.Add(keys[i], uint32(i))
				if k++; k%100 == 0 {
					last = p.Freeze()
				}
			}
			_ = last.Len()
		})
		b.Run(kind.name+"/descend", func(b *testing.B) {
			seen := 0
			for b.Loop() {
				for range p.Descend(math.MaxUint64) {
					seen++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seen), "ns/pair")
		})
		b.Run(kind.name+"/load", func(b *testing.B) {
			sorted := collect(p.Ascend(0))
			var q cow.Pairs
			before := heap()
			for b.Loop() {
				q = cow.Pairs{}
				q.Load(func(yield func(uint64, uint32) bool) {
					for _, x := range sorted {
						if !yield(x.key, x.ord) {
							return
						}
					}
				})
			}
			b.ReportMetric(float64(heap()-before)/n, "bytes/pair")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/pair")
			runtime.KeepAlive(q)
			runtime.KeepAlive(sorted)
		})
		runtime.KeepAlive(p)
	}
}

// heap is how many bytes live.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
