package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dashd/eventlog/block"
	"dashd/internal/dashdtest"
)

// memberClasses are the kinds of files in the directory of a node of a cluster.
var memberClasses = append(slices.Clone(classes), class{name: "node.crt", glob: "node.crt"}, class{name: "node.key", glob: "node.key"})

// TestF16FlippedBits flips a bit in the files of a node of a running cluster.
func TestF16FlippedBits(t *testing.T) {
	damageMembers(t, "F16 one flipped bit in one of three nodes", "DASHD_FAULTS_F16", (*class).flip)
}

// TestF17TornFiles cuts off, or overwrites with zeros, a part of the files of a node
// of a running cluster.
func TestF17TornFiles(t *testing.T) {
	damageMembers(t, "F17 a torn file in one of three nodes", "DASHD_FAULTS_F17", (*class).tear)
}

// tear makes of one file of the class what an interrupted write leaves of it.
func (c *class) tear(t *testing.T, rng *rand.Rand, dir string) (where string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, c.glob))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in %s: %v", c.glob, dir, err)
	}
	path := files[rng.IntN(len(files))]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(path, dir+"/")
	at := writtenPage(rng, data)
	at += rng.Int64N(min(pageSize, max(1, int64(len(data))-at)))
	size := int64(len(data))
	switch rng.IntN(4) {
	case 0:
		err = os.Truncate(path, at)
		where = fmt.Sprintf("%s is cut off at %d of %d", name, at, size)
	case 1:
		err = overwrite(path, at, size-at)
		where = fmt.Sprintf("%s holds zeros from %d of %d", name, at, size)
	default:
		n := []int64{512, 4096}[rng.IntN(2)]
		at -= at % n
		err = overwrite(path, at, min(n, size-at))
		where = fmt.Sprintf("%s holds %d zeros at %d of %d", name, n, at, size)
	}
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// stop is how a node is stopped so that it has files of the class: a database that is
// closed in good order has tables, and one that is not has logs.
func (c *class) stop(rng *rand.Rand) syscall.Signal {
	switch {
	case c.name == ".sst":
		return syscall.SIGTERM
	case c.name == ".mem" || rng.IntN(2) == 0:
		return syscall.SIGKILL
	}
	return syscall.SIGTERM
}

// overwrite puts n zeros into a file.
func overwrite(path string, at, n int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, n), at)
	return errors.Join(err, f.Close())
}

// damageMembers damages files of one node again and again while the others go on. It
// refuses to start, or finds the damage when it reads it, or has what the others
// have; in the first two cases a new node takes its place.
func damageMembers(t *testing.T, name, variable string, damage func(c *class, t *testing.T, rng *rand.Rand, dir string) string) {
	t.Helper()
	slow(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, variable, 3, 0)
	c := newCluster(t, s)
	c.crowd = 2
	victim := c.nodes[members-1]
	c.replace(victim) // a node that has got its log from another one
	order := c.rng.Perm(len(memberClasses))
	for round := range rounds {
		class := memberClasses[order[round%len(order)]]
		var outcome string
		c.under(fmt.Sprint("b", round), func() {
			victim.Signal(t, class.stop(c.rng))
			where := damage(&class, t, c.rng, victim.Dir)
			t.Logf("round %d: %s", round, where)
			var err error
			if outcome, err = c.examineMember(victim); err != nil {
				s.Wrong++
				t.Fatalf("%s (seed %d, round %d): %v\n%s", where, seed, round, err, dashdtest.Tail(victim.Output(), 4<<10))
			}
			t.Logf("round %d: %s: %s", round, outcome, sentence(victim))
			if outcome != harmless {
				c.replace(victim)
			}
			if c.rng.IntN(4) == 0 { // else it has no vote yet when it is damaged next
				dashdtest.WaitVoters(t, c.nodes...)
			}
		})
		s.Notes[class.name+": "+outcome]++
		c.check()
		s.passed(t)
	}
	victim.Signal(t, syscall.SIGKILL)
	c.replace(victim) // there may be damage in it that nobody has read
	c.finish()
}

