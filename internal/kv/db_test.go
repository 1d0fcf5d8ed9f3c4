package kv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

func open(t testing.TB, dir string) *kv.DB {
	t.Helper()
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func write(t testing.TB, db *kv.DB, pairs ...[]byte) {
	t.Helper()
	err := db.Write(func(put func(key, val []byte) error) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := put(pairs[i], pairs[i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, db *kv.DB, key []byte) (val []byte, found bool) {
	t.Helper()
	found, err := db.Get(key, func(v []byte) error {
		val = bytes.Clone(v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return val, found
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = src.Read(b)
	return b
}

func TestReadsSeeWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for seq := uint64(1); seq <= 5; seq++ {
		write(t, db, kv.BlockKey(seq*10), fmt.Append(nil, seq))
	}
	write(t, db, kv.MetaKey("position"), []byte("p"), kv.SegmentKey(3), []byte("s"))

	for _, reopened := range []bool{false, true} {
		if reopened {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, dir)
		}
		if v, ok := get(t, db, kv.BlockKey(30)); !ok || string(v) != "3" {
			t.Errorf("reopened=%v: Get = %q, %v", reopened, v, ok)
		}
		if v, ok := get(t, db, kv.BlockKey(31)); ok {
			t.Errorf("reopened=%v: Get of no key = %q", reopened, v)
		}
		for _, tt := range []struct{ seq, want uint64 }{{9, 0}, {10, 10}, {19, 10}, {50, 50}, {1 << 40, 50}} {
			var got uint64
			found, err := db.Floor(kv.PrefixBlock, kv.BlockKey(tt.seq), func(key, _ []byte) error {
				got = kv.BlockSeq(key)
				return nil
			})
			if err != nil || found != (tt.want != 0) || got != tt.want {
				t.Errorf("reopened=%v: Floor(%d) = %d, %v, %v, want %d", reopened, tt.seq, got, found, err, tt.want)
			}
		}
		for _, tt := range []struct {
			name string
			from []byte
			want []uint64
		}{
			{"from the start", nil, []uint64{10, 20, 30}},
			{"from between two keys", kv.BlockKey(11), []uint64{20, 30, 40}},
			{"from near the end", kv.BlockKey(41), []uint64{50}},
			{"from behind the end", kv.BlockKey(51), nil},
		} {
			var got []uint64
			err := db.Scan(kv.PrefixBlock, tt.from, func(key, _ []byte) (bool, error) {
				got = append(got, kv.BlockSeq(key))
				return len(got) < 3, nil
			})
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("reopened=%v: Scan %s = %v, %v, want %v", reopened, tt.name, got, err, tt.want)
			}
		}
	}
}

func TestErrorsOfCallbacksAreReturnedAsTheyAre(t *testing.T) {
	db := open(t, t.TempDir())
	write(t, db, kv.BlockKey(1), []byte("v"))
	mine := errors.New("mine")
	_, got := db.Get(kv.BlockKey(1), func([]byte) error { return mine })
	_, floor := db.Floor(kv.PrefixBlock, kv.BlockKey(9), func(_, _ []byte) error { return mine })
	scan := db.Scan(kv.PrefixBlock, nil, func(_, _ []byte) (bool, error) { return true, mine })
	wrote := db.Write(func(func(key, val []byte) error) error { return mine })
	for name, err := range map[string]error{"Get": got, "Floor": floor, "Scan": scan, "Write": wrote} {
		if err != mine { //nolint:errorlint // identity is the point
			t.Errorf("%s returned %v", name, err)
		}
	}
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("a callback's panic became %v", p)
			}
		}()
		_, _ = db.Get(kv.BlockKey(1), func([]byte) error { panic("mine") })
	}()
	if err := db.Close(); err != nil { // waits for the call that panicked
		t.Fatal(err)
	}
}

func TestAWriteIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	refused := errors.New("refused")
	err := db.Write(func(put func(key, val []byte) error) error {
		if err := put(kv.BlockKey(1), []byte("a")); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if _, ok := get(t, db, kv.BlockKey(1)); ok {
		t.Error("a refused write left a key")
	}
}

func TestLongValuesAreStoredInParts(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	key := kv.IndexKey('u', 7)
	for _, n := range []int{0, 1, kv.PartBytes - 1, kv.PartBytes, kv.PartBytes + 1, 3*kv.PartBytes + 5, 2 * kv.PartBytes, 10} {
		want := noise(n)
		write(t, db, key, want)
		if got, ok := get(t, db, key); !ok || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: Get returned %d bytes, %v", n, len(got), ok)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	if got, ok := get(t, db, key); !ok || !bytes.Equal(got, noise(10)) {
		t.Errorf("after reopening: %d bytes, %v", len(got), ok)
	}
	// An erasure overwrites a value by a shorter one: nothing may remain readable.
	err := db.Scan(kv.PrefixPart, nil, func(key, val []byte) (bool, error) {
		if len(val) > 0 {
			t.Errorf("%q still holds %d bytes", key, len(val))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnOversizedWriteIsRefusedAndHarmless(t *testing.T) {
	db := open(t, t.TempDir())
	err := db.Write(func(put func(key, val []byte) error) error {
		return put(kv.IndexKey('u', 1), noise(2*kv.MaxWrite))
	})
	if err == nil {
		t.Fatal("accepted")
	}
	write(t, db, kv.IndexKey('u', 1), noise(kv.MaxWrite))
}

// The value log hides errors of fsync, so nothing may ever be in it.
func TestTheValueLogStaysEmpty(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for i := range uint64(80) { // more than one memtable
		write(t, db, kv.BlockKey(1+i), noise(1<<20), kv.IndexKey('u', i), noise(1000))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	const header = 20
	files, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || len(files) == 0 {
		t.Fatal("no value log found", err)
	}
	for _, name := range files {
		if fi, err := os.Stat(name); err != nil || fi.Size() > header {
			t.Errorf("%s: %v bytes, %v", filepath.Base(name), fi.Size(), err)
		}
	}
}

func TestAFailedCommitEndsAllWriting(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   kv.Fault
		written bool
	}{
		{"nothing was written", kv.FailBeforeCommit, false},
		{"written, then an error", kv.FailAfterCommit, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, dir)
			write(t, db, kv.BlockKey(1), []byte("a"))
			db.InjectFault(tt.fault)
			putB := func(put func(key, val []byte) error) error { return put(kv.BlockKey(2), []byte("b")) }
			first := db.Write(putB)
			if errs.ExitCode(first) != errs.ExitIO {
				t.Errorf("exit code %d for %v", errs.ExitCode(first), first)
			}
			db.InjectFault(kv.NoFault)
			if again := db.Write(putB); !errors.Is(again, first) {
				t.Errorf("the next write: %v", again)
			}
			if _, ok := get(t, db, kv.BlockKey(2)); ok {
				t.Error("an unacknowledged commit is visible")
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, dir)
			if _, ok := get(t, db, kv.BlockKey(2)); ok != tt.written {
				t.Errorf("after reopening it is there: %v", ok)
			}
			write(t, db, kv.BlockKey(2), []byte("b"))
		})
	}
}

func TestCallsAfterCloseAreRefused(t *testing.T) {
	db := open(t, t.TempDir())
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := db.Get(kv.BlockKey(1), nil)
	for _, err := range []error{err, db.Scan(kv.PrefixBlock, nil, nil), db.Write(nil), db.Verify()} {
		if !errors.Is(err, kv.ErrClosed) || errs.KindOf(err) != errs.Unavailable {
			t.Errorf("got %v", err)
		}
	}
}

// A reader keeps its version while others write, and what it sees is not
// compacted away under it.
func TestReadsAreSnapshots(t *testing.T) {
	db := open(t, t.TempDir())
	write(t, db, kv.BlockKey(1), []byte("old"), kv.BlockKey(2), []byte("old"))
	var seen []string
	err := db.Scan(kv.PrefixBlock, nil, func(_, val []byte) (bool, error) {
		if len(seen) == 0 {
			write(t, db, kv.BlockKey(2), []byte("new"), kv.BlockKey(3), []byte("new"))
		}
		seen = append(seen, string(val))
		return true, nil
	})
	if err != nil || !slices.Equal(seen, []string{"old", "old"}) {
		t.Errorf("the scan saw %q, %v", seen, err)
	}
}

// Compaction drops old versions, but none that a reader may still ask for.
func TestCompactionKeepsWhatReadersSee(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: this test writes more than a memtable")
	}
	db := open(t, t.TempDir())
	old := noise(3 * kv.PartBytes)
	write(t, db, kv.IndexKey('u', 1), []byte("first"), kv.IndexKey('u', 2), old)
	prefix := kv.IndexKey('u', 0)[:4]
	n := 0
	err := db.Scan(prefix, nil, func(_, val []byte) (bool, error) {
		if n++; n == 1 {
			write(t, db, kv.IndexKey('u', 2), noise(3*kv.PartBytes-7))
			for i := range uint64(70) {
				write(t, db, kv.BlockKey(1+i), noise(1<<20))
			}
			if err := db.Flatten(); err != nil {
				t.Fatal(err)
			}
			return true, nil
		}
		if !bytes.Equal(val, old) {
			t.Errorf("a value of %d bytes was read as one of %d", len(old), len(val))
		}
		return true, nil
	})
	if err != nil || n != 2 {
		t.Errorf("the scan saw %d keys, %v", n, err)
	}
}

func TestConcurrentReadersAndWriters(t *testing.T) {
	db := open(t, t.TempDir())
	const writers, writes = 4, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range uint64(writes) {
				a, b := kv.SegmentKey(uint64(w)<<32|i), kv.MetaKey(fmt.Sprint(w))
				if err := db.Write(func(put func(key, val []byte) error) error {
					return errors.Join(put(a, noise(2000)), put(b, fmt.Append(nil, i)))
				}); err != nil {
					t.Error(err)
				}
				if _, ok := get(t, db, a); !ok {
					t.Error("an acknowledged write cannot be read")
				}
			}
		})
	}
	wg.Wait()
	n := 0
	if err := db.Scan(kv.PrefixSegment, nil, func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil {
		t.Fatal(err)
	}
	if n != writers*writes {
		t.Errorf("%d keys, want %d", n, writers*writes)
	}
}

func TestOpenSaysWhyItCannot(t *testing.T) {
	tests := []struct {
		name    string
		arrange func(t *testing.T, dir string) kv.Options
		code    int
		text    string
	}{
		{"a file stands in the place of the directory", func(t *testing.T, dir string) kv.Options {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return kv.Options{}
		}, errs.ExitIO, "data directory cannot be made"},
		{"no file can be made in the directory", func(t *testing.T, dir string) kv.Options {
			if err := os.Symlink("/proc/self", dir); err != nil {
				t.Fatal(err)
			}
			return kv.Options{}
		}, errs.ExitIO, "data directory is not writable"},
		{"the disk is nearly full", func(*testing.T, string) kv.Options {
			return kv.Options{MinFree: 1 << 62}
		}, errs.ExitDiskLow, "make room"},
		{"the manifest is damaged", func(t *testing.T, dir string) kv.Options {
			fill(t, dir)
			flip(t, filepath.Join(dir, "MANIFEST"), 20)
			return kv.Options{}
		}, errs.ExitIntegrity, "damaged"},
		{"a table is missing", func(t *testing.T, dir string) kv.Options {
			if err := os.Remove(fill(t, dir)); err != nil {
				t.Fatal(err)
			}
			return kv.Options{}
		}, errs.ExitIntegrity, "damaged"},
		{"a table's footer is damaged", func(t *testing.T, dir string) kv.Options {
			flip(t, fill(t, dir), -4)
			return kv.Options{}
		}, errs.ExitIntegrity, "damaged"},
		{"a table's index is damaged", func(t *testing.T, dir string) kv.Options {
			flip(t, fill(t, dir), -60)
			return kv.Options{}
		}, errs.ExitIntegrity, "damaged"},
		{"a table is cut short", func(t *testing.T, dir string) kv.Options {
			name := fill(t, dir)
			if err := os.Truncate(name, 2); err != nil {
				t.Fatal(err)
			}
			return kv.Options{}
		}, errs.ExitIntegrity, "damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			o := tt.arrange(t, dir)
			db, err := kv.Open(dir, o)
			if err == nil {
				_ = db.Close()
			}
			if errs.ExitCode(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("exit code %d, want %d: %v", errs.ExitCode(err), tt.code, err)
			}
		})
	}
}

