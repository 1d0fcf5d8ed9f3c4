package cluster_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"dashd/internal/cluster"
)

// boltFile returns the bytes of a file with a bucket of several levels, one that is
// inside its parent's page, and an empty one.
func boltFile(t *testing.T, path string) []byte {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for round := range uint64(8) {
		err := db.Update(func(tx *bbolt.Tx) error {
			for _, name := range []string{"empty", "conf", "logs"} {
				b, err := tx.CreateBucketIfNotExists([]byte(name))
				if err != nil {
					return err
				}
				switch name {
				case "conf":
					err = b.Put([]byte("incarnation"), []byte{byte(round)})
				case "logs":
					for i := range uint64(50) {
						// Some are longer than a page.
						key := binary.BigEndian.AppendUint64(nil, 50*round+i)
						if err = b.Put(key, bytes.Repeat([]byte{'v'}, int(i*i*3))); err != nil {
							break
						}
					}
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// contents returns all keys of a file, as bbolt reads them and raft-boltdb uses
// them: it looks at 8 bytes. Values have checksums of their own.
func contents(t *testing.T, path string) (all []byte) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			all = append(all, name[:min(4, len(name))]...)
			return b.ForEach(func(k, _ []byte) error {
				all = append(all, k[:min(8, len(k))]...)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPages flips bits of heads, headers and elements: whatever is not refused must
// be read as if nothing had happened.
func TestPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	data := boltFile(t, path)
	if err := cluster.CheckPages(path); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	want := contents(t, path)
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	size := os.Getpagesize()
	refused := 0
	const flips = 600
	for i := range flips {
		page, within := 2+rng.IntN(len(data)/size-2), 80
		switch {
		case rng.IntN(4) == 0:
			page = rng.IntN(2)
		case binary.NativeEndian.Uint64(data[page*size:]) != uint64(page):
			continue // it continues another page
		default:
			count := int(binary.NativeEndian.Uint16(data[page*size+10:]))
			within = min(16+16*count, size)
		}
		at := page*size + rng.IntN(within) // in a head, a header or an element
		put(t, path, at, data[at]^1<<rng.IntN(8))
		if cluster.CheckPages(path) != nil {
			refused++
		} else if got := contents(t, path); !bytes.Equal(got, want) {
			t.Fatalf("a flip at byte %d of page %d changes what is read (seed %d, flip %d)", at%size, page, seed, i)
		}
		put(t, path, at, data[at])
	}
	if refused < flips/20 {
		t.Errorf("%d of %d files are refused: most of the flips have hit nothing", refused, flips)
	}
}

func put(t *testing.T, path string, at int, b byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{b}, int64(at))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestPagesCutShort checks files that end too early.
func TestPagesCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	data := boltFile(t, path)
	for _, n := range []int{0, 1, 79, os.Getpagesize(), os.Getpagesize() + 50, 3 * os.Getpagesize()} {
		if err := os.WriteFile(path, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if cluster.CheckPages(path) == nil {
			t.Errorf("a file of %d bytes instead of %d is not refused", n, len(data))
		}
	}
}