const harmless = "harmless or healed"

// examineMember starts a node on damaged files and reads everything it has. An error
// says that it gave something wrong, or ended without saying why.
func (c *cluster) examineMember(n *dashdtest.Node) (outcome string, err error) {
	c.t.Helper()
	if !n.TryStart(c.t) {
		return c.foundDamage(n, "refused at the start")
	}
	for _, read := range []func(*dashdtest.Node) error{c.catchUp, c.compareLog, c.compareIndex} {
		err := read(n)
		var w *wrongAnswer
		switch {
		case errors.As(err, &w):
			return "", err
		case err != nil:
			c.t.Logf("found when read: %v", err)
			_ = n.Send(syscall.SIGTERM)
			return c.foundDamage(n, "found when read")
		}
	}
	return harmless, nil
}

func (c *cluster) foundDamage(n *dashdtest.Node, when string) (string, error) {
	c.t.Helper()
	if problem := ended(c.t, n, append([]int{0}, damageCodes...)...); problem != "" && n.Err() != nil {
		return "", fmt.Errorf("%s, but ended with %s", when, problem)
	}
	return when, nil
}

// catchUp waits until the node has what the others have, or has ended.
func (c *cluster) catchUp(n *dashdtest.Node) error {
	c.t.Helper()
	s, err := c.others(n)[0].Status()
	if err != nil {
		c.t.Fatal(err)
	}
	var gone error
	dashdtest.Await(c.t, fmt.Sprintf("seq %d at the damaged node (seed %d)", s.Head, seed), func() error {
		got, err := n.Status()
		select {
		case <-n.Done:
			gone = errors.New("it ended")
			return nil
		default:
		}
		if err == nil && got.Head < s.Head {
			err = fmt.Errorf("it is at seq %d", got.Head)
		}
		return err
	})
	return gone
}

// compareLog compares the log of a node with that of another one, block by block.
func (c *cluster) compareLog(n *dashdtest.Node) error {
	c.t.Helper()
	want := map[uint64][]byte{}
	var to uint64
	err := blocks(c.others(n)[0], 1, 0, func(first uint64, b block.Block) error {
		leaves, err := b.AppendLeaves(nil)
		for _, leaf := range leaves {
			want[first] = append(want[first], leaf[:]...)
		}
		to = first
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return blocks(n, 1, to, func(first uint64, b block.Block) error {
		leaves, err := b.AppendLeaves(nil)
		if err != nil {
			return err
		}
		var got []byte
		for _, leaf := range leaves {
			got = append(got, leaf[:]...)
		}
		if w, ok := want[first]; first <= to && (!ok || !bytes.Equal(got, w)) {
			return wrongf("the log has other events from seq %d", first)
		}
		return nil
	})
}

// compareIndex compares what a node and another one show of the log up to the last
// comparison.
func (c *cluster) compareIndex(n *dashdtest.Node) error {
	c.t.Helper()
	head := c.h.head()
	want, err := readUpTo(c.others(n)[0], head, true)
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := readUpTo(n, head, true)
	if err != nil {
		return err
	}
	for i := range want {
		if got[i].ID != want[i].ID || !bytes.Equal(got[i].Metadata, want[i].Metadata) {
			return wrongf("GET /v1/events has %q at seq %d, not %q", got[i].ID, i+1, want[i].ID)
		}
	}
	return nil
}

// replace puts a new node into the place of one that has ended, or ends now.
func (c *cluster) replace(n *dashdtest.Node) {
	c.t.Helper()
	_ = n.Send(syscall.SIGKILL)
	n.Wait(c.t)
	member := c.others(n)[0]
	n.Remove(c.t, member)
	if err := os.RemoveAll(n.Dir); err != nil {
		c.t.Fatal(err)
	}
	n.Join(c.t, member)
}
