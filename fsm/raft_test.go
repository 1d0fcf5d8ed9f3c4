package fsm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
)

// life is one run of raft on a node, over a log that survives it.
type life struct {
	*raft.Raft
	t *testing.T
}

func begin(t *testing.T, n *node, logs *raft.InmemStore) life {
	t.Helper()
	addr, trans := raft.NewInmemTransport("n1")
	leads := make(chan bool, 8)
	conf := raft.DefaultConfig()
	conf.LocalID = "n1"
	conf.LogOutput = io.Discard
	conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	conf.CommitTimeout = 5 * time.Millisecond
	conf.TrailingLogs = 0
	conf.SnapshotThreshold = 1 << 30
	conf.NoSnapshotRestoreOnStart = true
	conf.NotifyCh = leads
	err := raft.BootstrapCluster(conf, logs, logs, n.snaps, trans, raft.Configuration{
		Servers: []raft.Server{{Suffrage: raft.Voter, ID: "n1", Address: addr}},
	})
	if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		t.Fatal(err)
	}
	r, err := raft.NewRaft(conf, n.FSM, logs, logs, n.snaps, trans)
	if err != nil {
		t.Fatal(err)
	}
	for lead := range leads {
		if lead {
			break
		}
	}
	return life{r, t}
}

func (l life) barrier() {
	l.t.Helper()
	if err := l.Barrier(0).Error(); err != nil {
		l.t.Fatal(err)
	}
}

func (l life) end() {
	l.t.Helper()
	if err := l.Shutdown().Error(); err != nil {
		l.t.Fatal(err)
	}
}

// Raft itself, restarted over and over, with its log truncated to nothing and
// the head of the event log lost: every event stays, once.
func TestUnderRaft(t *testing.T) {
	logs := raft.NewInmemStore()
	n := newNode(t, nil)
	var want []string
	for round := range 6 {
		persisting := round%2 == 0
		if persisting {
			n.run()
		}
		l := begin(t, n, logs)
		l.barrier()
		if got := n.ids(); !slices.Equal(got, want) {
			t.Fatalf("round %d: raft delivered %q, want %q", round, got, want)
		}
		for i := range 5 {
			id := fmt.Sprintf("%d.%d", round, i)
			f := l.Apply(sealed(t, id), 0)
			if err := f.Error(); err != nil {
				t.Fatal(err)
			}
			want = append(want, id)
			if at, ok := f.Response().(store.Applied); !ok || at.Last != uint64(len(want)) {
				t.Fatalf("round %d: answer %+v", round, f.Response())
			}
		}
		l.barrier()
		if persisting {
			if err := l.Snapshot().Error(); err != nil { // what raft has applied ends with a barrier
				t.Fatal(err)
			}
			last, err := logs.FirstIndex()
			if m := n.list(); err != nil || last != 0 && last != m.Index+1 {
				t.Errorf("round %d: the raft log begins at %d, the event log ends at %d, %v", round, last, m.Index, err)
			}
		}
		n.Close() // first: it ends snapshots that wait
		l.end()
		n.close()
		n.open(nil)
	}
	if err := n.Check(context.Background(), nil); err != nil {
		t.Error(err)
	}
}
