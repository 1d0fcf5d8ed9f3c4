package block_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// selectFrom returns copies of the records at the offsets.
func selectFrom(how func(uint64, []int, func(*eventlog.Record) error) error, offsets []int) (all []eventlog.Record, err error) {
	err = how(100, offsets, func(r *eventlog.Record) error {
		kept := *r
		kept.Metadata, kept.Sealed = bytes.Clone(r.Metadata), bytes.Clone(r.Sealed)
		all = append(all, kept)
		return nil
	})
	return all, err
}

// Whatever byte of a block changes, what is remembered of it gives the events that it
// held, or an error. A changed byte that is needed is always an error.
func TestRemembered(t *testing.T) {
	raw := sealGroups(t, block.Header{Proposer: "n1", ReceivedAt: 5}, append(sampleGroups(), randomEvents(1, 300)))
	b, err := block.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	sums := b.Sums(raw)
	all := make([]int, b.Len())
	for i := range all {
		all[i] = i
	}
	few := []int{0, 2, 60, 200, 201, b.Len() - 1}
	wantAll, err := selectFrom(b.Select, all)
	if err != nil {
		t.Fatal(err)
	}
	wantFew, err := selectFrom(b.Select, few)
	if err != nil {
		t.Fatal(err)
	}
	read := func(raw []byte, sums block.Sums, offsets []int) ([]eventlog.Record, error) {
		r, err := block.Remember(raw, sums)
		if err != nil {
			return nil, err
		}
		return selectFrom(r.Select, offsets)
	}
	if got, err := read(raw, sums, all); err != nil || !reflect.DeepEqual(got, wantAll) {
		t.Fatalf("nothing has changed, and the events differ: %v", err)
	}

	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 1))
	passed := 0
	for at := 0; at < len(raw); at += 1 + rng.IntN(len(raw)/2000) {
		bit := byte(1) << rng.IntN(8)
		raw[at] ^= bit
		got, err := read(raw, sums, few)
		switch {
		case err == nil && reflect.DeepEqual(got, wantFew):
			passed++
		case !errors.Is(err, block.ErrChanged):
			t.Fatalf("byte %d of %d, bit %#x, seed %d: %v", at, len(raw), bit, seed, err)
		}
		if at < len(raw)-32 && at%8 == 0 { // the hash at the end is not needed
			if _, err := read(raw, sums, all); !errors.Is(err, block.ErrChanged) {
				t.Fatalf("byte %d of %d, bit %#x, seed %d: all events are read: %v", at, len(raw), bit, seed, err)
			}
		}
		raw[at] ^= bit
	}
	if passed <= 100 {
		t.Errorf("%d of 2,000 bytes or so do not matter to %d events of %d", passed, len(few), b.Len())
	}
	for _, wrong := range []block.Sums{nil, sums[:1], sums[:len(sums)-1]} {
		if _, err := read(raw, wrong, all); !errors.Is(err, block.ErrChanged) {
			t.Errorf("with %d of %d sums: %v", len(wrong), len(sums), err)
		}
	}
	if _, err := read(raw, sums, []int{b.Len()}); err == nil {
		t.Error("there is an event behind the last one")
	}
}
