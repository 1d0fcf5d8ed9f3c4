package cluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"dashd/eventlog/store"
	"dashd/internal/cluster"
	"dashd/internal/errs"
)

func TestPropose(t *testing.T) {
	dir := t.TempDir()
	b := sealed(t, 3, 10)
	l := live(t, dir, nil)
	if got, want := l.mustAppend(b), (store.Applied{First: 1, Last: 3, ReceivedAt: 1}); got != want {
		t.Errorf("the first block is at %+v, want %+v", got, want)
	}
	term, err := l.Term()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Propose(context.Background(), term+1, b); errs.CodeOf(err) != cluster.CodeNotLeader {
		t.Errorf("Propose in another term = %v, want code %s", err, cluster.CodeNotLeader)
	}
	if err := l.Barrier(context.Background()); err != nil {
		t.Errorf("Barrier: %v", err)
	}
	s := l.Status()
	if s.State != "Leader" || !s.Ready || s.Term != term || s.Leader == "" || len(s.Servers) != 1 || s.Servers[0].ID != s.Leader || !s.Servers[0].Voter {
		t.Errorf("Status = %+v", s)
	}
	l.stop()
	if _, err := l.Propose(context.Background(), term, b); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Propose after Close = %v, want kind Unavailable", err)
	}
	if err := l.Barrier(context.Background()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Barrier after Close = %v, want kind Unavailable", err)
	}

	l = live(t, dir, nil)
	defer l.stop()
	next, err := l.Term()
	if err != nil || next <= term {
		t.Errorf("the term after a restart is %d (%v), it was %d", next, err, term)
	}
	if got := l.mustAppend(b); got.First != 4 {
		t.Errorf("the block after a restart is at %+v, want 4", got)
	}
}

// A block for a term that ended is void, even if this node leads again by the
// time raft takes it.
func TestBlockOfAnEarlierTermIsVoid(t *testing.T) {
	l := live(t, t.TempDir(), nil)
	defer l.stop()
	f := l.Raft().ApplyLog(raft.Log{Data: sealed(t, 1, 1), Extensions: []byte{0, 0, 0, 0, 0, 0, 0, 1}}, 0)
	if err := f.Error(); err != nil {
		t.Fatal(err)
	}
	if err, _ := f.Response().(error); errs.CodeOf(err) != cluster.CodeNotLeader {
		t.Errorf("the FSM answered %v, want an error with code %s", f.Response(), cluster.CodeNotLeader)
	}
	if head := l.log.Head(); head != 0 {
		t.Errorf("the log has %d events", head)
	}
}

