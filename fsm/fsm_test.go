package fsm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
	"dashd/fsm"
	"dashd/internal/errs"
)

var (
	_ raft.BatchingFSM   = (*fsm.FSM)(nil)
	_ raft.SnapshotStore = (*fsm.Snapshots)(nil)
)

func TestABatchGetsOneAnswerForEachEntry(t *testing.T) {
	n := newNode(t, nil)
	conf := &raft.Log{Index: 1, Term: 2, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(threeServers)}
	got := n.ApplyBatch([]*raft.Log{
		conf,
		command(2, 2, sealed(t, "a", "b")),
		command(4, 3, sealed(t, "c")),
	})
	want := []any{store.Applied{}, store.Applied{First: 1, Last: 2, ReceivedAt: day}, store.Applied{First: 3, Last: 3, ReceivedAt: day}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("answers %+v, want %+v", got, want)
	}
	p := n.Applied()
	if p.Index != 4 || p.Term != 3 || p.Seq != 3 || p.ConfigurationIndex != 1 || !reflect.DeepEqual(raft.DecodeConfiguration(p.Configuration), threeServers) {
		t.Errorf("position %+v", p)
	}
	again := n.ApplyBatch([]*raft.Log{conf, command(2, 2, sealed(t, "a", "b")), command(4, 3, sealed(t, "c")), command(5, 3, sealed(t, "d"))})
	want = []any{store.Applied{}, store.Applied{}, store.Applied{}, store.Applied{First: 4, Last: 4, ReceivedAt: day}}
	if !reflect.DeepEqual(again, want) {
		t.Errorf("delivered again: %+v, want %+v", again, want)
	}
	if got := n.ids(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("the log holds %q", got)
	}
}

// An entry in another term than it was proposed for is void, on every node, and
// takes its place in the order all the same.
func TestAnEntryOfAnotherTermIsVoid(t *testing.T) {
	n := newNode(t, func(first, last uint64) error { return fmt.Errorf("asked about %d to %d", first, last) })
	late := command(1, 1, sealed(t, "late"))
	late.Term = 2
	got := n.ApplyBatch([]*raft.Log{late, command(2, 2, sealed(t, "a"))})
	if err, ok := got[0].(error); !ok || !errors.Is(err, fsm.ErrVoid) || errs.KindOf(err) != errs.Unavailable {
		t.Errorf("answer %+v", got[0])
	}
	if got[1] != (store.Applied{First: 1, Last: 1, ReceivedAt: day}) {
		t.Errorf("the entry after it: %+v", got[1])
	}
	if len(n.fatal) > 0 {
		t.Errorf("told to stop: %v", n.fatal)
	}
}

func TestWhatCannotBeAppliedStopsTheNode(t *testing.T) {
	flipped := sealed(t, "a")
	flipped[len(flipped)/2] ^= 1
	later := sealed(t, "a")
	later[4]++ // the format version
	tests := []struct {
		name string
		log  *raft.Log
	}{
		{"a changed bit", command(3, 1, flipped)},
		{"a format of a later release", command(3, 1, later)},
		{"no block at all", command(3, 1, nil)},
		{"extensions that are not a term", &raft.Log{Index: 3, Term: 1, Data: sealed(t, "a"), Extensions: []byte("x")}},
		{"a type that no FSM gets", &raft.Log{Index: 3, Term: 1, Type: raft.LogNoop}},
		{"entries that were not delivered", command(5, 1, sealed(t, "a"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNode(t, func(first, last uint64) error { return fmt.Errorf("%d to %d hold events", first, last) })
			got := n.ApplyBatch([]*raft.Log{command(1, 1, sealed(t, "x")), command(2, 1, sealed(t, "y")), tt.log, command(tt.log.Index+1, 1, sealed(t, "z"))})
			for i, answer := range got[2:] {
				if err, _ := answer.(error); errs.ExitCode(err) != errs.ExitIntegrity {
					t.Errorf("answer %d: %+v", i+2, answer)
				}
			}
			if len(n.fatal) != 1 || errs.ExitCode(n.fatal[0]) != errs.ExitIntegrity {
				t.Errorf("told to stop: %v", n.fatal)
			}
			if _, err := n.Snapshot(); err == nil {
				t.Error("a snapshot of a failed FSM")
			}
			if got := n.ids(); !slices.Equal(got, []string{"x", "y"}) {
				t.Errorf("the log holds %q", got)
			}
		})
	}
}

func TestGapsOfRaftsOwnEntriesAreExplained(t *testing.T) {
	var asked [][2]uint64
	n := newNode(t, func(first, last uint64) error {
		asked = append(asked, [2]uint64{first, last})
		return nil
	})
	n.ApplyBatch([]*raft.Log{command(1, 1, sealed(t, "a")), command(3, 1, sealed(t, "b")), command(4, 1, sealed(t, "c")), command(9, 1, sealed(t, "d"))})
	if want := [][2]uint64{{2, 2}, {5, 8}}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	if got := n.ids(); !slices.Equal(got, []string{"a", "b", "c", "d"}) || len(n.fatal) > 0 {
		t.Errorf("the log holds %q, told to stop: %v", got, n.fatal)
	}
}

func TestRestoreIsRefused(t *testing.T) {
	n := newNode(t, nil)
	n.Apply(command(1, 1, sealed(t, "a")))
	if err := n.Restore(io.NopCloser(bytes.NewReader([]byte("{}")))); err == nil {
		t.Error("accepted")
	}
	if got := n.ids(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the log holds %q", got)
	}
}
