package e2e_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const (
	apiKey   = "e2e-key-5b1c0d7e9f3a4826b7d1c95e0f8a2346"
	patience = 30 * time.Second // for anything that takes milliseconds on an idle machine
)

// dashd is one node with one data directory, which may be restarted.
type dashd struct {
	binary  string
	dataDir string
	http    string // host:port, the same after a restart
	running *process
}

// newDashd starts a node on an empty data directory.
func newDashd(t *testing.T) *dashd {
	t.Helper()
	d := &dashd{binary: binary(t), dataDir: t.TempDir(), http: freeAddr(t)}
	d.start(t)
	return d
}

// binary returns the path of dashd: DASHD_BIN, or else one built here.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("DASHD_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "dashd")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "dashd/cmd/dashd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build dashd: %v\n%s", err, out)
	}
	return path
}

// freeAddr returns an address that nobody listens on. A restarted node must be
// found where it was, so the choice of the port cannot be left to it.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the node and returns when it is ready.
func (d *dashd) start(t *testing.T) {
	t.Helper()
	d.running = start(t, "dashd", []string{"DASHD_BOOTSTRAP_API_KEY=" + apiKey}, d.dataDir,
		d.binary, "serve", "--data-dir", d.dataDir, "--http", d.http)
	giveUp := time.After(patience)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !d.ready() {
		select {
		case <-again.C:
		case <-d.running.done:
			t.Fatalf("dashd ended before it was ready: %v", d.running.err)
		case <-giveUp:
			t.Fatal("dashd does not become ready")
		}
	}
}

func (d *dashd) ready() bool {
	res, err := http.Get(d.url("/readyz"))
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// restart ends the node with sig and starts it again. After SIGTERM it must
// have ended of its own accord and without complaint.
func (d *dashd) restart(t *testing.T, sig os.Signal) {
	t.Helper()
	d.running.signal(t, sig)
	if sig == syscall.SIGTERM && d.running.err != nil {
		t.Errorf("dashd after SIGTERM: %v", d.running.err)
	}
	d.start(t)
}

func (d *dashd) url(path string) string { return "http://" + d.http + path }
