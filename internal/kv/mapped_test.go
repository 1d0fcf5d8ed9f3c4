package kv_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"dashd/internal/kv"
)

// mapped is how many pages of files are in the memory of this process.
func mapped(t *testing.T) (pages int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: pages are released on Linux only")
	}
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident, &pages); err != nil {
		t.Fatal(err)
	}
	return pages
}

// If this fails, the pages of Badger's tables count as memory of the process again: look
// for where it keeps its tables now.
func TestPagesOfTablesAreReleased(t *testing.T) {
	db := open(t, t.TempDir())
	fillTables(t, db, 0, 64)
	if err := db.Flatten(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, db, 64)
	before := mapped(t)
	if err := db.ReleasePages(); err != nil {
		t.Fatal(err)
	}
	if after := mapped(t); before-after < (32<<20)/os.Getpagesize() {
		t.Errorf("%d pages before, %d after: 64 MiB of tables are still there", before, after)
	}
	wantAll(t, db, 64)
	before = mapped(t)
	if err := db.Verify(); err != nil {
		t.Fatal(err)
	}
	if after := mapped(t); after >= before {
		t.Errorf("%d pages before, %d after everything was verified", before, after)
	}
}

// What is read is the same while pages are released all the time, and tables are written,
// compacted and removed.
func TestPagesAreReleasedUnderLoad(t *testing.T) {
	db := open(t, t.TempDir())
	fillTables(t, db, 0, 16)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := db.ReleasePages(); err != nil {
				t.Errorf("release: %v", err)
				return
			}
		}
	})
	wg.Go(func() {
		defer close(stop)
		for i := 16; i < 48; i += 16 {
			fillTables(t, db, i, i+16)
			fillTables(t, db, 0, 16) // again, so that there is something to drop
			if err := db.Flatten(); err != nil {
				t.Errorf("compact: %v", err)
				return
			}
		}
	})
	for open := true; open; {
		select {
		case <-stop:
			open = false
		default:
			wantAll(t, db, 16)
		}
	}
	wg.Wait()
	wantAll(t, db, 48)
	if err := db.Verify(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.ReleasePages(); err == nil {
		t.Error("pages of a closed database were released")
	}
}

// fillTables writes values of 1 MiB, each of which can be told from the others.
func fillTables(t *testing.T, db *kv.DB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		write(t, db, kv.BlockKey(uint64(i)), blob(i))
	}
}

func blob(i int) []byte { return append(noise(1<<20-8), fmt.Sprintf("%08d", i)...) }

func wantAll(t *testing.T, db *kv.DB, n int) {
	t.Helper()
	for i := range n {
		if val, ok := get(t, db, kv.BlockKey(uint64(i))); !ok || !bytes.Equal(val, blob(i)) {
			t.Fatalf("value %d: %v, %d bytes", i, ok, len(val))
		}
	}
}
