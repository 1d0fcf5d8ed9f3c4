package faults_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dashd/internal/dashdtest"
	"dashd/internal/errs"
)

// TestSecondProcess starts a second node on a directory that is in use.
func TestSecondProcess(t *testing.T) {
	s := begin(t, "second process on the directory")
	h := newHistory(s)
	n := newNode(shortDir(t))
	start(t, s, n)
	c := newClient(h, n.URL, choices("second"))
	want := func() {
		t.Helper()
		if err := c.native(t.Context(), c.batch(formNative, 50)); err != nil {
			t.Fatal(err)
		}
	}
	want()
	second := newNode(n.Dir)
	if said := wantRefusal(t, second, errs.ExitIdentity); !strings.Contains(said, n.Dir) {
		t.Errorf("the second process does not name the directory: %s", said)
	}
	want()
	h.compareAll(t, n) // over the socket, which the second one must have left alone
	n.Signal(t, syscall.SIGKILL)
	restarted(t, s, n, h)
}

// parts are what a data directory is made of.
var parts = []string{"raft.db", "events", "node.json", "cluster.key"}

// filled returns a stopped node with some events.
func filled(t *testing.T, s *scenario, label string) (*dashdtest.Node, *history) {
	t.Helper()
	n, h := newNode(shortDir(t)), newHistory(s)
	start(t, s, n)
	c := newClient(h, n.URL, choices(s.Name+label))
	c.who = label
	for range 20 {
		if err := c.request(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.compareAll(t, n)
	n.Signal(t, syscall.SIGTERM)
	return n, h
}

// TestForeignFiles swaps each part of two nodes' directories, takes it away, and
// puts an old one back.
func TestForeignFiles(t *testing.T) {
	s := begin(t, "foreign, missing and old files")
	a, historyA := filled(t, s, "a")
	b, historyB := filled(t, s, "b")
	for _, part := range parts {
		t.Run(part+" of another node", func(t *testing.T) {
			swap(t, filepath.Join(a.Dir, part), filepath.Join(b.Dir, part))
			wantRefusal(t, a, errs.ExitIdentity)
			wantRefusal(t, b, errs.ExitIdentity)
			swap(t, filepath.Join(a.Dir, part), filepath.Join(b.Dir, part))
			s.passed(t)
		})
		t.Run(part+" is missing", func(t *testing.T) {
			away := filepath.Join(shortDir(t), part)
			move(t, filepath.Join(a.Dir, part), away)
			wantRefusal(t, a, errs.ExitIdentity)
			putBack(t, away, filepath.Join(a.Dir, part))
			s.passed(t)
		})
	}
	t.Run("raft.db is an old copy", func(t *testing.T) {
		path := filepath.Join(a.Dir, "raft.db")
		old := filepath.Join(shortDir(t), "raft.db")
		copyAll(t, path, old)
		start(t, s, a)
		c := newClient(historyA, a.URL, choices("old copy"))
		c.who = "later"
		if err := c.native(t.Context(), c.batch(formNative, 50)); err != nil {
			t.Fatal(err)
		}
		historyA.compareAll(t, a)
		a.Signal(t, syscall.SIGKILL)
		newest := filepath.Join(shortDir(t), "raft.db")
		move(t, path, newest)
		copyAll(t, old, path)
		wantRefusal(t, a, errs.ExitIdentity)
		putBack(t, newest, path)
		s.passed(t)
	})
	if !t.Failed() { // after all that, nothing has been harmed
		restarted(t, s, a, historyA)
		restarted(t, s, b, historyB)
	}
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	move(t, a, a+".swap")
	move(t, b, a)
	move(t, a+".swap", b)
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// putBack moves a part to its place, whatever has been made there meanwhile.
func putBack(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	move(t, from, to)
}

// copyAll copies a file or directory that must not exist; holes stay holes.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := run("cp", "-a", "--sparse=always", from, to); err != nil {
		t.Fatal(err)
	}
}
