package simulation_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/cluster"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/peer"
	"dashd/internal/seal"
	"dashd/projections"
)

const (
	// truncateBytes makes a node that was away for some seconds need a snapshot.
	truncateBytes = 24 << 10
	apiKey        = "dashd-simulation-first-key"
	patience      = time.Minute
)

// simulation is one run of a cluster under one seed. Its methods are called from the goroutine of
// the test, if they do not say otherwise.
type simulation struct {
	t        *testing.T
	seed     uint64
	dir      string
	rng      *rand.Rand // of the schedule; only this goroutine
	net      *network
	staff    *staff
	machines []*machine
	began    time.Time
	memTable int64 // of each database; 0: as dashd has it

	mu       sync.Mutex
	log      story
	problems int
	// meets, if not nil, is called when a request of one node to another begins.
	meets atomic.Pointer[func(from *machine, path string)]
}

// simulate runs fn on a new simulation, in virtual time.
func simulate(t *testing.T, seed uint64, fn func(*simulation)) {
	t.Helper()
	dir, bubble := t.TempDir(), ""
	defer func() {
		if p := recover(); p != nil && !onlyForgotten(bubble) {
			panic(p)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		bubble = bubbleOf()
		s := &simulation{
			t: t, seed: seed, dir: dir, began: time.Now(), rng: rand.New(rand.NewPCG(seed, 1)),
			net: newNetwork(rand.New(rand.NewPCG(seed, 2))), staff: newStaff(),
		}
		defer s.end()
		fn(s)
	})
}

// bubbleOf says in which bubble of virtual time the calling goroutine is, as stacks say it.
func bubbleOf() string {
	stack := make([]byte, 256)
	stack = stack[:runtime.Stack(stack, false)]
	_, rest, _ := bytes.Cut(stack, []byte("synctest bubble "))
	id, _, _ := bytes.Cut(rest, []byte("]"))
	return string(id)
}

// forgotten are functions of goroutines that raft may leave behind, until the process ends: who waits
// for what it had on its way when it stopped.
var forgotten = []string{
	"dashd/internal/cluster.(*Cluster).await.func1",
	"internal/synctest.Run",
}

// waiting is what the goroutines of this bubble are at: how many at each, busy places first.
func waiting() string {
	bubble := bubbleOf()
	stacks := make([]byte, 64<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	count := map[string]int{}
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		head, frames, _ := strings.Cut(stack, "\n")
		if !strings.Contains(head, "synctest bubble "+bubble+"]") {
			continue
		}
		_, state, _ := strings.Cut(head, "[")
		state, _, _ = strings.Cut(state, ",")
		var at []string
		for line := range strings.Lines(frames) {
			if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "created by") && len(at) < 6 {
				name, _, _ := strings.Cut(line, "(0x")
				at = append(at, strings.TrimSpace(name))
			}
		}
		count[state+": "+strings.Join(at, " < ")]++
	}
	var b strings.Builder
	for _, place := range slices.SortedFunc(maps.Keys(count), func(x, y string) int { return count[y] - count[x] }) {
		fmt.Fprintf(&b, "%6d %s\n", count[place], place)
	}
	return b.String()
}

// onlyForgotten reports whether no other goroutines than those are left in a bubble.
func onlyForgotten(bubble string) bool {
	stacks := make([]byte, 64<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		head, frames, _ := strings.Cut(stack, "\n")
		if strings.Contains(head, "synctest bubble "+bubble+"]") &&
			!slices.ContainsFunc(forgotten, func(name string) bool { return strings.Contains(frames, name) }) {
			return false
		}
	}
	return true
}

// end stops all machines.
func (s *simulation) end() {
	s.mu.Lock()
	s.log.ending()
	s.mu.Unlock()
	for _, m := range s.machines {
		m.storage.release()
		m.shutDown()
	}
	time.Sleep(patience) // for what a node that failed, or a connection that was given up, leaves to its process
	s.staff.end()
	if s.t.Failed() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.t.Logf("what happened under seed %d:\n%s", s.seed, s.log.told())
	}
}

// quiet returns when nothing moves: whatever is on its way waits for time to pass.
func (s *simulation) quiet() { synctest.Wait() }

// problem notes what must not be. It may be called from any goroutine.
func (s *simulation) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problems++; s.problems <= 20 {
		what := fmt.Sprintf(format, args...)
		s.t.Errorf("seed %d, at %v: %s", s.seed, time.Since(s.began), what)
		s.log.problem(s.line("!!", what))
	}
}

