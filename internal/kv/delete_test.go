package kv_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

func TestWhatIsDeletedIsGoneWithItsParts(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	long := noise(3*kv.PartBytes + 5)
	write(t, db, kv.ImageKey([]byte("a")), long, kv.ImageKey([]byte("b")), []byte("short"))
	write(t, db, kv.ImageKey([]byte("c")), long)
	if err := db.Delete([][]byte{kv.ImageKey([]byte("a")), kv.ImageKey([]byte("b")), kv.ImageKey([]byte("never"))}); err != nil {
		t.Fatal(err)
	}
	for _, reopened := range []bool{false, true} {
		if reopened {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, dir)
		}
		for _, name := range []string{"a", "b"} {
			if _, ok := get(t, db, kv.ImageKey([]byte(name))); ok {
				t.Errorf("reopened=%v: %s is still there", reopened, name)
			}
		}
		if got, ok := get(t, db, kv.ImageKey([]byte("c"))); !ok || !bytes.Equal(got, long) {
			t.Errorf("reopened=%v: another key: %d bytes, %v", reopened, len(got), ok)
		}
		parts := 0
		if err := db.Keys(kv.PrefixPart, nil, func([]byte) (bool, error) { parts++; return true, nil }); err != nil {
			t.Fatal(err)
		}
		if parts != 3 {
			t.Errorf("reopened=%v: %d parts are left, want the 3 of the key that was not deleted", reopened, parts)
		}
	}
}

func TestADeletedKeyCanBeWrittenAgain(t *testing.T) {
	db := open(t, t.TempDir())
	key := kv.ImageKey([]byte("a"))
	for _, val := range []string{"first", "second"} {
		write(t, db, key, []byte(val))
		if got, _ := get(t, db, key); string(got) != val {
			t.Errorf("got %q, want %q", got, val)
		}
		if err := db.Delete([][]byte{key}); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := get(t, db, key); ok {
		t.Errorf("got %q after the last Delete", got)
	}
}

func TestDeleteTakesManyKeys(t *testing.T) {
	db := open(t, t.TempDir())
	keys := make([][]byte, kv.MaxDelete)
	for i := range keys {
		keys[i] = kv.ImageKey(fmt.Appendf(nil, "%64d", i))
		write(t, db, keys[i], []byte("v"))
	}
	if err := db.Delete(keys); err != nil {
		t.Fatal(err)
	}
	err := db.Keys(kv.ImageKey(nil), nil, func(key []byte) (bool, error) { return false, fmt.Errorf("%q is left", key) })
	if err != nil {
		t.Error(err)
	}
}

func TestAFailedDeleteEndsAllWriting(t *testing.T) {
	db := open(t, t.TempDir())
	key := kv.ImageKey([]byte("a"))
	write(t, db, key, []byte("v"))
	db.InjectFault(kv.FailBeforeCommit)
	first := db.Delete([][]byte{key})
	if errs.ExitCode(first) != errs.ExitIO {
		t.Errorf("exit code %d, want %d: %v", errs.ExitCode(first), errs.ExitIO, first)
	}
	db.InjectFault(kv.NoFault)
	if again := db.Delete([][]byte{key}); !errors.Is(again, first) {
		t.Errorf("the next Delete: %v", again)
	}
}

func TestKeysBeginsWhereItIsTold(t *testing.T) {
	db := open(t, t.TempDir())
	for i := range uint64(5) {
		write(t, db, kv.SegmentKey(i), noise(100), kv.BlockKey(i+1), noise(100))
	}
	for _, tt := range []struct {
		from []byte
		want int
	}{{nil, 5}, {kv.SegmentKey(3), 2}, {kv.SegmentKey(9), 0}} {
		n := 0
		if err := db.Keys(kv.PrefixSegment, tt.from, func([]byte) (bool, error) { n++; return true, nil }); err != nil || n != tt.want {
			t.Errorf("Keys from %q: %d, %v, want %d", tt.from, n, err, tt.want)
		}
	}
	mine := errors.New("mine")
	if err := db.Keys(kv.PrefixSegment, nil, func([]byte) (bool, error) { return true, mine }); err != mine { //nolint:errorlint // identity is the point
		t.Errorf("Keys returned %v", err)
	}
}
