package store_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// An id that was added is never taken for a new one, however many there are; and
// few new ones are taken for old ones.
func TestIDFilter(t *testing.T) {
	f := store.NewIDFilter()
	hash := func(r *rand.Rand) (h [16]byte) {
		binary.LittleEndian.PutUint64(h[:], r.Uint64())
		binary.LittleEndian.PutUint64(h[8:], r.Uint64())
		return h
	}
	const n = 3_200_000 // into the second part
	if !f.Lacks(hash(rand.New(rand.NewPCG(1, 1)))) {
		t.Error("an empty filter has an id")
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		f.Insert(hash(r))
	}
	r = rand.New(rand.NewPCG(1, 1))
	for i := range n {
		if f.Lacks(hash(r)) {
			t.Fatalf("id %d is taken for a new one", i)
		}
	}
	wrong := 0
	for range 100_000 {
		if !f.Lacks(hash(r)) {
			wrong++
		}
	}
	if wrong > 500 {
		t.Errorf("%d of 100,000 new ids are taken for old ones", wrong)
	}
}

// After a start, the ids on disk and those that come meanwhile are all known.
func TestIDsAreFilteredAfterAStart(t *testing.T) {
	h := newHarness(t)
	var want []string
	for i := range uint64(20) {
		var ids []string
		for k := range uint64(500) {
			ids = append(ids, name(int(i*500+k)))
		}
		h.persist(i+1, ids...)
		want = append(want, ids...)
	}
	h.reopen()
	h.reopen()
	if h.FilterReady() {
		t.Fatal("the filter is ready before it was filled")
	}
	h.add(21, "new")
	want = append(want, "new")
	for range 2 {
		for i, id := range want {
			if seq, ok, err := h.Lookup(block.IDHash("p", id)); err != nil || !ok || seq != uint64(i)+1 {
				t.Fatalf("Lookup(%q) = %d, %v, %v", id, seq, ok, err)
			}
		}
		if _, ok, err := h.Lookup(block.IDHash("p", "nobody")); ok || err != nil {
			t.Errorf("Lookup of nobody's id = %v, %v", ok, err)
		}
		h.FillFilter(context.Background())
		if !h.FilterReady() {
			t.Fatal("the filter is not ready")
		}
	}
}

// A filter that cannot be filled is not used, and ends the node.
func TestAFilterIsNotReadyByHalf(t *testing.T) {
	h := newHarness(t)
	h.persist(1, "a")
	stopped, stop := context.WithCancel(context.Background())
	stop()
	h.FillFilter(stopped)
	if h.FilterReady() {
		t.Error("it is ready after a stop")
	}
	h.raw(append(kv.IDKey(block.IDHash("p", "b")), 'x'), nil)
	h.FillFilter(context.Background())
	if h.FilterReady() {
		t.Error("it is ready without all ids")
	}
	h.wantFatal(errs.ExitIntegrity)
}
