package index_test

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"dashd/eventlog/index"
)

// The table of a column is what a map of its hashes says, however alike their bits are.
func TestTableOfAColumn(t *testing.T) {
	for _, c := range []struct {
		name string
		mask uint64 // bits in which hashes differ
		rows int
	}{
		{"hashes of any bits", 1<<64 - 1, 3000},
		{"hashes that differ in low bits only", 1<<9 - 1, 3000},
		{"hashes that differ in bits on both sides", 1<<35 | 1<<34 | 1<<32 | 1<<31 | 1<<30 | 1<<29 | 1<<1, 3000},
		{"one hash", 0, 300},
		{"no rows", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			const seed = 7
			r := rand.New(rand.NewPCG(seed, 0))
			column, want := make([]uint64, c.rows), map[uint64][]uint16{}
			for i := range column {
				if r.IntN(5) == 0 {
					continue // no value
				}
				column[i] = 0x5a5a_0000_0000_0001&^c.mask | r.Uint64()&c.mask
				if column[i] == 0 {
					continue
				}
				if r.IntN(3) == 0 && i > 0 && column[i-1] != 0 {
					column[i] = column[i-1]
				}
				want[column[i]] = append(want[column[i]], uint16(i))
			}
			hashes, rows := index.TableOf(column, []uint64{3, 2, 1, 2}, make([]uint64, 5000))
			if sorted := slices.Sorted(maps.Keys(want)); !slices.Equal(hashes, sorted) {
				t.Fatalf("seed %d: hashes %x, want %x", seed, hashes, sorted)
			}
			for i, h := range hashes {
				if !reflect.DeepEqual(rows[i], want[h]) {
					t.Fatalf("seed %d: rows of %x: %v, want %v", seed, h, rows[i], want[h])
				}
			}
		})
	}
}
