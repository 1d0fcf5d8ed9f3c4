package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"dashd/internal/errs"
)

// KeyFile is the name of the cluster key's file in the data directory.
const KeyFile = "cluster.key"

// NewKey returns a random cluster key.
func NewKey() Key {
	var k Key
	rand.Read(k[:]) // never fails: the program ends instead
	return k
}

// WriteKey stores a cluster key in a new file that only the owner of the process
// may read. When it returns nil, file and name are durable. It never replaces a
// file: without the old key, everything sealed with it would be lost; the error is then
// fs.ErrExist. Two processes must not write one path at a time: the lock of the data
// directory sees to that.
func WriteKey(path string, key Key) error {
	if err := writeKey(path, key); err != nil {
		return fmt.Errorf("write cluster key: %w", err)
	}
	return nil
}

func writeKey(path string, key Key) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp := path + ".tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left by a crash
	}
	if err := writeSynced(temp, key[:]); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeSynced makes a file of mode 0600 whose bytes are durable.
func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ReadKey reads a cluster key. A file that others may read, that belongs to
// someone else or that has another length is refused with a sentence for the
// operator and errs.ExitIdentity. A file that is not there is fs.ErrNotExist:
// whether that is the first start is for the caller to say.
func ReadKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("read cluster key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Key{}, fmt.Errorf("read cluster key: %w", err)
	}
	if err := checkOwner(path, info); err != nil {
		return Key{}, errs.Stop(errs.ExitIdentity, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, KeySize+1))
	if err != nil {
		return Key{}, fmt.Errorf("read cluster key: %w", err)
	}
	if len(b) != KeySize {
		return Key{}, errs.Stop(errs.ExitIdentity, fmt.Errorf(
			"%s is not a cluster key: it must hold exactly %d bytes; put back the file this cluster was started with", path, KeySize))
	}
	return Key(b), nil
}

// checkOwner refuses a key file that is not this process's alone.
func checkOwner(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("%s may be used by others than its owner (mode %04o): run chmod 600 %s", path, perm, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, but dashd runs as user %d", path, st.Uid, os.Geteuid())
	}
	return nil
}

// Open returns a sealer with the cluster key in the data directory dir, and makes a
// key if there is none. Whether it is the key that the log was sealed with
// is found out by projections.AccessImage.CheckSealer: a node whose key file was lost
// gets a new one here, and is refused there.
func Open(dir string) (*Sealer, error) {
	path := filepath.Join(dir, KeyFile)
	key, err := ReadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = NewKey()
		err = WriteKey(path, key)
	}
	if err != nil {
		return nil, err
	}
	return New(key), nil
}
