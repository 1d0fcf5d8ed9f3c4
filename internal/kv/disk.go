package kv

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"dashd/internal/errs"
)

// Space is the room on a file system.
type Space struct {
	Free, Total uint64 // bytes; Free is what this process may still use
}

// FreeSpace returns the room on the file system of dir.
func FreeSpace(dir string) (Space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return Space{}, fmt.Errorf("free space of %s: %w", dir, err)
	}
	unit := uint64(st.Bsize)
	return Space{Free: st.Bavail * unit, Total: st.Blocks * unit}, nil
}

// Watermark is a least share of a file system and a least number of bytes.
type Watermark struct {
	Percent uint64
	Bytes   uint64
}

// The watermarks of a data file system. A full one is a bus error in Badger's
// memory maps, so the node acts long before.
var (
	AlarmBelow  = Watermark{Percent: 15, Bytes: 5 << 30} // an operator should act
	RefuseBelow = Watermark{Percent: 10, Bytes: 2 << 30} // lead no more, take no writes
	StopBelow   = Watermark{Percent: 5, Bytes: 1 << 30}  // stop cleanly
)

// DefaultMinFree is the last line, behind the watermarks: with less, nothing is
// written. It is room for a memtable, its table and a compaction.
const DefaultMinFree = 512 << 20

// Below reports whether s is under the watermark.
func (s Space) Below(w Watermark) bool {
	return s.Free < w.Bytes || s.Free < s.Total/100*w.Percent
}

func enoughSpace(dir string, minFree uint64) error {
	s, err := FreeSpace(dir)
	if err != nil {
		return errs.Stop(errs.ExitIO, err)
	}
	if s.Free < minFree {
		return errs.Stop(errs.ExitDiskLow, fmt.Errorf(
			"%d MiB are free on the file system of %s, and dashd needs %d to write safely; make room and start again",
			s.Free>>20, dir, minFree>>20))
	}
	return nil
}

// prepare makes dir and finds out whether files can be made in it, so that the
// commonest mistakes get a sentence of their own.
func prepare(dir string, minFree uint64) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unusable("the data directory cannot be made", err)
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return unusable("the data directory is not writable", err)
	}
	return enoughSpace(dir, minFree)
}

func unusable(what string, err error) error {
	code := errs.ExitIO
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		code = errs.ExitDiskLow
	}
	return errs.Stop(code, fmt.Errorf("%s: %w", what, err))
}

// settled is how old a modification time must be for an fsync after it to be
// known to cover it: file systems stamp times with the granularity of a tick.
const settled = 100 * time.Millisecond

// syncDirectory makes the names of new files durable: Badger syncs the bytes of
// a new memtable's log, not the directory that says where they are. It costs a
// stat if nothing was made. Called with writing held, or before db is shared.
func (db *DB) syncDirectory() error {
	d, err := os.Open(db.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	fi, err := d.Stat()
	if err != nil {
		return err
	}
	changed := fi.ModTime()
	if changed.Equal(db.dirSynced) {
		return nil
	}
	recent := time.Since(changed) < settled
	if err := d.Sync(); err != nil {
		return err
	}
	if !recent {
		db.dirSynced = changed
	}
	return nil
}
