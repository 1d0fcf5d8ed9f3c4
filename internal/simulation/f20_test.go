package simulation_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lagging is a cluster with a machine that has been cut off for so long that the others have dropped
// the entries it lacks.
type lagging struct {
	*simulation
	l    *ledger
	m    *machine
	mend func()
	made int
}

// lag forms a cluster and writes n events of some size while one machine is cut off.
func (s *simulation) lag(l *ledger, n, size int) *lagging {
	s.form(3)
	l.begin(s)
	g := &lagging{simulation: s, l: l}
	g.write(10, 100)
	s.awaitLevel() // or the one that is cut off may have an event that it learns of only later
	for g.m == nil || g.m == s.leader().m {
		g.m = s.any(s.rng)
	}
	g.mend = s.net.cut(all([]*machine{g.m}, (&schedule{simulation: s}).others(g.m))...)
	g.write(n, size)
	return g
}

// write has the node that leads take events.
func (g *lagging) write(n, size int) {
	c := &client{clients: &clients{s: g.simulation, l: g.l}, who: "lag", rng: g.rng}
	for range n {
		g.made++
		name := fmt.Sprintf("lag-%d", g.made)
		e := makeEvent(name)
		var noise strings.Builder
		for sum := sha256.Sum256([]byte(name)); noise.Len() < size; sum = sha256.Sum256(sum[:]) {
			noise.WriteString(hex.EncodeToString(sum[:]))
		}
		e.metadata = fmt.Sprintf(`{"n":%q,"pad":"%s"}`, name, noise.String())
		g.l.contents[name] = e
		g.l.sending(true, name)
		if answer, ok := c.insist("POST", "/ingest/events", "", e.json(true)); ok {
			for _, r := range c.results(answer, 1) {
				g.l.took(name, r.Seq, r.Duplicate, false)
			}
		}
	}
}

// wantWhole checks that what the machine has on its disk after a crash is where its raft takes up, and
// that it catches up from there.
func (g *lagging) wantWhole(least, most uint64) {
	if err := g.m.boot(); err != nil {
		g.problem("%s does not start: %v", g.m.name, err)
		return
	}
	n := g.m.running.Load().node
	at, raft := n.Store.Persisted(), n.Cluster.Status()
	if at.Index != raft.Applied || raft.LastIndex < at.Index {
		g.problem("the log on disk is at raft index %d; raft has applied %d and ends at %d", at.Index, raft.Applied, raft.LastIndex)
	}
	if at.Seq < least || at.Seq > most {
		g.problem("%s has %d events after the crash, which should be %d to %d", g.m.name, at.Seq, least, most)
	}
	g.mend()
	g.write(3, 100)
	if g.awaitLevel() {
		g.wantEqual(g.l)
	}
}

// A node that has received a snapshot, and loses its power before it restores it, is where it was: its
// position says nothing of the snapshot.
func TestF20_PowerIsLostBetweenTheSnapshotAndItsRestore(t *testing.T) {
	f20(t, betweenSnapshotAndRestore)
}

// f20Seeds is how many seeds each place is tried with at which power is lost. DASHD_SIM_F20 says another number.
const f20Seeds = 1

// f20 runs fn with so many seeds.
func f20(t *testing.T, fn func(*simulation)) {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("DASHD_SIM_F20"), strconv.Itoa(f20Seeds)), 10, 32)
	if err != nil {
		t.Fatal("DASHD_SIM_F20:", err)
	}
	for seed := range n {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { simulate(t, seed, fn) })
	}
}

func betweenSnapshotAndRestore(s *simulation) {
	g := s.lag(&ledger{}, 300, 300)
	before := g.m.running.Load().node.Store.Head()
	asked := make(chan struct{}, 1)
	meets := func(from *machine, path string) {
		if l := from.running.Load(); from == g.m && l != nil && path == "/peer/parts" {
			asked <- struct{}{} // raft has the manifest
			<-l.gone
		}
	}
	s.meets.Store(&meets)
	g.mend()
	<-asked
	s.powerOff(g.m)
	s.meets.Store(nil)
	g.mend = func() {}
	g.wantWhole(before, before)
}

// A node that loses its power while it installs another one's log keeps the parts that it has.
func TestF20_PowerIsLostWhileALogIsInstalled(t *testing.T) {
	for part := range 3 {
		t.Run(fmt.Sprintf("before part %d", part), func(t *testing.T) {
			f20(t, func(s *simulation) {
				g := s.lag(&ledger{}, 500, 20_000) // some 10 MB, in parts of 4 MiB
				before := g.m.running.Load().node.Store.Head()
				cut := make(chan uint64, 1)
				installs := 0
				meets := func(work string) {
					l := g.m.running.Load()
					if work != committing || l == nil || !installing() {
						return
					}
					if installs++; installs != part+1 {
						return
					}
					// Raft waits for the log, and writes nothing of its own: the copy is of one instant.
					l.depart()
					from := g.m.dir
					g.m.newDir()
					if err := copyTree(from, g.m.dir); err != nil {
						s.problem("copy: %v", err)
					}
					cut <- l.node.Store.PersistedSeq()
				}
				g.m.storage.meets.Store(&meets)
				l := g.m.running.Load()
				g.mend()
				at := <-cut
				g.m.storage.meets.Store(nil)
				l.stop()
				<-l.ended
				g.m.last = nil
				g.mend = func() {}
				if (part == 0) != (at == before) {
					s.problem("before part %d the log had %d events, and %d before all", part, at, before)
				}
				g.wantWhole(at, at)
			})
		})
	}
}

// A node whose log is installed while others write, and which loses its power again and again, gets there.
func TestF19_PowerIsLostAgainAndAgainWhileCatchingUp(t *testing.T) {
	simulate(t, 3, func(s *simulation) {
		g := s.lag(&ledger{}, 300, 300)
		g.mend()
		for range 6 {
			time.Sleep(time.Duration(s.rng.Int64N(int64(300 * time.Millisecond))))
			s.powerOff(g.m)
			g.write(80, 300)
			if err := g.m.boot(); err != nil {
				s.t.Fatal(err)
			}
		}
		g.write(3, 100)
		if s.awaitLevel() {
			s.wantEqual(g.l)
		}
	})
}
