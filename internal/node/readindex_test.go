package node_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// answers holds back what comes to a node: the answers to its messages.
type answers struct {
	from     raft.ServerID // answers to heartbeats of this node
	one, all chan struct{} // closed: those that are there are let through; all of them are
}

func (a *answers) hold(id raft.ServerID, args *raft.AppendEntriesRequest) {
	one := a.one
	if id != a.from || args.PrevLogEntry != 0 || len(args.Entries) > 0 {
		one = nil
	}
	select {
	case <-one:
	case <-a.all:
	}
}

// What a follower has shown is not missing from a later read, though the leader itself has not applied it yet.
func TestI9_AReadOfALeaderThatAppliesLate(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		lead := c.leader()
		follower := c.nodes[0]
		if follower == lead {
			follower = c.nodes[1]
		}
		late := lead.hang("applying an entry")
		appended := make(chan error, 1)
		go func() { appended <- lead.append("a") }()
		want := lead.Store.Head() + 1
		c.await(time.Second, "the follower", func() bool { return follower.Store.Head() >= want })

		type read struct {
			seq uint64
			err error
		}
		done := make(chan read, 2)
		for _, m := range []*member{lead, follower} {
			go func() {
				seq, err := m.ReadIndex(t.Context(), false)
				done <- read{seq, err}
			}()
		}
		time.Sleep(time.Second)
		late.release()
		for range 2 {
			if got := <-done; got.err != nil || got.seq < want {
				t.Errorf("a read is as of seq %d, %v; seq %d had been shown", got.seq, got.err, want)
			}
		}
		if err := <-appended; err != nil {
			t.Error(err)
		}
	})
}

// A leader that does not know yet that another one has taken the lead, and that gets an answer of a voter from
// before that, does not take it for the consent of a majority: what the other one has acknowledged is
// not missing from a read.
func TestI9_AReadOfALeaderThatWasReplaced(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		old := c.leader()
		others := slices.DeleteFunc(slices.Clone(c.nodes[:]), func(m *member) bool { return m == old })
		voter, next := others[0], others[1]
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()

		// From now on nothing comes to the leader, and what it sends arrives.
		h := &answers{raft.ServerID(voter.Identity().NodeID), make(chan struct{}), make(chan struct{})}
		old.transport.answers.Store(h)
		for _, m := range others {
			m.transport.Disconnect(old.transport.LocalAddr())
		}
		time.Sleep(250 * time.Millisecond) // a heartbeat is on its way to each voter
		go func() { _ = old.Transfer(ctx, next.Identity().NodeID) }()
		c.await(time.Second, "the next leader", next.Leads)
		if err := next.append("a"); err != nil {
			t.Fatal(err)
		}
		want := next.Store.Head()
		if !old.Leads() || old.Store.Head() >= want {
			t.Fatal("the old leader knows already")
		}

		type read struct {
			seq uint64
			err error
		}
		done := make(chan read, 1)
		go func() {
			seq, err := old.ReadIndex(ctx, false)
			done <- read{seq, err}
		}()
		synctest.Wait()
		close(h.one) // what the voter said before it voted for the next leader
		synctest.Wait()
		close(h.all)
		c.connect()
		if got := <-done; got.err != nil || got.seq < want {
			t.Errorf("a read is as of seq %d, %v; seq %d had been acknowledged", got.seq, got.err, want)
		}
	})
}
