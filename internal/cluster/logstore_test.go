package cluster_test

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"dashd/internal/cluster"
)

// What may be deleted: the oldest entries up to what the event log has on disk, and the newest
// ones whatever it has.
func TestDeletionOfEntries(t *testing.T) {
	for _, tt := range []struct {
		name        string
		persisted   uint64
		first, last uint64 // deleted, of entries 5 to 10
		wantFirst   uint64
		wantLast    uint64
	}{
		{"a truncation stops where the event log does", 6, 5, 8, 7, 10},
		{"a truncation of nothing that is persisted", 4, 5, 4, 5, 10},
		{"a conflicting end", 6, 8, 10, 5, 7},
		{"a conflicting end that is all there is", 4, 5, 10, 0, 0},
		{"a conflicting end right behind the event log", 6, 7, 10, 5, 6},
		{"all entries, of which some are not persisted", 6, 5, 10, 7, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			logs := logsOf(t, tt.persisted, 5, 10)
			if err := logs.DeleteRange(tt.first, tt.last); err != nil {
				t.Fatal(err)
			}
			wantRange(t, logs, tt.wantFirst, tt.wantLast)
		})
	}
}

// A node that got its log from another one while its own raft log stood still goes on
// without the entries before the gap.
func TestP1_EntriesThatTheEventLogHasPassedAreDropped(t *testing.T) {
	for _, tt := range []struct {
		name                string
		persisted           uint64
		wantFirst, wantLast uint64
	}{
		{"the event log ends inside", 7, 5, 10},
		{"the event log ends with the last entry", 10, 5, 10},
		{"the event log goes on behind", 11, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			logs := logsOf(t, tt.persisted, 5, 10)
			if err := cluster.DropPassed(logs, tt.persisted); err != nil {
				t.Fatal(err)
			}
			wantRange(t, logs, tt.wantFirst, tt.wantLast)
		})
	}
}

// An entry that is deleted while its pieces are read one after another is one that is not
// there, not one that is damaged: the node would stop for it.
func TestAnEntryIsReadWhileItIsDeleted(t *testing.T) {
	const entries = 300
	path := filepath.Join(t.TempDir(), "raft.db")
	logs, err := cluster.BareLogs(path, entries)
	if err != nil {
		t.Fatal(err)
	}
	var all []*raft.Log
	for i := uint64(1); i <= entries; i++ {
		all = append(all, entry(i, 60_000))
	}
	if err := logs.StoreLogs(all); err != nil {
		t.Fatal(err)
	}
	var next atomic.Uint64 // the next to be deleted
	next.Store(1)
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for index := next.Load(); index < entries; index = next.Load() {
				var l raft.Log
				if err := logs.GetLog(index, &l); err != nil && !errors.Is(err, raft.ErrLogNotFound) {
					t.Errorf("entry %d: %v", index, err)
					return
				}
			}
		})
	}
	for i := uint64(1); i < entries; i++ {
		if err := logs.DeleteRange(i, i); err != nil {
			t.Error(err)
		}
		next.Store(i + 1)
	}
	reading.Wait()
}

func logsOf(t *testing.T, persisted, first, last uint64) raft.LogStore {
	t.Helper()
	logs, err := cluster.BareLogs(filepath.Join(t.TempDir(), "raft.db"), persisted)
	if err != nil {
		t.Fatal(err)
	}
	for i := first; i <= last; i++ {
		if err := logs.StoreLog(&raft.Log{Index: i, Term: 1, Data: make([]byte, 20_000)}); err != nil {
			t.Fatal(err)
		}
	}
	return logs
}

func wantRange(t *testing.T, logs raft.LogStore, first, last uint64) {
	t.Helper()
	gotFirst, err := logs.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	gotLast, err := logs.LastIndex()
	if err != nil {
		t.Fatal(err)
	}
	if gotFirst != first || gotLast != last {
		t.Errorf("entries %d to %d are left, want %d to %d", gotFirst, gotLast, first, last)
	}
}