// fill makes a database with one table and returns the table's file.
func fill(t *testing.T, dir string) string {
	t.Helper()
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(200) {
		write(t, db, kv.BlockKey(1+i), noise(10_000))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(files) == 0 {
		t.Fatal("no table found", err)
	}
	return files[0]
}

// flip changes one bit of the byte at off, from the end if negative.
func flip(t *testing.T, name string, off int) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if off < 0 {
		off += len(b)
	}
	b[off] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsABitThatRotted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	flip(t, fill(t, dir), 5000)
	db := open(t, dir) // the first block of the table is not read at open
	if err := db.Verify(); errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("Verify = %v", err)
	}
}

func TestWatermarks(t *testing.T) {
	const gib = 1 << 30
	tests := []struct {
		name                string
		space               kv.Space
		alarm, refuse, stop bool
	}{
		{"plenty", kv.Space{Free: 80 * gib, Total: 250 * gib}, false, false, false},
		{"a small share of a large disk", kv.Space{Free: 140 * gib, Total: 1000 * gib}, true, false, false},
		{"a large share of a small disk", kv.Space{Free: 4 * gib, Total: 8 * gib}, true, false, false},
		{"under two gibibytes", kv.Space{Free: 2*gib - 1, Total: 8 * gib}, true, true, false},
		{"under a gibibyte", kv.Space{Free: gib - 1, Total: 8 * gib}, true, true, true},
		{"full", kv.Space{Total: 8 * gib}, true, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, r, s := tt.space.Below(kv.AlarmBelow), tt.space.Below(kv.RefuseBelow), tt.space.Below(kv.StopBelow)
			if a != tt.alarm || r != tt.refuse || s != tt.stop {
				t.Errorf("alarm %v, refuse %v, stop %v", a, r, s)
			}
		})
	}
	if s, err := kv.FreeSpace(t.TempDir()); err != nil || s.Total == 0 || s.Free > s.Total {
		t.Errorf("FreeSpace = %+v, %v", s, err)
	}
	if _, err := kv.FreeSpace(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("FreeSpace of no directory answered")
	}
}

// TestCloseOnFullDisk closes a database that has no room to write tables.
func TestCloseOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, []byte("m/a"), []byte("1"))
	db.SetMinFree(1 << 62)
	if got := errs.ExitCode(db.Close()); got != errs.ExitDiskLow {
		t.Errorf("Close asks for exit code %d, want %d", got, errs.ExitDiskLow)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) > 0 {
		t.Errorf("Close has written %v (%v)", tables, err)
	}
	if err := db.Release(); err != nil {
		t.Fatal(err)
	}
	if val, _ := get(t, open(t, dir), []byte("m/a")); string(val) != "1" {
		t.Errorf("after reopening: %q", val)
	}
}

// TestUnbornFiles opens a database whose process ended when it had made the names
// of new files and nothing else.
func TestUnbornFiles(t *testing.T) {
	dir := t.TempDir()
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, []byte("m/a"), []byte("1"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if val, _ := get(t, open(t, dir), []byte("m/a")); string(val) != "1" {
		t.Errorf("after reopening: %q", val)
	}
}
