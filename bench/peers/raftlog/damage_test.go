package raftlog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
)

const (
	entries    = 20
	entryBytes = 4000
)

// open opens the log of dir, in files of so many bytes.
func open(dir string, segmentBytes int) (*wal.WAL, error) {
	return wal.Open(dir, wal.WithMetaStore(&metadb.BoltMetaDB{}), wal.WithSegmentSize(segmentBytes), wal.WithLogger(hclog.NewNullLogger()))
}

// stored makes a log of entries that were all synced, one by one, and returns its directory, its file, and how
// much of that is in use.
func stored(t *testing.T) (dir, file string, used int) {
	t.Helper()
	dir = t.TempDir()
	w, err := open(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(entries) {
		if err := w.StoreLog(&raft.Log{Index: i + 1, Term: 1, Data: bytes.Repeat([]byte{byte(i + 1)}, entryBytes)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(names) != 1 {
		t.Fatalf("segments %v: %v", names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return dir, names[0], len(bytes.TrimRight(data, "\x00"))
}

// kept is how many entries the log still has, or why it is refused.
func kept(dir string) (uint64, error) {
	w, err := open(dir, 1<<20)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	return w.LastIndex()
}

// A log whose entries were acknowledged must not be taken for a shorter one: the node would vote as if it had never had the
// rest. raft-wal does that, by design: it takes damage at the end of its newest file for a write that was
// interrupted, and damage before that for the end. This is why dashd does not offer it; if this test
// fails, that is to be decided anew.
func TestDamageOfTheNewestFileDropsEntriesWithoutAWord(t *testing.T) {
	// An entry is a frame with a header of 8 bytes, followed by a commit frame.
	for _, tt := range []struct {
		name   string
		damage func(file string, used int) error
		want   uint64
	}{
		{"nothing", func(string, int) error { return nil }, entries},
		{"a flipped bit in the last entry", func(file string, used int) error { return flip(file, used-100, 1) }, entries - 1},
		{"a flipped bit in the kind of a frame in the middle", func(file string, used int) error {
			at, err := frame(file, entries/2)
			if err != nil {
				return err
			}
			return flip(file, at, 0x80)
		}, entries/2 - 1},
		{"512 zeros in the last entry", func(file string, used int) error {
			return write(file, used-1000, make([]byte, 512))
		}, entries - 1},
		{"the file is gone", func(file string, _ int) error { return os.Remove(file) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, file, used := stored(t)
			if err := tt.damage(file, used); err != nil {
				t.Fatal(err)
			}
			got, err := kept(dir)
			if err != nil || got != tt.want {
				t.Errorf("opened with %d of %d entries (%v), want %d and no error", got, entries, err, tt.want)
			}
		})
	}
}

// frame is where the frame of the n-th entry begins.
func frame(file string, n int) (int, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	// Its first byte is 1, then three zeros and the length; its data are n, n, n, ...
	at := bytes.Index(data, bytes.Repeat([]byte{byte(n)}, 64))
	if at < 0 {
		return 0, fmt.Errorf("entry %d is not in %s", n, file)
	}
	head := bytes.LastIndex(data[:at], []byte{segment.FrameEntry, 0, 0, 0})
	if head < 0 {
		return 0, fmt.Errorf("entry %d has no frame", n)
	}
	return head, nil
}

func flip(file string, at int, bit byte) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return write(file, at, []byte{data[at] ^ bit})
}

func write(file string, at int, b []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(b, int64(at)); err != nil {
		return err
	}
	return f.Close()
}
