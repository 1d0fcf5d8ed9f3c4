// Package peertest is what tests of peers share.
package peertest

import (
	"os"
	"testing"
)

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
