package cluster_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"dashd/internal/cluster"
)

// An entry is read as it was given, however many pieces it has.
func TestEntriesOfAllLengths(t *testing.T) {
	logs := bareLogs(t, filepath.Join(t.TempDir(), "raft.db"))
	var want []*raft.Log
	for _, size := range []int{0, 1, 1899, 1900, 1901, 3800, 3801, 7999, 8000, 8001, 32 << 10, 32<<10 + 1, 40_000, 340_000} {
		want = append(want, entry(uint64(len(want)+1), size))
	}
	if err := logs.StoreLogs(want); err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		wantEntry(t, logs, w)
	}
}

// The length of pieces is not part of the format: another release may have chosen others.
func TestEntriesInPiecesOfAnotherLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "raft.db")
	logs := bareLogs(t, path)
	short, long := entry(7, 12_000), entry(8, 40_000)
	if err := logs.StoreLogs([]*raft.Log{short, long}); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CloseLogs(logs); err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{8000, 100} {
		recut(t, path, short, length)
		recut(t, path, long, length)
		logs := bareLogs(t, path)
		wantEntry(t, logs, short)
		wantEntry(t, logs, long)
		if err := cluster.CloseLogs(logs); err != nil {
			t.Fatal(err)
		}
	}
}

// recut stores the pieces of an entry again, in another length.
func recut(t *testing.T, path string, l *raft.Log, length int) {
	t.Helper()
	s, err := raftboltdb.NewBoltStore(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var head raft.Log
	if err := s.GetLog(first(l.Index), &head); err != nil {
		t.Fatal(err)
	}
	n := (len(l.Data) + length - 1) / length
	binary.BigEndian.PutUint16(head.Extensions[len(head.Extensions)-6:], uint16(n))
	var pieces []*raft.Log
	for i := range n {
		piece := &raft.Log{Term: l.Term, Type: l.Type}
		if i == 0 {
			piece = &head
		}
		piece.Index = first(l.Index) + uint64(i)
		piece.Data = l.Data[i*length : min((i+1)*length, len(l.Data))]
		pieces = append(pieces, piece)
	}
	if err := deleteEntries(s, l.Index, l.Index); err != nil {
		t.Fatal(err)
	}
	if err := s.StoreLogs(pieces); err != nil {
		t.Fatal(err)
	}
}

// entry makes one whose pieces differ.
func entry(index uint64, size int) *raft.Log {
	data := bytes.Repeat([]byte("a piece is not as long as this text is, and begins elsewhere"), size/60+1)
	return &raft.Log{Index: index, Term: 3, Type: raft.LogCommand, Data: data[:size], Extensions: []byte("extended"), AppendedAt: time.Unix(1, 0)}
}

func bareLogs(t *testing.T, path string) raft.LogStore {
	t.Helper()
	logs, err := cluster.BareLogs(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	return logs
}

func wantEntry(t *testing.T, logs raft.LogStore, want *raft.Log) {
	t.Helper()
	var got raft.Log
	if err := logs.GetLog(want.Index, &got); err != nil {
		t.Fatalf("entry %d of %d bytes: %v", want.Index, len(want.Data), err)
	}
	if !bytes.Equal(got.Data, want.Data) {
		t.Errorf("entry %d: %d bytes that are not the %d that were stored", want.Index, len(got.Data), len(want.Data))
	}
	if !got.AppendedAt.Equal(want.AppendedAt) {
		t.Errorf("entry %d was appended at %v, want %v", want.Index, got.AppendedAt, want.AppendedAt)
	}
	got.Data, got.AppendedAt = want.Data, want.AppendedAt
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("entry %d is %+v, want %+v", want.Index, got, want)
	}
}
