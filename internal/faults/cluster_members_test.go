package faults_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
	"dashd/internal/errs"
)

// beyondTail is more raft entries than any node keeps: one that has none of them must
// be given the log itself.
const beyondTail = 3300

// wantInstalled fails the test if the log of a node has not been installed from another
// node's while it was one of these processes: it would not be about that.
func (c *cluster) wantInstalled(processes ...*dashdtest.Process) {
	c.t.Helper()
	for _, p := range processes {
		if strings.Contains(p.Output(), "getting the log from another node") {
			return
		}
	}
	c.t.Errorf("the log has come entry by entry (seed %d)", seed)
}

// last is the last entry of the raft log.
func (c *cluster) last() uint64 {
	c.t.Helper()
	s, err := c.leader().Status()
	if err != nil {
		c.t.Fatal(err)
	}
	return s.Raft.LastIndex
}

// fill writes until the raft log has grown by so many entries.
func (c *cluster) fill(label string, entries uint64) {
	c.t.Helper()
	want := c.last() + entries
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range 24 {
		r := c.roamer(fmt.Sprintf("%s.%d", label, i), []string{c.leader().URL})
		running.Go(func() {
			defer r.http.CloseIdleConnections()
			for ctx.Err() == nil {
				names := []string{r.name(formNative)}
				r.insist(func(ctx context.Context) error { return r.native(ctx, names) })
			}
		})
	}
	for c.last() < want {
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	running.Wait()
}

// spare returns a node that has never run, at a host without one.
func (c *cluster) spare() *dashdtest.Node {
	c.t.Helper()
	for i, h := range c.lab.net.Hosts {
		if !slices.ContainsFunc(c.nodes, func(n *dashdtest.Node) bool { return n.Host == h }) {
			return c.lab.node(i, filepath.Join(shortDir(c.t), "d"))
		}
	}
	c.t.Fatal("there is no host without a node")
	return nil
}

// leave takes a node out of the cluster and waits for its end.
func (c *cluster) leave(n *dashdtest.Node) {
	c.t.Helper()
	c.nodes = c.others(n)
	n.Remove(c.t, c.nodes[0])
	wantEnd(c.t, n, errs.ExitIdentity)
	wantRefusal(c.t, n, errs.ExitIdentity)
	if err := os.RemoveAll(n.Dir); err != nil {
		c.t.Fatal(err)
	}
}

// TestF19F21Install gives nodes that have nothing, or too little, the log itself.
func TestF19F21Install(t *testing.T) {
	const name = "F19, F21 a log is installed"
	slow(t, name)
	c := newCluster(t, begin(t, name))
	c.s.Outcome = "see F19 and F21"
	t.Run("behind the tail", func(t *testing.T) {
		s := begin(t, "F21 a follower behind the tail of the raft log")
		rounds := s.rounds(t, "DASHD_FAULTS_F21", 1, 0)
		defer c.use(t, s)()
		for round := range rounds {
			c.behindTheTail(fmt.Sprint("b", round))
		}
	})
	t.Run("killed", func(t *testing.T) {
		s := begin(t, "F19 a log is installed, and its receiver or its sender killed")
		rounds := s.rounds(t, "DASHD_FAULTS_F19", 2, 0)
		defer c.use(t, s)()
		if c.last() < beyondTail {
			c.fill("f", beyondTail)
		}
		c.wantTailCut()
		for round := range rounds {
			c.killInstall(round)
		}
	})
	if !t.Failed() {
		c.finish()
	}
}

// behindTheTail stops a node until the others have cut off the part of the raft log
// that it would need.
func (c *cluster) behindTheTail(label string) {
	c.t.Helper()
	var gone *dashdtest.Node
	c.round(label, func() {
		gone = c.others(c.leader())[c.rng.IntN(members-1)]
		gone.Signal(c.t, syscall.SIGKILL)
		had := c.last()
		c.fill("f"+label, beyondTail)
		dashdtest.Await(c.t, "a raft log that begins behind what the node has", func() error {
			s, err := c.leader().Status()
			if err == nil && s.Raft.FirstIndex <= had {
				err = fmt.Errorf("it begins at %d, and the node has %d", s.Raft.FirstIndex, had)
			}
			return err
		})
		c.start(gone)
	})
	c.wantInstalled(gone.Process)
}

// wantTailCut waits until no node has the beginning of the raft log any more: whichever
// leads when the sender has been killed must send the log itself. Each node cuts its own.
func (c *cluster) wantTailCut() {
	c.t.Helper()
	for _, n := range c.nodes {
		dashdtest.Await(c.t, "raft logs without their beginning", func() error {
			s, err := n.Status()
			if err == nil && s.Raft.FirstIndex <= 1 {
				err = fmt.Errorf("that of %s is whole, up to %d", n.Dir, s.Raft.LastIndex)
			}
			return err
		})
	}
}

// killInstall kills a new node, or the one that sends it the log, while it is taking it
// over.
func (c *cluster) killInstall(round int) {
	c.t.Helper()
	n, first := c.spare(), (*dashdtest.Process)(nil)
	c.round(fmt.Sprint("i", round), func() {
		leader := c.leader()
		n.Token = leader.JoinToken(c.t)
		n.Launch(c.life)
		first = n.Process
		time.Sleep(between(c.rng, 0, 3*time.Second)) // the fault's moment
		if round%2 == 0 {
			n.Signal(c.t, syscall.SIGKILL)
			c.s.Notes["the receiver is killed"]++
			n.Launch(c.life)
		} else {
			leader.Signal(c.t, syscall.SIGKILL)
			c.s.Notes["the sender is killed"]++
			c.start(leader)
		}
		n.WaitReady(c.t)
		n.Token = ""
		c.nodes = append(c.nodes, n)
	})
	c.wantInstalled(first, n.Process)
	c.leave(n)
}

// TestF22Members adds a node under load, waits until it votes, and takes another one
// out, which may be the leader.
func TestF22Members(t *testing.T) {
	const name = "F22 a node is added and another one removed"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F22", 1, 1)
	c := newCluster(t, s)
	for round := range rounds {
		c.round(fmt.Sprint("m", round), func() {
			n := c.spare()
			n.Join(t, c.any())
			c.nodes = append(c.nodes, n)
			dashdtest.WaitVoters(t, c.nodes...)
			gone := c.any()
			if gone == c.leader() {
				s.Notes["the leader is removed"]++
			}
			c.leave(gone)
			dashdtest.WaitVoters(t, c.nodes...)
		})
	}
	c.finish()
}

// TestF23Strangers puts nodes that do not belong there into the place of a member: one
// that has lost its raft log under its old id, and one of a cluster of its own. None of
// them is let in, none votes, and the two others go on.
func TestF23Strangers(t *testing.T) {
	const name = "F23 a wiped node, and one of a foreign cluster"
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_F23", 2, 1)
	c := newCluster(t, s)
	for round := range rounds {
		c.round(fmt.Sprint("w", round), func() {
			n := c.others(c.leader())[c.rng.IntN(members-1)]
			n.Signal(t, syscall.SIGKILL)
			away := filepath.Join(shortDir(t), "away")
			if err := os.Mkdir(away, 0o700); err != nil {
				t.Fatal(err)
			}
			part := []string{"raft.db", "events", "node.json"}[c.rng.IntN(3)]
			move(t, filepath.Join(n.Dir, part), filepath.Join(away, part))
			wantRefusal(t, n, errs.ExitIdentity)
			putBack(t, filepath.Join(away, part), filepath.Join(n.Dir, part))
			s.Notes["without "+part]++

			foreign := c.lab.node(slices.Index(c.lab.net.Hosts, n.Host), filepath.Join(shortDir(t), "d"))
			foreign.Addr = foreign.Host.IP + ":9787" // where no client looks for a member
			foreign.Start(t)
			c.waitAcknowledged(200)
			if st, err := foreign.Status(); err != nil || len(st.Voters()) != 1 {
				t.Errorf("a node of its own cluster (seed %d): %+v %v", seed, st, err)
			}
			for _, member := range c.others(n) {
				if st, err := member.Status(); err != nil || len(st.Voters()) != members {
					t.Errorf("a member beside a stranger (seed %d): %+v %v", seed, st, err)
				}
			}
			foreign.Signal(t, syscall.SIGTERM)
			c.start(n)
		})
	}
	c.finish()
}
