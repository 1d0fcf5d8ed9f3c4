package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"dashd/internal/errs"
)

const (
	probeInterval = time.Second
	probeBytes    = 4 << 10
	// probeName is that of the file that is written. It has no name for longer than a moment.
	probeName = ".probe"
)

// fileSystems are the directories in which data are kept, one for each file system.
func (n *Node) fileSystems() ([]string, error) {
	var dirs []string
	known := map[uint64]bool{}
	for _, dir := range []string{n.cfg.Dir, filepath.Join(n.cfg.Dir, databaseDir)} {
		fi, err := os.Stat(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue // before the first start
		}
		if err != nil {
			return nil, err
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if ok && known[uint64(st.Dev)] {
			continue
		}
		if ok {
			known[uint64(st.Dev)] = true
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

// probeDisks writes and syncs a little each second on each file system that holds data, until
// ctx ends: what the watchdog sees of a disk when nothing else is written. It fails when the disk
// does.
func (n *Node) probeDisks(ctx context.Context) error {
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close() // it has no name and no content that matters
		}
	}()
	dirs, err := n.fileSystems()
	for i := 0; i < len(dirs) && err == nil; i++ {
		var f *os.File
		if f, err = openProbe(dirs[i]); err == nil {
			files = append(files, f)
		}
	}
	if err != nil {
		return n.probeFailed(err)
	}
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		for _, f := range files {
			if err := n.probe(f); err != nil {
				return n.probeFailed(err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// openProbe makes a file that is gone when the process is.
func openProbe(dir string) (*os.File, error) {
	path := filepath.Join(dir, probeName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (n *Node) probe(f *os.File) error {
	defer n.works.begin(workProbe)()
	var page [probeBytes]byte
	if _, err := f.WriteAt(page[:], 0); err != nil {
		return err
	}
	return f.Sync()
}

func (n *Node) probeFailed(err error) error {
	code := errs.ExitIO
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		code = errs.ExitDiskLow
	}
	err = errs.Stop(code, fmt.Errorf("try the disk: %w", err))
	n.fail(err)
	return err
}
