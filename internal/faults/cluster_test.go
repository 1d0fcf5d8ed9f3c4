package faults_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

// cluster is three nodes at hosts of their own, and what clients know of their log.
type cluster struct {
	t     *testing.T
	life  *testing.T // until whose end processes run
	s     *scenario
	lab   *lab
	h     *history
	rng   *rand.Rand
	nodes []*dashdtest.Node
	crowd int // clients that go to any node
}

// newCluster returns three running nodes with an empty log. dirs are where they
// keep it, if that matters.
func newCluster(t *testing.T, s *scenario, dirs ...string) *cluster {
	t.Helper()
	c := prepareCluster(t, s, dirs...)
	c.start(c.nodes...)
	c.leader()
	return c
}

// prepareCluster is newCluster without starting the nodes.
func prepareCluster(t *testing.T, s *scenario, dirs ...string) *cluster {
	t.Helper()
	l := needLab(t, s.Name)
	c := &cluster{t: t, life: t, s: s, lab: l, h: newHistory(s), rng: choices(s.Name), crowd: 8}
	c.h.late = true
	for len(dirs) < members {
		dirs = append(dirs, filepath.Join(shortDir(t), "d"))
	}
	for i, dir := range dirs {
		copyAll(t, filepath.Join(l.dir, fmt.Sprint(i)), dir)
		c.nodes = append(c.nodes, l.node(i, dir))
	}
	l.heal(t)
	t.Cleanup(func() { l.heal(t) })
	return c
}

// start starts nodes, all at once.
func (c *cluster) start(nodes ...*dashdtest.Node) {
	c.t.Helper()
	began := time.Now()
	for _, n := range nodes {
		n.Launch(c.life)
	}
	for _, n := range nodes {
		n.WaitReady(c.t)
	}
	c.s.startedIn(time.Since(began))
}

// leader waits until there is one.
func (c *cluster) leader() *dashdtest.Node {
	c.t.Helper()
	leader, _ := dashdtest.Leader(c.t, c.nodes...)
	return leader
}

// others are the nodes but n.
func (c *cluster) others(n *dashdtest.Node) []*dashdtest.Node {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(o *dashdtest.Node) bool { return o == n })
}

// any is one of the nodes.
func (c *cluster) any() *dashdtest.Node { return c.nodes[c.rng.IntN(len(c.nodes))] }

// hosts are those of nodes.
func hosts(nodes ...*dashdtest.Node) (list []*dashdtest.Host) {
	for _, n := range nodes {
		list = append(list, n.Host)
	}
	return list
}

// round runs one round: clients write, the fault happens and is mended, clients go
// on for a while, and everything is compared. fault returns when all nodes are to be
// there again.
func (c *cluster) round(label string, fault func()) {
	c.t.Helper()
	c.under(label, fault)
	c.check()
	c.s.passed(c.t)
}

// under lets clients write while the fault happens, and measures the longest time
// in which none was answered.
func (c *cluster) under(label string, fault func()) {
	c.t.Helper()
	w := c.write(label)
	defer w.end() // also when the fault fails the test
	c.waitAcknowledged(200)
	time.Sleep(between(c.rng, 0, 500*time.Millisecond)) // the fault's moment
	c.h.lull()
	fault()
	c.waitAcknowledged(200)
	c.h.lasted()
}

// waitAcknowledged waits until so many more events have been acknowledged.
func (c *cluster) waitAcknowledged(more int) {
	c.t.Helper()
	acknowledged := func() int {
		c.h.mu.Lock()
		defer c.h.mu.Unlock()
		return c.s.Acknowledged
	}
	want := acknowledged() + more
	dashdtest.Await(c.t, "acknowledgements", func() error {
		if got := acknowledged(); got < want {
			return fmt.Errorf("%d of %d (seed %d)", got-want+more, more, seed)
		}
		return nil
	})
}

// check waits until all nodes have the same log and compares what is new in it,
// with what clients know and byte for byte. Clients have ended.
func (c *cluster) check() {
	c.t.Helper()
	from := max(c.h.head(), 1)
	c.waitLevel()
	c.h.compareNew(c.t, c.any(), c.rng)
	c.wantSameBlocks(from)
	c.h.wantRepeats(c.t, c.any(), c.rng)
}

