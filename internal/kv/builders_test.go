package kv_test

import (
	"testing"

	"dashd/internal/kv"
)

// If this fails, Badger keeps the memory of its table builders again: look for
// where it keeps it now, or whether it gives it back by itself.
func TestTheMemoryOfTableBuildersIsReached(t *testing.T) {
	db := open(t, t.TempDir())
	if !kv.ReachesBuilders(db) {
		t.Error("Badger's pool of allocators was not found")
	}
}
