package fsm_test

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"dashd/eventlog/store"
	"dashd/fsm"
)

// member is a node of a cluster whose raft log survives its restarts.
type member struct {
	*node
	*raft.Raft
	id    raft.ServerID
	logs  *raft.InmemStore
	trans *raft.InmemTransport
	fetch fetcher
}

// cluster is members that can reach each other, and fetch from each other.
type cluster struct {
	t       *testing.T
	members []*member
}

func (c *cluster) add(fetch fetcher) *member {
	c.t.Helper()
	m := &member{id: raft.ServerID(fmt.Sprint("n", len(c.members)+1)), logs: raft.NewInmemStore(), fetch: fetch}
	m.node = newNode(c.t, nil)
	c.members = append(c.members, m)
	c.start(m)
	return m
}

// start begins the raft of a member whose log is open.
func (c *cluster) start(m *member) {
	c.t.Helper()
	m.FSM = fsm.New(m.Store, fsm.Options{
		Fatal: func(err error) { c.t.Errorf("%s: %v", m.id, err) },
		Fetch: m.fetch,
	})
	m.snaps = fsm.NewSnapshots(m.Store, string(m.id))
	m.run()
	_, m.trans = raft.NewInmemTransportWithTimeout(raft.ServerAddress(m.id), 100*time.Millisecond)
	for _, o := range c.members {
		if o != m && o.trans != nil {
			o.trans.Connect(m.trans.LocalAddr(), m.trans)
			m.trans.Connect(o.trans.LocalAddr(), o.trans)
		}
	}
	conf := raft.DefaultConfig()
	conf.LocalID = m.id
	conf.LogOutput = io.Discard
	conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
	conf.CommitTimeout = 5 * time.Millisecond
	conf.TrailingLogs = 0
	conf.SnapshotThreshold = 1 << 30
	conf.NoSnapshotRestoreOnStart = true
	if len(c.members) == 1 {
		err := raft.BootstrapCluster(conf, m.logs, m.logs, m.snaps, m.trans, raft.Configuration{
			Servers: []raft.Server{{Suffrage: raft.Voter, ID: m.id, Address: m.trans.LocalAddr()}},
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	var err error
	if m.Raft, err = raft.NewRaft(conf, m.FSM, m.logs, m.logs, m.snaps, m.trans); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { c.stop(m) })
}

// stop ends a member in the order in which a node does.
func (c *cluster) stop(m *member) {
	m.FSM.Close()
	if err := m.Shutdown().Error(); err != nil {
		c.t.Error(err)
	}
	_ = m.trans.Close()
	if m.node.stop != nil {
		m.node.stop()
		m.node.stop = nil
	}
}

// restart is a crash of a member, and its start.
func (c *cluster) restart(m *member) {
	c.t.Helper()
	c.stop(m)
	m.node.close()
	m.node.open(nil)
	c.start(m)
}

// leads waits until a member leads.
func (c *cluster) leads(m *member) {
	c.t.Helper()
	for m.State() != raft.Leader {
		select {
		case <-m.LeaderCh():
		case <-c.t.Context().Done():
			c.t.Fatal("no leader")
		}
	}
	c.must(m.Barrier(0))
}

func (c *cluster) must(f raft.Future) {
	c.t.Helper()
	if err := f.Error(); err != nil {
		c.t.Fatal(err)
	}
}

// write appends a block of one event through the leader.
func (c *cluster) write(leader *member, id string) {
	c.t.Helper()
	c.must(leader.Raft.Apply(sealed(c.t, id), 0))
}

// truncate has a member forget its raft log.
func (c *cluster) truncate(m *member) {
	c.t.Helper()
	c.must(m.Raft.Snapshot())
	first, err := m.logs.FirstIndex()
	if last, _ := m.logs.LastIndex(); err != nil || first != 0 && first <= m.Persisted().Index && last != 0 {
		c.t.Fatalf("the raft log is from %d to %d, %v; the log on disk reaches %d", first, last, err, m.Persisted().Index)
	}
}

// wantAll requires that a member gets the log with these events.
func (c *cluster) wantAll(m *member, ids []string) {
	c.t.Helper()
	if err := m.Wait(context.Background(), uint64(len(ids))); err != nil {
		c.t.Fatal(err)
	}
	if got := m.ids(); !slices.Equal(got, ids) {
		c.t.Errorf("%s has %q, want %q", m.id, got, ids)
	}
	if err := m.Check(context.Background(), nil); err != nil {
		c.t.Errorf("%s: %v", m.id, err)
	}
}

// P1, P13, P16: a node that is stopped at any point of an install starts again, is
// sent the rest, and has the configuration; then it can give up its raft log, lead, and
// give the log on to a third.
func TestP1_P13_P16_ANodeThatJoinsIsStoppedWhileItIsSentTheLog(t *testing.T) {
	const blocks = 4
	for at := range blocks + 3 { // before the first part, behind each, behind the position; at last: never
		t.Run(fmt.Sprintf("at part %d", at), func(t *testing.T) {
			t.Parallel()
			c := &cluster{t: t}
			one := c.add(nil)
			c.leads(one)
			var ids []string
			for i := range blocks {
				ids = append(ids, fmt.Sprint("e", i))
				c.write(one, ids[i])
			}
			c.truncate(one)

			reached := make(chan struct{})
			two := c.add(stopAt(at, from(one.Store), reached))
			c.must(one.AddNonvoter(two.id, two.trans.LocalAddr(), 0, 0))
			if at < blocks+2 {
				<-reached
				two.fetch = from(one.Store)
				c.restart(two)
				if m := two.list(); at <= blocks && m != nil {
					t.Errorf("after %d of %d parts there is snapshot %+v", at, blocks+1, m)
				}
			}
			ids = append(ids, "while it catches up")
			c.write(one, ids[blocks])
			c.wantAll(two, ids)
			c.must(one.AddVoter(two.id, two.trans.LocalAddr(), 0, 0))
			ids = append(ids, "with two voters")
			c.write(one, ids[blocks+1])
			c.wantAll(two, ids)
			c.truncate(two)

			c.must(one.LeadershipTransferToServer(two.id, two.trans.LocalAddr()))
			c.leads(two)
			three := c.add(from(two.Store))
			c.must(two.AddNonvoter(three.id, three.trans.LocalAddr(), 0, 0))
			ids = append(ids, "with three")
			c.write(two, ids[blocks+2])
			c.wantAll(three, ids)
			c.wantAll(one, ids)
			p, q := two.Applied(), three.Applied()
			if p.Chain != q.Chain || !reflect.DeepEqual(p.Configuration, q.Configuration) && q.ConfigurationIndex == p.ConfigurationIndex {
				t.Errorf("positions %+v and %+v", p, q)
			}
		})
	}
}

// stopAt is a fetch that hangs before part at is installed, until the node is stopped.
func stopAt(at int, fetch fetcher, reached chan<- struct{}) fetcher {
	return func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
		came := 0
		hang := func() error {
			if came++; came <= at {
				return nil
			}
			close(reached)
			<-ctx.Done()
			return ctx.Err()
		}
		err := fetch(ctx, node, after, to, func(p *store.Part) error {
			if err := hang(); err != nil {
				return err
			}
			return part(p)
		})
		if err != nil {
			return err
		}
		return hang()
	}
}

// A node that has been away for longer than the leader keeps its raft log.
func TestANodeThatWasAwayIsSentWhatItLacks(t *testing.T) {
	c := &cluster{t: t}
	one := c.add(nil)
	c.leads(one)
	two := c.add(from(one.Store))
	c.must(one.AddNonvoter(two.id, two.trans.LocalAddr(), 0, 0))
	ids := []string{"a", "b"}
	c.write(one, "a")
	c.write(one, "b")
	c.wantAll(two, ids)
	c.stop(two)
	two.node.close()
	for i := range 5 {
		ids = append(ids, fmt.Sprint("away", i))
		c.write(one, ids[i+2])
	}
	c.truncate(one)
	var asked []uint64
	two.fetch = func(ctx context.Context, node string, after uint64, to store.Position, part func(*store.Part) error) error {
		asked = append(asked, after)
		return from(one.Store)(ctx, node, after, to, part)
	}
	two.node.open(nil)
	c.start(two)
	c.wantAll(two, ids)
	ids = append(ids, "more")
	c.write(one, "more")
	c.wantAll(two, ids)
	if !slices.Equal(asked, []uint64{2}) {
		t.Errorf("it asked for what is behind %d, want 2, once", asked)
	}
}
