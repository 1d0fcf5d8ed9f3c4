package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"dashd/internal/errs"
	"dashd/internal/peer"
	"dashd/internal/seal"
)

// prepareDataDir makes the data directory, or makes sure that nobody but the user
// who runs the node can read or change what is in it. An empty directory, as a
// package or a container brings along, is closed to others; one with anything in it
// is left as it is and refused.
func prepareDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errs.Stop(errs.ExitIO, fmt.Errorf("make the data directory: %w", err))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errs.Stop(errs.ExitIO, fmt.Errorf("read the data directory: %w", err))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return errs.Stop(errs.ExitIO, err)
	}
	empty := !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != "lost+found" })
	if empty && ownedByUs(info) {
		if err := os.Chmod(dir, 0o700); err != nil {
			return errs.Stop(errs.ExitIO, fmt.Errorf("close the data directory to others: %w", err))
		}
		return nil
	}
	if err := private(dir, info); err != nil {
		return err
	}
	for _, name := range ourFiles {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return errs.Stop(errs.ExitIO, err)
		}
		if err := private(path, info); err != nil {
			return err
		}
	}
	return nil
}

// ourFiles are what stands in a data directory for longer than a run.
var ourFiles = []string{nodeFileName, "raft.db", "events", seal.KeyFile, peer.KeyFile, peer.CertFile, firstKeyName}

// nodeFileName is the file that says whose directory it is.
const nodeFileName = "node.json"

// private refuses a file or directory that is not this user's alone.
func private(path string, info fs.FileInfo) error {
	if !ownedByUs(info) {
		return refuse("%s belongs to another user; run dashd as its owner, or give it to this one", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return refuse("%s may be used by others than its owner (mode %04o); run: chmod go= %s", path, perm, path)
	}
	return nil
}

func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == os.Geteuid()
}
