package index_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/index"
)

// FuzzGuide looks hashes up through a guide, and in the column itself. If the table is damaged, the
// answer is the same or an error.
func FuzzGuide(f *testing.F) {
	f.Add(uint64(1), uint16(3000), uint16(40), uint32(0), byte(0))
	f.Add(uint64(2), uint16(3000), uint16(5000), uint32(4000), byte(1))
	f.Add(uint64(3), uint16(65535), uint16(65535), uint32(500_000), byte(128))
	f.Add(uint64(4), uint16(65535), uint16(1), uint32(100_000), byte(4))
	f.Add(uint64(5), uint16(0), uint16(1), uint32(20), byte(4))
	f.Fuzz(func(t *testing.T, seed uint64, rows, values uint16, place uint32, bits byte) {
		rng := rand.New(rand.NewPCG(seed, 0))
		hashes := make([]uint64, int(values)+1)
		for i := range hashes {
			hashes[i] = rng.Uint64() >> (seed % 60)
		}
		column := make([]uint64, int(rows)+1)
		for i := range column {
			if rng.IntN(9) > 0 {
				column[i] = hashes[rng.IntN(len(hashes))]
			}
		}
		damage := func(b []byte) { b[int(place)%len(b)] ^= bits }
		for range 20 {
			h := hashes[rng.IntN(len(hashes))] + uint64(rng.IntN(4)/3)
			if h == 0 {
				continue
			}
			var want []uint16
			for i, v := range column {
				if v == h {
					want = append(want, uint16(i))
				}
			}
			got, err := index.Lookup(column, damage, h)
			if err == nil && !slices.Equal(got, want) || err != nil && bits == 0 {
				t.Fatalf("rows of %x: %v, %v; want %v", h, got, err, want)
			}
		}
	})
}

// Addresses are forgotten while others look for them: a table that is replaced between two looks is
// not taken for a damaged one.
func TestQueriesWhileAddressesAreForgotten(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(12, 1)), now: 1000, late: 20}
	log := newMemLog()
	var opts index.Options
	opts.SetSegmentEvents(100)
	n := startNode(t, log, t.TempDir(), opts)
	w.grow(t, log, 1000, always)
	n.query(index.Query{})
	n = n.restart()

	others := slices.DeleteFunc(slices.Clone(w.twin), func(r eventlog.Record) bool { return r.IPAddress == "" || r.Project != "p" })
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range w.twin {
			if i%2 == 0 {
				if err := n.Forget(t.Context(), []uint64{uint64(i) + 1}); err != nil {
					t.Errorf("Forget: %v", err)
					return
				}
			}
		}
	}()
	for asked := 0; ; asked++ {
		select {
		case <-done:
			t.Logf("%d queries", asked)
			return
		default:
		}
		r := others[asked%len(others)]
		_, _, err := n.Stats(t.Context(), index.Query{Project: "p", All: [][]index.Term{{{Field: index.IP, Value: r.IPAddress}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
}
