package faults_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"dashd/internal/dashdtest"
)

const (
	members = 3
	spares  = 2 // hosts for nodes that join later
)

// lab is where all clusters of this package live, one after the other: a network,
// and the directories of three nodes that have formed a cluster and done nothing
// else. It is made when it is first needed.
type lab struct {
	tried error // why there is none, or nil before it is made
	net   *dashdtest.Network
	dir   string
}

var theLab lab

// needLab ends a test that needs hosts of their own where there can be none. On a
// machine that should have them, in CI, that is a failure.
func needLab(t *testing.T, scenario string) *lab {
	t.Helper()
	if theLab.net == nil && theLab.tried == nil {
		theLab.make(t)
	}
	if theLab.tried == nil {
		return &theLab
	}
	if os.Getenv("CI") == "true" && runtime.GOOS == "linux" && os.Geteuid() == 0 {
		t.Fatalf("%s: no network of its own: %v", scenario, theLab.tried)
	}
	leaveOut(t, scenario, fmt.Sprintf("no network of its own: %v", theLab.tried))
	return nil
}

func (l *lab) make(t *testing.T) {
	t.Helper()
	l.tried = errors.New("the first cluster could not be formed")
	net, err := dashdtest.NewNetwork()
	if err != nil {
		l.tried = err
		return
	}
	l.net = net
	for range members + spares {
		if _, err := net.AddHost(); err != nil {
			t.Fatal(err)
		}
	}
	if l.dir, err = os.MkdirTemp("", "faults"); err != nil {
		t.Fatal(err)
	}
	nodes := make([]*dashdtest.Node, members)
	for i := range nodes {
		nodes[i] = l.node(i, filepath.Join(l.dir, fmt.Sprint(i)))
	}
	dashdtest.Form(t, nodes...)
	for _, n := range nodes {
		n.Signal(t, syscall.SIGTERM)
		if n.Err() != nil {
			t.Fatalf("after SIGTERM: %v\n%s", n.Err(), n.Output())
		}
	}
	l.tried = nil
}

// node returns a node at a host, on a directory that it may find or make.
func (l *lab) node(host int, dir string) *dashdtest.Node {
	h := l.net.Hosts[host]
	return &dashdtest.Node{Binary: program, Dir: dir, Addr: h.IP + ":8787", Cluster: h.IP + ":8788", Host: h}
}

// heal lets all hosts hear each other.
func (l *lab) heal(t *testing.T) {
	t.Helper()
	for _, h := range l.net.Hosts {
		if err := h.Heal(); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lab) close() error {
	if l.net == nil {
		return nil
	}
	return errors.Join(l.net.Close(), os.RemoveAll(l.dir))
}