// waitLevel waits until all nodes have what any of them has now, as they must
// within a minute when the faults are over.
func (c *cluster) waitLevel() {
	c.t.Helper()
	var head uint64
	for _, n := range c.nodes {
		s, err := n.Status()
		if err != nil {
			c.t.Fatalf("a node that should be there is not (seed %d): %v", seed, err)
		}
		head = max(head, s.Head)
	}
	c.waitHead(head)
}

// waitHead waits until all nodes have the log up to a seq.
func (c *cluster) waitHead(head uint64) {
	c.t.Helper()
	for i, n := range c.nodes {
		dashdtest.Await(c.t, fmt.Sprintf("seq %d at node %d (seed %d)", head, i, seed), func() error {
			s, err := n.Status()
			if err == nil && s.Head < head {
				err = fmt.Errorf("it is at seq %d", s.Head)
			}
			return err
		})
	}
}

// wantSameBlocks compares the stored blocks of all nodes from a position to the last
// one that was compared with what clients know.
func (c *cluster) wantSameBlocks(from uint64) {
	c.t.Helper()
	c.waitHead(c.h.head()) // dashd writes too, when it was read
	path := fmt.Sprintf("/v1/blocks?from=%d&to=%d", from, c.h.head())
	var want [sha256.Size]byte
	for i, n := range c.nodes {
		got, _, err := digest(n, path)
		switch {
		case err != nil:
			c.t.Fatalf("read the log of node %d (seed %d): %v", i, seed, err)
		case i == 0:
			want = got
		case got != want:
			c.s.Wrong++
			c.t.Fatalf("the blocks from seq %d to %d are others on node %d than on node 0 (seed %d)", from, c.h.head(), i, seed)
		}
	}
}

// digest is that of an answer of the node, which is as of seq, if it says so.
func digest(n *dashdtest.Node, path string) (sum [sha256.Size]byte, seq uint64, err error) {
	resp, err := n.Client().Get("http://dashd" + path)
	if err != nil {
		return sum, 0, err
	}
	defer resp.Body.Close()
	_, _ = fmt.Sscan(resp.Header.Get("Dashd-Seq"), &seq) // absent: 0
	h := sha256.New()
	_, err = io.Copy(h, resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("GET %s: %s", path, resp.Status))
	}
	return [sha256.Size]byte(h.Sum(nil)), seq, err
}

// wantSameRows compares the rows of the dashboard's tables of all nodes, as of the
// same seq.
func (c *cluster) wantSameRows() {
	c.t.Helper()
	path := fmt.Sprintf("/v1/projections/dash/rows?after=%d", c.h.head())
	dashdtest.Await(c.t, fmt.Sprintf("equal rows on all nodes (seed %d)", seed), func() error {
		var want [sha256.Size]byte
		var at uint64
		for i, n := range c.nodes {
			got, seq, err := digest(n, path)
			switch {
			case err != nil:
				return err
			case i == 0:
				want, at = got, seq
			case seq != at:
				return fmt.Errorf("node %d is at seq %d, node 0 at %d", i, seq, at) // dashd writes too
			case got != want:
				c.s.Wrong++
				c.t.Fatalf("the rows as of seq %d are others on node %d than on node 0 (seed %d)", seq, i, seed)
			}
		}
		return nil
	})
}

// finish compares everything that there is, stops the nodes and checks what they
// leave on their disks.
func (c *cluster) finish() {
	c.t.Helper()
	c.waitLevel()
	c.h.compareAll(c.t, c.any())
	c.wantSameBlocks(1)
	c.wantSameRows()
	for _, n := range c.nodes {
		c.h.wantIndexed(c.t, n)
	}
	for i, n := range c.nodes {
		n.Signal(c.t, syscall.SIGTERM)
		if n.Err() != nil {
			c.t.Errorf("node %d after SIGTERM (seed %d): %v", i, seed, n.Err())
		}
	}
	for _, n := range c.nodes {
		wantSound(c.t, n)
	}
	c.s.note(c.h.refused)
}
