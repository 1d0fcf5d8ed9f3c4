package faults_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

// TestF29RetryStorm sends each event one to ten times, at the same time and to all
// nodes, while leadership moves. Each is stored once, and every answer names the
// same place.
func TestF29RetryStorm(t *testing.T) {
	const name = "F29 retry storm; rounds are events"
	slow(t, name)
	s := begin(t, name)
	events := s.rounds(t, "DASHD_FAULTS_F29", 3000, 300)
	c := newCluster(t, s)
	const batch, senders = 50, 4
	var left atomic.Int64
	left.Store(int64(events))
	var running sync.WaitGroup
	for i := range senders {
		running.Go(func() {
			st := c.stormer(fmt.Sprint("w", i))
			for left.Add(-batch) > -batch {
				st.send(batch)
			}
		})
	}
	for left.Load() > 0 {
		c.moveLeadership()
	}
	running.Wait()
	c.check()
	s.Rounds = len(c.h.events)
	c.finish()
}

// moveLeadership gives leadership away, or kills the leader.
func (c *cluster) moveLeadership() {
	c.t.Helper()
	n := c.leader()
	if c.rng.IntN(3) > 0 {
		if _, err := n.TryCommand("cluster", "transfer"); err == nil {
			c.s.Notes["transfers"]++
		}
	} else {
		n.Signal(c.t, syscall.SIGKILL)
		c.start(n)
		c.s.Notes["kills"]++
	}
	time.Sleep(between(c.rng, 500*time.Millisecond, 2*time.Second)) // it leads for a while
}

// stormer sends batches several times at once.
type stormer struct {
	c     *cluster
	one   *roamer   // makes the events
	lanes []*roamer // send them
}

func (c *cluster) stormer(who string) *stormer {
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, n.URL)
	}
	s := &stormer{c: c, one: c.roamer(who, urls)}
	for i := range 10 {
		s.lanes = append(s.lanes, c.roamer(fmt.Sprint(who, ".", i), urls))
	}
	return s
}

func (s *stormer) send(n int) {
	names := make([]string, n)
	for i := range names {
		names[i] = s.one.name(formNative)
	}
	var running sync.WaitGroup
	for _, r := range s.lanes[:1+s.one.rng.IntN(len(s.lanes))] {
		running.Go(func() {
			r.insist(func(ctx context.Context) error { return r.native(ctx, names) })
		})
	}
	running.Wait()
}

// mishaps are what histories of commands and strong reads are made under.
var mishaps = []struct {
	name   string
	happen func(c *cluster)
}{
	{"a node is killed", func(c *cluster) {
		n := c.any()
		n.Signal(c.t, syscall.SIGKILL)
		time.Sleep(between(c.rng, 0, 2*time.Second)) // until it is back
		c.start(n)
	}},
	{"the leader is killed", func(c *cluster) {
		n := c.leader()
		n.Signal(c.t, syscall.SIGKILL)
		time.Sleep(between(c.rng, 0, 3*time.Second)) // until it is back
		c.start(n)
	}},
	{"the leader is cut off", func(c *cluster) { partitions[0].cut(c, c.leader()) }},
	{"a follower is cut off", func(c *cluster) { partitions[1].cut(c, c.leader()) }},
	{"the leader hears nobody", func(c *cluster) { partitions[2].cut(c, c.leader()) }},
	{"nobody hears the leader", func(c *cluster) { partitions[3].cut(c, c.leader()) }},
	{"a link flaps", func(c *cluster) { partitions[5].cut(c, c.leader()) }},
	{"leadership is given away", func(c *cluster) {
		_, _ = c.leader().TryCommand("cluster", "transfer") // that it cannot be is as good
	}},
	{"the leader pauses", func(c *cluster) {
		n := c.leader()
		_ = n.Send(syscall.SIGSTOP)
		time.Sleep(between(c.rng, 500*time.Millisecond, 5*time.Second)) // the pause
		_ = n.Send(syscall.SIGCONT)
	}},
}

// operationsEach is how many calls a history has at least, if it is to be recorded, and
// fewOperations if it is one of a quick run.
const (
	operationsEach = 2000
	fewOperations  = 500
)

// TestF32Linearizable lets operators change and read users through all nodes while
// things go wrong, and checks that what they saw can be put in one order in which each
// call happens at one moment between its beginning and its end.
func TestF32Linearizable(t *testing.T) {
	const name = "F32 linearizability; rounds are histories"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F32", 1, 1)
	size := fewOperations
	if report.keep {
		size = operationsEach
	}
	c := newCluster(t, s)
	for round := range rounds {
		o := c.operate(fmt.Sprint("h", round), 8, 12)
		for o.size() < size {
			m := mishaps[c.rng.IntN(len(mishaps))]
			m.happen(c)
			s.Notes[m.name]++
			want := min(o.size()+200, size)
			dashdtest.Await(t, "answers", func() error {
				if got := o.size(); got < want {
					return fmt.Errorf("%d calls of %d have been answered (seed %d)", got, want, seed)
				}
				return nil
			})
		}
		o.wantLinearizable()
		c.h.wantNone(t, "operators")
		c.check()
		s.passed(t)
	}
	c.finish()
}