func TestBarriersAreShared(t *testing.T) {
	l := live(t, t.TempDir(), nil)
	defer l.stop()
	before := l.Status().LastIndex
	const callers, each = 50, 10
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if err := l.Barrier(context.Background()); err != nil {
					t.Errorf("Barrier: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := l.Status().LastIndex - before; n == 0 || n > callers*each/2 {
		t.Errorf("%d calls made %d entries", callers*each, n)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Barrier(ended); err != nil && errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Barrier of a request that ended = %v", err)
	}
}

// The raft log stays short, never shorter than what the event log has on disk,
// and a node starts from what is left.
func TestTruncation(t *testing.T) {
	dir := t.TempDir()
	small := func(c *cluster.Config) { c.TruncateBytes = 64 << 10 }
	b := sealed(t, 8, 1000)
	last := uint64(0)
	for range 3 {
		l := live(t, dir, small)
		if head := l.log.Head(); head != last {
			t.Fatalf("the log begins with %d events, it ended with %d", head, last)
		}
		for range 130 {
			last = l.mustAppend(b).Last
			first, err := l.Logs().FirstIndex()
			if err != nil {
				t.Fatal(err)
			}
			if have := l.log.Persisted().Index; first > have+1 {
				t.Fatalf("the raft log begins at %d, the event log on disk ends at %d", first, have)
			}
		}
		l.Truncate()
		first, err := l.Logs().FirstIndex()
		if err != nil {
			t.Fatal(err)
		}
		if have := l.Status().LastIndex - first; have > cluster.MinTrailing+10 {
			t.Errorf("%d entries are left", have)
		}
		l.stop()
	}
	first := firstIndex(t, dir)
	if first < 250 {
		t.Errorf("the raft log begins at %d after 390 blocks", first)
	}
}

func firstIndex(t *testing.T, dir string) uint64 {
	t.Helper()
	s, err := raftboltdb.NewBoltStore(filepath.Join(dir, cluster.LogFileName))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first, err := s.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	return cluster.EntryOf(first)
}

// No entry goes that the event log does not have on disk, whoever asks.
func TestTruncationStopsAtTheDisk(t *testing.T) {
	l := live(t, t.TempDir(), func(c *cluster.Config) { c.Events = behind{c.Events} })
	defer l.stop()
	for range 5 {
		l.mustAppend(sealed(t, 1, 1))
	}
	if err := l.Logs().DeleteRange(1, 4); err != nil {
		t.Fatal(err)
	}
	if first, err := l.Logs().FirstIndex(); first != 3 || err != nil {
		t.Errorf("the raft log begins at %d (%v), want 3", first, err)
	}
}

// behind is an event log with a slow disk.
type behind struct{ cluster.Events }

func (b behind) Persisted() store.Position { return store.Position{Index: 2} }

// Barriers reach no FSM, but count for raft's snapshots. A node whose log ends
// with many must still find where to begin.
func TestTruncationAmongBarriers(t *testing.T) {
	dir := t.TempDir()
	l := live(t, dir, nil)
	l.mustAppend(sealed(t, 1, 1))
	for range 3 * cluster.MinTrailing {
		if err := l.Barrier(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Raft().Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	l.stop()
	if first := firstIndex(t, dir); first < cluster.MinTrailing {
		t.Errorf("the raft log begins at %d; it was not truncated", first)
	}
	l = live(t, dir, nil)
	defer l.stop()
	if got := l.mustAppend(sealed(t, 1, 1)); got.First != 2 {
		t.Errorf("the block after it is at %+v, want 2", got)
	}
}

// A failed write of the raft log stops the node: nothing is acknowledged, and
// raft does not go on.
func TestFailedWrite(t *testing.T) {
	l := live(t, t.TempDir(), nil)
	l.mustAppend(sealed(t, 1, 1))
	if err := l.BreakLog(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.append(sealed(t, 1, 1)); errs.CodeOf(err) != cluster.CodeOutcomeUnknown {
		t.Errorf("Propose = %v, want code %s", err, cluster.CodeOutcomeUnknown)
	}
	<-l.failed
	if errs.ExitCode(l.fatal) != errs.ExitIO {
		t.Errorf("the failure is %v (exit %d), want exit %d", l.fatal, errs.ExitCode(l.fatal), errs.ExitIO)
	}
	if _, err := l.append(sealed(t, 1, 1)); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Propose afterwards = %v, want kind Unavailable", err)
	}
	if err := l.Barrier(context.Background()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Barrier afterwards = %v, want kind Unavailable", err)
	}
	if got := l.Raft().State(); got != raft.Leader {
		t.Errorf("raft went on and is %v", got) // it is held in the write
	}
	l.stop() // does not hang
}

// What was changed in the file is found before it is used.
func TestDamagedRaftLog(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, s *raftboltdb.BoltStore, last uint64)
		code  int
		says  string
	}{
		{"a byte of an entry", change(func(l *raft.Log) { l.Data[len(l.Data)/2] ^= 1 }), errs.ExitIntegrity, "is not what was written"},
		{"the term of an entry", change(func(l *raft.Log) { l.Term++ }), errs.ExitIntegrity, "is not what was written"},
		{"the type of an entry", change(func(l *raft.Log) { l.Type = raft.LogNoop }), errs.ExitIntegrity, "is not what was written"},
		{"the term an entry was meant for", change(func(l *raft.Log) { l.Extensions[7] ^= 1 }), errs.ExitIntegrity, "is not what was written"},
		{"a byte of a later piece", changePiece(1, func(l *raft.Log) { l.Data[0] ^= 1 }), errs.ExitIntegrity, "is not what was written"},
		{"a piece that is gone", func(t *testing.T, s *raftboltdb.BoltStore, last uint64) {
			if err := s.DeleteRange(first(last-1)+1, first(last-1)+1); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIntegrity, "is not what was written"},
		{"the number of pieces", change(func(l *raft.Log) { l.Extensions[9]-- }), errs.ExitIntegrity, "is not what was written"},
		{"a checksum", change(func(l *raft.Log) { l.Extensions = nil }), errs.ExitIntegrity, "is not what was written"},
		{"an entry in another's place", func(t *testing.T, s *raftboltdb.BoltStore, last uint64) {
			var l raft.Log
			if err := errors.Join(s.GetLog(first(last-1), &l), deleteEntries(s, last-1, last)); err != nil {
				t.Fatal(err)
			}
			l.Index = first(last - 1)
			if err := s.StoreLog(&l); err != nil {
				t.Fatal(err)
			}
			l.Index = first(last)
			if err := s.StoreLog(&l); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIntegrity, "is not what was written"},
		{"an entry that is gone", func(t *testing.T, s *raftboltdb.BoltStore, last uint64) {
			if err := deleteEntries(s, last-1, last-1); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIntegrity, "it is missing"},
		{"the entries that the event log lacks", func(t *testing.T, s *raftboltdb.BoltStore, last uint64) {
			if err := deleteEntries(s, 1, last-1); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIntegrity, "events are missing"},
		{"the term", func(t *testing.T, s *raftboltdb.BoltStore, _ uint64) {
			if err := s.SetUint64([]byte("CurrentTerm"), 1); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIdentity, "is an old copy"},
		{"the newest entries", func(t *testing.T, s *raftboltdb.BoltStore, last uint64) {
			if err := deleteEntries(s, last-1, last); err != nil {
				t.Fatal(err)
			}
		}, errs.ExitIdentity, "is an old copy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l := live(t, dir, nil)
			for range 5 {
				l.mustAppend(sealed(t, 40, 1000))
			}
			last := l.Status().LastIndex
			l.stop()
			// The database is younger than all of it, as after a crash.
			if err := os.RemoveAll(filepath.Join(dir, "events")); err != nil {
				t.Fatal(err)
			}
			s, err := raftboltdb.NewBoltStore(filepath.Join(dir, cluster.LogFileName))
			if err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, s, last)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = begin(t, dir, nil)
			if errs.ExitCode(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Open = %v (exit %d); want exit %d and %q", err, errs.ExitCode(err), tt.code, tt.says)
			}
		})
	}
}

// first is where the first piece of an entry is.
func first(index uint64) uint64 { return cluster.PieceKey(index, 0) }

func deleteEntries(s *raftboltdb.BoltStore, from, to uint64) error {
	return s.DeleteRange(first(from), first(to+1)-1)
}

// change returns a function that changes the first piece of the last entry but one.
func change(fn func(*raft.Log)) func(*testing.T, *raftboltdb.BoltStore, uint64) {
	return changePiece(0, fn)
}

func changePiece(n uint64, fn func(*raft.Log)) func(*testing.T, *raftboltdb.BoltStore, uint64) {
	return func(t *testing.T, s *raftboltdb.BoltStore, last uint64) {
		var l raft.Log
		if err := s.GetLog(first(last-1)+n, &l); err != nil {
			t.Fatal(err)
		}
		fn(&l)
		if err := s.StoreLog(&l); err != nil {
			t.Fatal(err)
		}
	}
}

// The node recovers all events from the raft log if the database has none.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	l := live(t, dir, nil)
	for range 5 {
		l.mustAppend(sealed(t, 2, 50))
	}
	l.stop()
	if err := os.RemoveAll(filepath.Join(dir, "events")); err != nil {
		t.Fatal(err)
	}
	l = live(t, dir, nil)
	defer l.stop()
	if got := l.log.Head(); got != 10 {
		t.Errorf("the log has %d events, want 10", got)
	}
}
