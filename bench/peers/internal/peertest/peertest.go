// Package peertest is what tests of peers share.
package peertest

import (
	"errors"
	"os"
	"testing"

	"dashd/bench/peers/internal/peer"
)

// Started checks how a peer has started, and stops it when the test ends. Where its server is not installed the test is
// left out, loudly; a machine of CI must have it.
func Started(t testing.TB, p interface{ Stop() error }, err error) {
	t.Helper()
	switch {
	case errors.Is(err, peer.ErrMissing) && os.Getenv("CI") != "true":
		t.Skipf("NOT RUN: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// Dir returns an empty directory for servers that ends with the test. Unlike t.TempDir's, users other than its owner
// can be let in, since a server may run as one.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
