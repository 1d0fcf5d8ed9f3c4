package node

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dashd/internal/errs"
)

// settled is how old a modification time must be for an fsync after it to be known to cover it:
// file systems stamp times with the granularity of a tick.
const settled = 100 * time.Millisecond

// syncDirs makes durable which files there are. The database syncs what is in a file, and of its
// own commits also the name; its compactions make and remove files without a word. It costs two
// stats if nothing has changed. Called by Open, then by watchDisk's goroutine only.
func (n *Node) syncDirs() error {
	defer n.works.begin(workDirectory)()
	for _, dir := range []string{n.cfg.Dir, filepath.Join(n.cfg.Dir, databaseDir)} {
		if _, err := n.syncDir(dir); err != nil {
			return errs.Stop(errs.ExitIO, fmt.Errorf("sync the directory %s: %w", dir, err))
		}
	}
	return nil
}

// syncDir syncs a directory, unless it is as it was when that was done last.
func (n *Node) syncDir(dir string) (done bool, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	fi, err := d.Stat()
	if err != nil {
		return false, err
	}
	changed := fi.ModTime()
	if changed.Equal(n.dirsSynced[dir]) {
		return false, nil
	}
	recent := time.Since(changed) < settled
	if err := d.Sync(); err != nil {
		return false, err
	}
	if n.dirsSynced == nil {
		n.dirsSynced = map[string]time.Time{}
	}
	if !recent {
		n.dirsSynced[dir] = changed
	} else {
		delete(n.dirsSynced, dir)
	}
	return true, nil
}
