package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"dashd/eventlog/store"
	"dashd/internal/cluster"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Offline is the event log of a stopped node. It holds the lock of the data
// directory.
type Offline struct {
	Store *store.Store
	KV    *kv.DB

	clean  bool
	unlock func() error
}

// Clean reports whether the node was stopped in order: if not, the newest events
// may be in its raft log only.
func (o *Offline) Clean() bool { return o.clean }

// OpenOffline opens the log of a stopped node for reading. After a crash the
// newest events may be in the raft log only; they are in the event log once the
// node has run again.
func OpenOffline(dir string, log *slog.Logger) (off *Offline, err error) {
	path := filepath.Join(dir, databaseDir)
	if _, err := os.Stat(path); err != nil {
		return nil, errs.Stop(errs.ExitIdentity, fmt.Errorf("%s is not the data directory of a node: %w", dir, err))
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	off = &Offline{unlock: unlock}
	defer func() {
		if err != nil {
			err = errors.Join(err, off.Close())
			off = nil
		}
	}()
	file, err := cluster.OpenNodeFile(dir, true)
	if err != nil {
		return off, err
	}
	off.clean = file.Clean()
	off.KV, err = kv.Open(path, kv.Options{Log: log})
	if err != nil {
		return off, err
	}
	if err := bindDatabase(file, path, off.KV); err != nil {
		return off, err
	}
	off.Store, err = store.Open(off.KV, store.Options{Log: log})
	return off, err
}

// Close closes the log and gives the lock back.
func (o *Offline) Close() (err error) {
	if o.KV != nil {
		err = o.KV.Close()
	}
	return errors.Join(err, o.unlock())
}
