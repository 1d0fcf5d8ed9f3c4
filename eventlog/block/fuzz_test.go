package block_test

import (
	"os"
	"reflect"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
)

// use calls every method for every row; none may panic. It returns the events if
// they can be decoded.
func use(b *block.Block) ([][]eventlog.Event, error) {
	for gi := range b.Groups() {
		g := &b.Groups()[gi]
		for ref := range g.DictLen() {
			g.Dict(uint16(ref))
		}
		for i := range g.Len() {
			for c := range block.NumColumns {
				g.Dict(g.Ref(c, i))
			}
			_, _, _, _ = g.ID(i), g.Time(i), g.Status(i), g.Source(i)
			_, _, _, _ = g.Shown(i).String(), g.GivenID(i), g.GivenTime(i), g.Erased(i)
		}
	}
	for i := range b.Len() {
		_, _ = b.Event(i)
	}
	_, _ = b.AppendLeaves(nil)
	return read(b)
}

// FuzzOpen: whatever the bytes, nothing panics; and what is accepted can be written
// again and says the same. The hash is put right, or hardly an input would get past it.
func FuzzOpen(f *testing.F) {
	golden, err := os.ReadFile("testdata/v1.block")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	for seed := range uint64(5) {
		f.Add(sealGroups(f, sampleHeader, [][]eventlog.Event{randomEvents(seed, 3), randomEvents(seed+5, 1)}))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < block.HashBytes {
			return
		}
		raw = resum(append([]byte(nil), raw...))
		if b, err := block.View(raw); err == nil {
			_, _ = use(&b)
		}
		b, err := block.Open(raw)
		if err != nil {
			return
		}
		for _, g := range b.Groups() {
			for c := range block.NumColumns {
				for i := range g.Len() {
					if int(g.Ref(c, i)) >= g.DictLen() {
						t.Fatalf("column %d, row %d: no such dictionary entry", c, i)
					}
				}
			}
		}
		want, err := use(&b)
		if err != nil {
			return
		}
		var groups [][]byte
		for _, events := range want {
			g, err := block.AppendGroup(nil, events)
			if errs.KindOf(err) == errs.TooLarge {
				return
			}
			if err != nil {
				t.Fatalf("cannot be written again: %v", err)
			}
			groups = append(groups, g)
		}
		again, err := block.Seal(b.Header, groups...)
		if errs.KindOf(err) == errs.TooLarge {
			return
		}
		if err != nil {
			t.Fatalf("cannot be sealed again: %v", err)
		}
		b2, err := block.Open(again)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(&b2); err != nil || !reflect.DeepEqual(got, want) || b2.Header != b.Header {
			t.Fatalf("second reading %v\n got %+v\nwant %+v", err, got, want)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seed, uint16(1+seed*seed*3))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		n = 1 + n%block.GroupEvents
		groups := [][]eventlog.Event{randomEvents(seed, int(n)), randomEvents(seed+1, 1)}
		h := block.Header{Proposer: "p", ReceivedAt: int64(seed), ClusterVersion: n}
		wantEvents(t, sealGroups(t, h, groups), h, groups)
	})
}
