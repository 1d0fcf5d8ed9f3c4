package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// ids returns the ids of the events at seqs, read with Select.
func (h *harness) ids(seqs ...uint64) (ids []string, err error) {
	for len(seqs) > 0 {
		next := 0
		n, err := h.Select(seqs, func(r *eventlog.Record) error {
			if r.Seq != seqs[next] {
				h.t.Errorf("event %d is there for event %d", r.Seq, seqs[next])
			}
			next++
			ids = append(ids, r.ID)
			return nil
		})
		if err != nil {
			return ids, err
		}
		if n != next {
			h.t.Errorf("Select calls it %d times and returns %d", next, n)
		}
		seqs = seqs[n:]
	}
	return ids, nil
}

// large appends a block that is long enough to have sums, and returns its ids.
func (h *harness) large(index uint64) (ids []string) {
	for i := range 1000 {
		ids = append(ids, name(int(index)*1000+i))
	}
	h.add(index, ids...)
	return ids
}

func TestSelect(t *testing.T) {
	h := newHarness(t)
	want := h.large(1)
	want = append(want, h.large(2)...)
	h.add(3, "a", "b")
	want = append(want, "a", "b")
	want = append(want, h.large(4)...)
	check := func(where string) {
		t.Helper()
		for range 2 { // before the blocks are known, and after
			var seqs []uint64
			var ids []string
			for seq := uint64(1); int(seq) <= len(want); seq += 1 + seq%97 {
				seqs, ids = append(seqs, seq), append(ids, want[seq-1])
			}
			if got, err := h.ids(seqs...); err != nil || !slices.Equal(got, ids) {
				t.Errorf("%s: %q, %v, want %q", where, got, err, ids)
			}
		}
		if _, err := h.ids(0); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s: event 0: %v", where, err)
		}
		if _, err := h.ids(uint64(len(want)) + 1); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s: an event behind the head: %v", where, err)
		}
	}
	check("in the head")
	h.persistAll()
	check("persisted")
	h.reopen()
	check("in tables")
	h.wantNoFatal()
}

// A block in a table that was checked once is read by its sums. A bit that changes in what
// is needed of it afterwards is found, and no event is wrong.
func TestSelectFindsABitThatRottedSince(t *testing.T) {
	h := newHarness(t)
	want := h.large(1)
	h.large(2)
	h.persistAll()
	h.reopen()
	var raw []byte
	if _, err := h.db.Get(kv.BlockKey(1), func(val []byte) error { raw = bytes.Clone(val); return nil }); err != nil {
		t.Fatal(err)
	}
	read := func() ([]string, error) { return h.ids(500) }
	for range 3 { // as a whole, with Badger's checksum, and by its sums
		if ids, err := read(); err != nil || ids[0] != want[499] {
			t.Fatal(ids, err)
		}
		h.Forget()
	}
	table, at := find(t, h.dir, raw)
	found := 0
	for off := 10; off < len(raw); off += len(raw) / 200 {
		flipAt(t, table, at+off)
		ids, err := read()
		flipAt(t, table, at+off)
		switch {
		case err == nil && ids[0] == want[499]:
		case errs.ExitCode(err) == errs.ExitIntegrity && strings.Contains(err.Error(), "the block at event 1 is damaged"):
			found++
		default:
			t.Fatalf("byte %d: %q, %v", off, ids, err)
		}
	}
	if found == 0 {
		t.Error("no byte of the block matters")
	}
	h.wantFatal(errs.ExitIntegrity)
}

// find returns the table that holds these bytes, and where.
func find(t *testing.T, dir string, raw []byte) (name string, at int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(text, raw); at >= 0 {
			return name, at
		}
	}
	t.Fatal("no table holds the block")
	return "", 0
}

// flipAt changes a bit of a file, and of every memory map of it.
func flipAt(t *testing.T, name string, at int) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], int64(at)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], int64(at)); err != nil {
		t.Fatal(err)
	}
}
