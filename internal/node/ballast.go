package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// ballastName is that of a file that holds nothing: deleting it is room to start a node on a full
// disk, and to put things right.
const ballastName = "ballast"

// DefaultBallast is the recommended Config.Ballast.
const DefaultBallast = 1 << 30

// keepBallast makes the ballast file, if it is to be there and there is ample room for it: the disk
// is not filling up with it, either. A file of another size is made anew.
func (n *Node) keepBallast() error {
	path := filepath.Join(n.cfg.Dir, ballastName)
	size := uint64(0)
	fi, err := os.Stat(path)
	switch {
	case err == nil:
		size = uint64(fi.Size())
	case !errors.Is(err, fs.ErrNotExist):
		return errs.Stop(errs.ExitIO, err)
	}
	if size == n.cfg.Ballast {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errs.Stop(errs.ExitIO, fmt.Errorf("remove the ballast: %w", err))
	}
	if n.cfg.Ballast == 0 {
		return nil
	}
	s, err := n.cfg.Space(n.cfg.Dir)
	if err != nil {
		return errs.Stop(errs.ExitIO, err)
	}
	if s.Free < n.cfg.Ballast+level(s, n.cfg.Watermarks.Alarm) {
		n.noBallast.Store(true)
		n.log.Warn("there is too little room for the ballast file", "free", s.Free, "bytes", n.cfg.Ballast)
		return nil
	}
	if err := makeBallast(path, int64(n.cfg.Ballast)); err != nil {
		n.noBallast.Store(true)
		n.log.Warn("the ballast file was not made", "bytes", n.cfg.Ballast, "err", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// makeBallast makes a file whose blocks are its own. Its name becomes durable with those of the
// others in the directory.
func makeBallast(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(allocate(f, size), f.Sync(), f.Close())
}

// RecoverSpace deletes the ballast of a stopped node. It returns how many bytes that has freed, 0 if there
// was none, and the room there is now.
func RecoverSpace(dir string) (freed uint64, space kv.Space, err error) {
	if _, err := os.Stat(filepath.Join(dir, databaseDir)); err != nil {
		return 0, space, errs.Stop(errs.ExitIdentity, fmt.Errorf("%s is not the data directory of a node: %w", dir, err))
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return 0, space, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	path := filepath.Join(dir, ballastName)
	if fi, err := os.Stat(path); err == nil {
		freed = uint64(fi.Size())
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, space, errs.Stop(errs.ExitIO, fmt.Errorf("remove the ballast: %w", err))
	}
	d, err := os.Open(dir)
	if err != nil {
		return freed, space, errs.Stop(errs.ExitIO, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil { // the room is there for good
		return freed, space, errs.Stop(errs.ExitIO, err)
	}
	space, err = kv.FreeSpace(dir)
	return freed, space, err
}
