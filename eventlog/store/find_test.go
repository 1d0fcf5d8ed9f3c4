package store_test

import (
	"fmt"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
)

// v7 is an id as dashd makes it at a time, told apart by n.
func v7(ms int64, n int) string {
	return fmt.Sprintf("%08x-%04x-7%03x-8000-%012x", ms>>16, ms&0xffff, n, n)
}

func made(ms int64, n int) eventlog.Event {
	e := event(v7(ms, n))
	e.GivenID = false
	return e
}

func TestFindID(t *testing.T) {
	h := newHarness(t)
	index := uint64(0)
	add := func(received int64, list ...eventlog.Event) {
		index++
		h.append(newEntry(t, index, received, list))
	}
	other := event("mine")
	other.Project = "q"
	add(day, event("mine"), other, made(day-5, 1))
	for i := range 50 {
		add(day+int64(i)*1000, made(day+int64(i)*1000-20, 100+i))
	}
	add(day+100_000, made(day+100_000, 2), made(day+100_000-store.IDLag, 3), made(day+100_000-store.IDLag-1, 4))
	add(day+150_000, made(day+150_001, 5), made(day+150_000+store.IDLead, 6), made(day+150_000+store.IDLead+1, 7))
	given := event(v7(day+7, 9)) // a producer may choose an id of this form, long before it is received
	add(day+200_000, given)
	last := h.Head()

	tests := []struct {
		name, project, id string
		want              uint64
	}{
		{"a given id", "p", "mine", 1},
		{"the same id in another project", "q", "mine", 2},
		{"an id made by dashd", "p", v7(day-5, 1), 3},
		{"an id made by dashd, of another project", "q", v7(day-5, 1), 0},
		{"one of many", "p", v7(day+30_000-20, 130), 34},
		{"received in the moment it was made", "p", v7(day+100_000, 2), 54},
		{"received after the longest time allowed", "p", v7(day+100_000-store.IDLag, 3), 55},
		{"received later than that", "p", v7(day+100_000-store.IDLag-1, 4), 0},
		{"made by a clock that is ahead", "p", v7(day+150_001, 5), 57},
		{"made by a clock that is ahead as far as is allowed", "p", v7(day+150_000+store.IDLead, 6), 58},
		{"made by a clock that is further ahead", "p", v7(day+150_000+store.IDLead+1, 7), 0},
		{"given, in the form of dashd's own", "p", v7(day+7, 9), last},
		{"made later than everything", "p", v7(day+1_000_000, 1), 0},
		{"nobody's id", "p", "none", 0},
		{"nobody's id of the right form", "p", v7(day+30_000, 77), 0},
		{"upper case", "p", "ABCDEF01-0000-7000-8000-000000000000", 0},
		{"no digits", "p", "zzzzzzzz-0000-7000-8000-000000000000", 0},
		{"a dash too many", "p", "0000-000-0000-7000-8000-000000000000", 0},
		{"empty", "p", "", 0},
	}
	for _, where := range []string{"in memory", "on disk", "reopened"} {
		switch where {
		case "on disk":
			h.persistAll()
		case "reopened":
			h.reopen()
		}
		for _, tt := range tests {
			t.Run(where+", "+tt.name, func(t *testing.T) {
				seq, ok, err := h.FindID(tt.project, tt.id)
				if err != nil || ok != (tt.want != 0) || ok && seq != tt.want {
					t.Errorf("FindID = %d, %v, %v, want %d", seq, ok, err, tt.want)
				}
			})
		}
	}
}

// Ids that dashd made are found through the block, not through an index.
func TestOnlyGivenIDsAreIndexed(t *testing.T) {
	h := newHarness(t)
	h.append(newEntry(t, 1, day, []eventlog.Event{made(day, 1), event("given")}))
	for range 2 {
		if _, ok, err := h.Lookup(block.IDHash("p", v7(day, 1))); ok || err != nil {
			t.Errorf("Lookup of an id made by dashd: %v, %v", ok, err)
		}
		if seq, ok, err := h.Lookup(block.IDHash("p", "given")); !ok || seq != 2 || err != nil {
			t.Errorf("Lookup of a given id: %d, %v, %v", seq, ok, err)
		}
		h.persistAll()
	}
}
