package cluster_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"dashd/internal/cluster"
	"dashd/internal/errs"
)

// oneByOne sends one message after the other, as the transport of nodes does.
type oneByOne struct{ *raft.InmemTransport }

func (oneByOne) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// A node that has tried in vain, more than once, to give the lead to one that does not answer, and then loses
// it, is a leader like any other when it is elected again.
func TestTransferToANodeThatDoesNotAnswer(t *testing.T) {
	_, own := raft.NewInmemTransport("n1")
	l := live(t, t.TempDir(), func(c *cluster.Config) { c.Transport = oneByOne{own} })
	defer l.stop()
	var silent2, silent3 atomic.Bool
	answers(own, "n2", &silent2)
	answers(own, "n3", &silent3)
	term, err := l.Term()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"n2", "n3"} {
		if err := l.AddVoter(term, id, id); err != nil {
			t.Fatal(err)
		}
	}
	propose := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := l.WaitLead(ctx); err != nil {
			t.Fatal(err)
		}
		now, err := l.Term()
		if err != nil {
			t.Fatal(err)
		}
		wait, err := l.Propose(ctx, now, sealed(t, 1, 10))
		if err == nil {
			_, err = wait()
		}
		if err != nil {
			t.Fatalf("Propose in term %d = %v", now, err)
		}
	}
	propose()
	silent2.Store(true)
	propose() // n2 does not have it
	for range 2 {
		began := time.Now()
		err := l.Transfer(t.Context(), "n2")
		if errs.CodeOf(err) != cluster.CodeNoSuccessor {
			t.Fatalf("Transfer to a node that does not answer = %v, after %v", err, time.Since(began))
		}
		propose()
	}
	if err := l.Transfer(t.Context(), l.Node.Identity().NodeID); errs.KindOf(err) != errs.Conflict {
		t.Errorf("Transfer to itself = %v", err)
	}
	if err := l.Transfer(t.Context(), "nx"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Transfer to nobody = %v", err)
	}

	silent3.Store(true)
	for end := time.Now().Add(30 * time.Second); l.Raft().State() == raft.Leader; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it still leads")
		}
	}
	silent2.Store(false)
	silent3.Store(false)
	propose()
	if now, _ := l.Term(); now <= term {
		t.Errorf("it leads in term %d, and did before in term %d", now, term)
	}
}