// note writes a line into the log of the simulation.
func (s *simulation) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.note(s.line("**", fmt.Sprintf(format, args...)))
}

// line is one of the log: when, who, what.
func (s *simulation) line(who, what string) string {
	return fmt.Sprintf("%9.3fs %s %s", time.Since(s.began).Seconds(), who, what)
}

// logLevel is what is kept of the nodes' logs, for a failure.
var logLevel = slog.LevelInfo

// lineWriter takes the log of a node.
type lineWriter struct{ m *machine }

func (w *lineWriter) Write(b []byte) (int, error) {
	s := w.m.s
	s.mu.Lock()
	defer s.mu.Unlock()
	_, rest, _ := bytes.Cut(b, []byte(" level="))
	s.log.said(s.line(w.m.name, string(bytes.TrimSuffix(rest, []byte("\n")))))
	return len(b), nil
}

// form makes a cluster of new machines.
func (s *simulation) form(n int) {
	first := s.newMachine("n1")
	if err := first.boot(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l := first.running.Load()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatalf("seed %d: %v", s.seed, err)
		}
	}
	must(l.settle(ctx))
	_, err := l.commands.Bootstrap(ctx, commands.Bootstrap{Key: apiKey})
	must(err)
	id := l.node.Identity()
	must(l.commands.BeginCluster(ctx, id.ClusterID, projections.Node{ID: id.NodeID, Incarnation: id.Incarnation, Address: first.address},
		func() (certDER, seed []byte, err error) {
			ca, err := peer.NewCA(id.ClusterID, time.Now())
			if err != nil {
				return nil, nil, err
			}
			return ca.CertDER(), ca.Seed(), nil
		}))
	for i := 1; i < n; i++ {
		m := s.newMachine(fmt.Sprintf("n%d", i+1))
		must(s.letIn(ctx, m, l))
		must(m.boot())
	}
	must(s.awaitVoters(n))
}

// letIn makes a machine that has never run a member. by is a node that leads. After an error it is called
// again: who has begun to join goes on with the token and the identity that he has.
func (s *simulation) letIn(ctx context.Context, m *machine, by *life) (err error) {
	j := m.joining
	if j == nil {
		j = new(commands.NodeJoin)
		if j.TokenID, j.Secret, _, err = by.commands.CreateJoinToken(ctx, projections.Operator("simulation"), 24*time.Hour); err != nil {
			return err
		}
		m.newDir()
		if err := os.MkdirAll(m.dir, 0o700); err != nil {
			return err
		}
		file, err := cluster.JoinNodeFile(m.dir, by.node.Identity().ClusterID)
		if err != nil {
			return err
		}
		key, err := seal.ReadKey(filepath.Join(by.m.dir, seal.KeyFile))
		if err != nil {
			return err
		}
		if err := seal.WriteKey(filepath.Join(m.dir, seal.KeyFile), key); err != nil {
			return err
		}
		j.Node, j.Incarnation, j.Address = file.Identity().NodeID, file.Identity().Incarnation, m.address
		m.joining = j
	}
	err = by.commands.JoinNode(ctx, *j)
	switch {
	case err == nil:
		m.joining = nil
	case errs.CodeOf(err) == "JOIN_TOKEN_REFUSED": // it was made while a clock was off by more than it lives
		// Another node comes in its place, which needs the address. Most often this one was never let in.
		_, gone := by.commands.RemoveNode(ctx, projections.Operator("simulation"), j.Node, nil)
		if gone == nil || errs.KindOf(gone) == errs.NotFound {
			m.joining = nil
		}
	}
	return err
}

// leader is the node that leads, as itself believes, nil if there is none.
func (s *simulation) leader() (leader *life) {
	var term uint64
	for _, m := range s.machines {
		if l := m.running.Load(); l != nil {
			if t, err := l.node.Cluster.Term(); err == nil && t > term {
				leader, term = l, t
			}
		}
	}
	return leader
}

// awaitVoters waits until so many nodes vote.
func (s *simulation) awaitVoters(n int) error {
	voters := 0
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		l := s.leader()
		if l == nil {
			continue
		}
		voters = 0
		for _, m := range l.node.Cluster.Members() {
			if m.Voter {
				voters++
			}
		}
		if voters == n {
			return nil
		}
	}
	return fmt.Errorf("%d nodes vote, and %d should", voters, n)
}

// any is any machine. It may be called from any goroutine.
func (s *simulation) any(rng *rand.Rand) *machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machines[rng.IntN(len(s.machines))]
}
