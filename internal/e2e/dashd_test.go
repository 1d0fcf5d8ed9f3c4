package e2e_test

import (
	"os"
	"syscall"
	"testing"

	"dashd/internal/dashdtest"
)

const (
	apiKey   = dashdtest.Key
	patience = dashdtest.Patience
)

// dashd is one node with one data directory, which may be restarted.
type dashd struct{ dashdtest.Node }

// newDashd starts a node on an empty data directory. A restarted node must be
// found where it was, so the choice of the port cannot be left to it.
func newDashd(t *testing.T) *dashd {
	t.Helper()
	d := &dashd{dashdtest.Node{Binary: dashdtest.Binary(t), Dir: t.TempDir(), Addr: dashdtest.FreeAddr(t)}}
	d.Start(t)
	return d
}

// restart ends the node with sig and starts it again. After SIGTERM it must
// have ended of its own accord and without complaint.
func (d *dashd) restart(t *testing.T, sig os.Signal) {
	t.Helper()
	d.Signal(t, sig)
	if sig == syscall.SIGTERM && d.Err() != nil {
		t.Errorf("dashd after SIGTERM: %v", d.Err())
	}
	d.Start(t)
}

func (d *dashd) url(path string) string { return d.URL + path }
