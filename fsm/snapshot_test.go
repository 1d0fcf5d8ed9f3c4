package fsm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/hashicorp/raft"
)

// list returns the one snapshot there is, or nil.
func (n *node) list() *raft.SnapshotMeta {
	n.t.Helper()
	metas, err := n.snaps.List()
	if err != nil || len(metas) > 1 {
		n.t.Fatalf("List = %v, %v", metas, err)
	}
	if len(metas) == 0 {
		return nil
	}
	return metas[0]
}

func TestTheOneSnapshotIsThePersistedPosition(t *testing.T) {
	n := newNode(t, nil)
	if m := n.list(); m != nil {
		t.Errorf("an empty log has snapshot %+v", m)
	}
	n.ApplyBatch([]*raft.Log{
		{Index: 1, Term: 2, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(threeServers)},
		command(2, 2, sealed(t, "a", "b")),
	})
	if m := n.list(); m != nil {
		t.Errorf("a log that is not on disk has snapshot %+v", m)
	}
	n.run()
	if err := n.WaitPersisted(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	m := n.list()
	if m == nil || m.Version != 1 || m.Index != 2 || m.Term != 2 || m.ConfigurationIndex != 1 || !reflect.DeepEqual(m.Configuration, threeServers) {
		t.Fatalf("snapshot %+v", m)
	}
	meta, body, err := n.snaps.Open(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	conf, err := json.Marshal(raft.EncodeConfiguration(threeServers))
	if err != nil {
		t.Fatal(err)
	}
	chain := n.Persisted().Chain
	want := fmt.Sprintf(`{"format":2,"node":"n1","index":2,"term":2,"seq":2,"receivedAt":%d,"chain":"%x","configuration":%s,"configurationIndex":1}`,
		int64(day), chain, conf)
	if string(text) != want || !reflect.DeepEqual(meta, m) || meta.Size != int64(len(text)) {
		t.Errorf("manifest %s of %+v, want %s", text, meta, want)
	}

	n.Apply(command(3, 2, sealed(t, "c")))
	if err := n.WaitPersisted(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	if meta, _, err := n.snaps.Open(m.ID); err != nil || meta.Index != 3 {
		t.Errorf("an older snapshot opens as %+v, %v", meta, err)
	}
	for _, id := range []string{"", "x", "2-0", "2-4", "2-"} {
		if meta, _, err := n.snaps.Open(id); err == nil {
			t.Errorf("Open(%q) = %+v", id, meta)
		}
	}
}

func (n *node) create(index, term uint64) raft.SnapshotSink {
	n.t.Helper()
	s, err := n.snaps.Create(1, index, term, raft.Configuration{}, 0, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

func TestASnapshotIsTakenOnlyWhenTheDiskHasIt(t *testing.T) {
	n := newNode(t, nil)
	n.Apply(command(2, 1, sealed(t, "a")))
	snap, err := n.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Release()
	to := n.create(5, 3) // raft has applied three barriers since
	if err := to.Close(); err == nil {
		t.Error("a snapshot of what is not on disk was closed")
	}
	taken := make(chan error)
	go func() { taken <- snap.Persist(to) }()
	n.run()
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	if m := n.list(); m == nil || m.Index != 5 || m.Term != 3 || m.ID != to.ID() {
		t.Errorf("snapshot %+v, want %s", m, to.ID())
	}
	n.close()
	n.open(nil)
	if p := n.Persisted(); p.Index != 5 || p.Term != 3 || p.Seq != 1 {
		t.Errorf("reopened at %+v", p)
	}
}

func TestCloseEndsASnapshotThatWaits(t *testing.T) {
	n := newNode(t, nil)
	n.Apply(command(1, 1, sealed(t, "a")))
	snap, err := n.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
	to := n.create(1, 1)
	if err := snap.Persist(to); !errors.Is(err, context.Canceled) {
		t.Errorf("Persist = %v", err)
	}
	if err := to.Cancel(); err != nil {
		t.Error(err)
	}
	if m := n.list(); m != nil {
		t.Errorf("snapshot %+v", m)
	}
}
