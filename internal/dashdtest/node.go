package dashdtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
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

	Cluster string // host:port for other nodes; "": it is alone
	Host    *Host  // where it runs; nil: where the test does
	Token   string // with which it joins at its first start

	*Process        // the last start
	URL      string // of the last start, "http://…"
}

// Start runs the node and returns when it is ready.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	n.Launch(t)
	n.WaitReady(t)
}

// WaitReady waits until a node that was launched is ready.
func (n *Node) WaitReady(t testing.TB) {
	t.Helper()
	if !n.becomesReady(t) {
		t.Fatalf("dashd ended before it was ready: %v\n%s", n.Err(), n.Output())
	}
}

// TryStart runs the node and returns true when it is ready, or false when it has
// ended before.
func (n *Node) TryStart(t testing.TB) bool {
	t.Helper()
	n.Launch(t)
	return n.becomesReady(t)
}

func (n *Node) becomesReady(t testing.TB) bool {
	t.Helper()
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
	argv := []string{n.Binary, "serve", "--data-dir", n.Dir, "--http", n.Addr, "--ballast", "0"}
	if n.Cluster == "" {
		argv = append(argv, "--cluster", "off")
	} else {
		argv = append(argv, "--cluster", n.Cluster, "--advertise", n.Cluster)
	}
	if n.Token != "" {
		argv = append(argv, "--join", n.Token)
	}
	env := append([]string{"DASHD_BOOTSTRAP_API_KEY=" + Key}, n.Env...)
	n.Process = Start(t, "dashd", env, "", n.Host.Command(argv...)...)
}

// Socket is the path of the node's admin socket.
func (n *Node) Socket() string { return filepath.Join(n.Dir, "admin.sock") }

// Client returns a client that speaks to the node's admin socket, whatever host a URL names.
func (n *Node) Client() *http.Client {
	return &http.Client{
		Timeout: Patience,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", n.Socket())
			},
		},
	}
}

// Command runs one of dashd's commands on the node's directory and returns what it prints.
func (n *Node) Command(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := n.TryCommand(argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryCommand is Command for one that may fail.
func (n *Node) TryCommand(argv ...string) (stdout string, err error) {
	argv = append(argv, "--data-dir", n.Dir)
	cmd := exec.Command(n.Binary, argv...)
	cmd.Env = environ()
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("dashd %s: %w: %s", strings.Join(argv, " "), err, diagnostics.String())
	}
	return string(out), nil
}
