package faults_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

// TestF1KillOne kills a node under load, the leader more often than not, and starts
// it again, now and then only when it has killed it once more.
func TestF1KillOne(t *testing.T) {
	s := begin(t, "F1 kill -9 of one of three nodes")
	rounds := s.rounds(t, "DASHD_FAULTS_F1", 3, 1)
	c := newCluster(t, s)
	for round := range rounds {
		c.round(fmt.Sprint("k", round), func() {
			n := c.any()
			if c.rng.IntN(2) == 0 {
				n = c.leader()
			}
			n.Signal(t, syscall.SIGKILL)
			time.Sleep(between(c.rng, 0, 3*time.Second)) // others take over, or it is back before
			if c.rng.IntN(4) == 0 {
				n.Launch(t)
				time.Sleep(between(c.rng, 5*time.Millisecond, 500*time.Millisecond)) // the fault's moment
				n.Signal(t, syscall.SIGKILL)
				s.Notes["killed while starting"]++
			}
			c.start(n)
		})
	}
	c.finish()
}

// TestF1KillLeader measures how long nothing is written when the leader is killed
// and stays away.
func TestF1KillLeader(t *testing.T) {
	const name = "F1 kill -9 of the leader, which stays away"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F1_LEADER", 1, 1)
	c := newCluster(t, s)
	for round := range rounds {
		n := c.leader()
		c.under(fmt.Sprint("l", round), func() {
			n.Signal(t, syscall.SIGKILL)
			time.Sleep(between(c.rng, 3*time.Second, 5*time.Second)) // until another one leads
		})
		c.start(n)
		c.check()
		s.passed(t)
	}
	c.finish()
}

// TestF2KillAll kills all nodes at once under load.
func TestF2KillAll(t *testing.T) {
	const name = "F2 kill -9 of all three nodes"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F2", 2, 1)
	c := newCluster(t, s)
	for round := range rounds {
		c.round(fmt.Sprint("a", round), func() {
			for _, n := range c.nodes {
				if err := n.Send(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			for _, n := range c.nodes {
				n.Wait(t)
			}
			c.start(c.nodes...)
		})
	}
	c.finish()
}

// TestF6RollingRestart stops one node after the other in good order and starts it
// again. A client that tries again sees no error, and nothing else than that
// somebody else leads.
func TestF6RollingRestart(t *testing.T) {
	const name = "F6 rolling restart of three nodes"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F6", 1, 1)
	c := newCluster(t, s)
	for round := range rounds {
		o := c.operate(fmt.Sprint("o", round), 4, 2)
		c.round(fmt.Sprint("r", round), func() {
			for _, n := range c.nodes {
				n.Signal(t, syscall.SIGTERM)
				if n.Err() != nil {
					t.Errorf("after SIGTERM (seed %d): %v", seed, n.Err())
				}
				c.start(n)
			}
			c.leader()
		})
		o.wantLinearizable()
	}
	c.finish()
}

// TestF7Transfer gives leadership away under load.
func TestF7Transfer(t *testing.T) {
	s := begin(t, "F7 transfer of leadership")
	rounds := s.rounds(t, "DASHD_FAULTS_F7", 5, 2)
	c := newCluster(t, s)
	for round := range rounds {
		c.round(fmt.Sprint("t", round), func() {
			before := c.leader()
			if _, err := before.TryCommand("cluster", "transfer"); err != nil {
				t.Fatalf("transfer (seed %d): %v", seed, err)
			}
			dashdtest.Await(t, "another leader", func() error {
				if leader := c.leader(); leader == before {
					return fmt.Errorf("it is the same one (seed %d)", seed)
				}
				return nil
			})
		})
	}
	c.finish()
}

// TestF10Pause stops the leader's process for a while, which knows nothing of that
// when it goes on. No strong read is stale, whoever answers it.
func TestF10Pause(t *testing.T) {
	const name = "F10 pause of the leader"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F10", 1, 1)
	c := newCluster(t, s)
	for round := range rounds {
		o := c.operate(fmt.Sprint("o", round), 4, 4)
		c.round(fmt.Sprint("z", round), func() {
			n := c.leader()
			if err := n.Send(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(between(c.rng, time.Second, 15*time.Second)) // the pause
			if err := n.Send(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			c.leader()
		})
		o.wantLinearizable()
	}
	c.finish()
}
