package dashdtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Key is the first API key of the nodes of tests.
const Key = "test-key-5b1c0d7e9f3a4826b7d1c95e0f8a2346"

// Build returns the path of dashd: the absolute one in DASHD_BIN, or else that
// of one built into dir.
func Build(dir string) (path string, output []byte, err error) {
	if path := os.Getenv("DASHD_BIN"); path != "" {
		return path, nil, nil
	}
	path = filepath.Join(dir, "dashd")
	output, err = exec.Command("go", "build", "-o", path, "dashd/cmd/dashd").CombinedOutput()
	return path, output, err
}

// Binary is Build into a directory that lives as long as the test.
func Binary(t testing.TB) string {
	t.Helper()
	path, output, err := Build(t.TempDir())
	if err != nil {
		t.Fatalf("build dashd: %v\n%s", err, output)
	}
	return path
}

// FreeAddr returns an address that nobody listens on, for a node that must be
// found at the same place after a restart.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Node is a data directory and, while it runs, the process that has it.
type Node struct {
	Binary string
	Dir    string
	Addr   string   // host:port to listen on; a port of 0 may change with each start
	Env    []string // further variables, as in "NAME=value"

	*Process        // the last start
	URL      string // of the last start, "http://…"
}

// Start runs the node and returns when it is ready.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	if !n.TryStart(t) {
		t.Fatalf("dashd ended before it was ready: %v\n%s", n.Err(), n.Output())
	}
}

// TryStart runs the node and returns true when it is ready, or false when it has
// ended before.
func (n *Node) TryStart(t testing.TB) bool {
	t.Helper()
	n.Launch(t)
	for {
		line, ok := n.next(t)
		if !ok {
			return false
		}
		if rest, found := strings.CutPrefix(line, "dashd is ready at "); found {
			n.URL, _, _ = strings.Cut(rest, " ")
			return true
		}
	}
}

// Launch runs the node and does not wait for anything.
func (n *Node) Launch(t testing.TB) {
	t.Helper()
	env := append([]string{"DASHD_BOOTSTRAP_API_KEY=" + Key}, n.Env...)
	n.Process = Start(t, "dashd", env, "", n.Binary, "serve", "--data-dir", n.Dir, "--http", n.Addr)
}

// Socket is the path of the node's admin socket.
func (n *Node) Socket() string { return filepath.Join(n.Dir, "admin.sock") }
