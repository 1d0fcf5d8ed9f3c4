package cluster_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dashd/internal/cluster"
	"dashd/internal/errs"
)

// TestDamagedIdentity flips every bit of a node.json: it is refused, or says the
// same as before.
func TestDamagedIdentity(t *testing.T) {
	dir := t.TempDir()
	f, err := cluster.OpenNodeFile(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.MarkClean(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "node.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(data) {
		damaged := bytes.Clone(data)
		damaged[i/8] ^= 1 << (i % 8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := cluster.OpenNodeFile(dir, true)
		switch {
		case err != nil && errs.ExitCode(err) != errs.ExitIdentity:
			t.Fatalf("bit %d: %v (exit %d)", i, err, errs.ExitCode(err))
		case err == nil && (got.Identity() != f.Identity() || got.New() || !got.Clean()):
			t.Fatalf("bit %d is believed: %s", i, damaged)
		}
	}
}
