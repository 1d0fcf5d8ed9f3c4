package kv_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// peek returns the value that Peek finds.
func peek(t *testing.T, db *kv.DB, key []byte, p *kv.Place) (val []byte, called bool) {
	t.Helper()
	called, err := db.Peek(key, p, func(v []byte) error {
		val = bytes.Clone(v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return val, called
}

// Wherever compactions move a value, Peek finds it, with the place of before and without.
func TestPeek(t *testing.T) {
	const blobs = 160 // of 300 KiB: more than a memtable
	dir := t.TempDir()
	db := open(t, dir)
	blob := func(i int) []byte { return fmt.Appendf(noise(300<<10), "%08d", i) }
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			write(t, db, kv.BlockKey(uint64(i)), blob(i))
		}
	}
	places := make([]kv.Place, 2*blobs)
	want := func(n, least int) {
		t.Helper()
		found := 0
		for i := range n {
			val, ok := peek(t, db, kv.BlockKey(uint64(i)), &places[i])
			if ok && !bytes.Equal(val, blob(i)) {
				t.Fatalf("value %d is another one", i)
			}
			if again, _ := peek(t, db, kv.BlockKey(uint64(i)), &places[i]); ok && !bytes.Equal(again, val) {
				t.Fatalf("value %d is another one at its place", i)
			}
			if ok {
				found++
			}
		}
		if found < least {
			t.Errorf("%d of %d values are found, want %d", found, n, least)
		}
	}
	reopen := func() { // which compacts the first level
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(t, dir)
	}
	fill(0, blobs)
	reopen()
	want(blobs, blobs)
	before := slices.Clone(places)
	fill(0, 1) // so that what comes overlaps what is there
	fill(blobs, 2*blobs)
	want(2*blobs, blobs)
	reopen()
	want(2*blobs, 2*blobs)
	moved := 0
	for i, p := range before {
		if p != (kv.Place{}) && p != places[i] {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no value has moved: nothing is tested")
	}
}

func TestPeekLeavesToGet(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	long, gone, here := kv.BlockKey(1), kv.BlockKey(2), kv.BlockKey(3)
	write(t, db, long, noise(kv.PartBytes+1), gone, []byte("x"), here, []byte("here"))
	if _, ok := peek(t, db, here, new(kv.Place)); ok {
		t.Error("a value is in a table that was just written")
	}
	if err := db.Delete([][]byte{gone}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	for _, tt := range []struct {
		name string
		key  []byte
		want string
	}{
		{"a value in parts", long, ""},
		{"a key that was deleted", gone, ""},
		{"a key that never was", kv.BlockKey(4), ""},
		{"a value in a table", here, "here"},
	} {
		if val, ok := peek(t, db, tt.key, new(kv.Place)); ok != (tt.want != "") || string(val) != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, val, ok, tt.want)
		}
	}
	mine := errors.New("mine")
	if ok, err := db.Peek(here, new(kv.Place), func([]byte) error { return mine }); !ok || !errors.Is(err, mine) {
		t.Errorf("Peek = %v, %v, want the error of the callback", ok, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if ok, err := db.Peek(here, new(kv.Place), func([]byte) error { return nil }); ok || !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Peek of a closed database = %v, %v", ok, err)
	}
}

// A value is shown after Badger's checksum was compared, or not at all.
func TestPeekWithoutAPlaceFindsABitThatRotted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	flip(t, fill(t, dir), 5000)
	db := open(t, dir)
	val, ok := peek(t, db, kv.BlockKey(1), new(kv.Place))
	if ok {
		t.Errorf("it shows %d bytes", len(val))
	}
	found, err := db.Get(kv.BlockKey(1), func([]byte) error { return nil })
	if found && errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("Get = %v, %v", found, err)
	}
}
