package block_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/genevents"
)

// TestFactsAreWhatSelectFactsGives reads blocks of many sub-blocks into the same memory, all of their
// events and some of them.
func TestFactsAreWhatSelectFactsGives(t *testing.T) {
	events := genevents.Events(7, 2_000)
	var facts block.Facts
	for from, n := 0, 1; from+n <= len(events); from, n = from+n, 3*n+1 {
		part := events[from : from+n]
		part[n/2].Erased, part[n/2].Personal, part[n/2].Salt = true, eventlog.Personal{}, [16]byte{}
		half := n / 2
		b := sealed(t, part[:half+1], part[half+1:])
		for _, step := range []int{1, 2, 61} {
			var offsets []int
			for at := n - 1 - (n-1)%step; at >= 0; at -= step { // any order will do
				offsets = append(offsets, at)
			}
			var want []eventlog.Record
			err := b.SelectFacts(100, offsets, func(r *eventlog.Record) error {
				c := *r
				c.UserAgent, c.City, c.Country = strings.Clone(r.UserAgent), strings.Clone(r.City), strings.Clone(r.Country)
				c.Metadata, c.Sealed = bytes.Clone(r.Metadata), bytes.Clone(r.Sealed)
				want = append(want, c)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := facts.Read(&b, 100, offsets); err != nil || !reflect.DeepEqual(facts.Records, want) {
				t.Fatalf("%d of %d events: Read = %v, %d records; they are not those of SelectFacts", len(offsets), n, err, len(facts.Records))
			}
		}
		if err := facts.Read(&b, 1, []int{0, n}); err == nil {
			t.Errorf("Read found event %d of %d", n, n)
		}
	}
}

// sealed is a block of some groups of events.
func sealed(t *testing.T, groups ...[]eventlog.Event) block.Block {
	t.Helper()
	var encoded [][]byte
	for _, events := range groups {
		if len(events) == 0 {
			continue
		}
		group, err := block.AppendGroup(nil, events)
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, group)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: 17}, encoded...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
