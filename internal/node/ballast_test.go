package node_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/internal/node"
)

// ballastOf is the size of the ballast in dir, and what it takes of the disk; 0 if there is none.
func ballastOf(t *testing.T, dir string) (size, taken int64) {
	t.Helper()
	fi, err := os.Stat(filepath.Join(dir, "ballast"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size(), fi.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestP7_Ballast(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name         string
		before, want int64 // bytes of the file; before: as a start finds it
		wanted       uint64
		free         uint64
		alarm        bool
	}{
		{"at the first start", 0, 2 * mib, 2 * mib, 100 * mib, false},
		{"there already", 2 * mib, 2 * mib, 2 * mib, 11 * mib, false},
		{"not wanted any more", 2 * mib, 0, 0, 100 * mib, false},
		{"never wanted", 0, 0, 0, 100 * mib, false},
		{"of another size", 3 * mib, 2 * mib, 2 * mib, 100 * mib, false},
		{"cut off by a crash", 1000, 2 * mib, 2 * mib, 100 * mib, false},
		{"just enough room", 0, 2 * mib, 2 * mib, 12 * mib, false},
		{"the disk would be filling up with it", 0, 0, 2 * mib, 12*mib - 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "ballast")
			if tt.before > 0 {
				if err := os.WriteFile(path, make([]byte, tt.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cfg := config(dir)
			cfg.Ballast = tt.wanted
			cfg.Watermarks.Alarm = kv.Watermark{Bytes: 10 * mib}
			cfg.Space = func(string) (kv.Space, error) { return kv.Space{Free: tt.free, Total: 1000 * mib}, nil }
			n, err := node.Open(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			alarms := n.Alarms()
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			size, taken := ballastOf(t, dir)
			if size != tt.want || taken < tt.want {
				t.Errorf("a file of %d bytes, %d on the disk; want %d", size, taken, tt.want)
			}
			if (len(alarms) > 0) != tt.alarm {
				t.Errorf("alarms %q, want some: %v", alarms, tt.alarm)
			}
		})
	}
}

func TestP7_RecoverSpace(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Ballast = 1 << 20
	r := start(t, cfg)
	if _, _, err := node.RecoverSpace(dir); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("of a running node: %v, want exit code %d", err, errs.ExitIdentity)
	}
	if size, _ := ballastOf(t, dir); size == 0 {
		t.Error("the ballast of a running node is gone")
	}
	r.halt()
	for _, want := range []uint64{1 << 20, 0} {
		freed, space, err := node.RecoverSpace(dir)
		if err != nil || freed != want || space.Total == 0 {
			t.Errorf("freed %d of %+v, %v; want %d", freed, space, err, want)
		}
	}
	if _, _, err := node.RecoverSpace(t.TempDir()); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("of a directory that is no node's: %v, want exit code %d", err, errs.ExitIdentity)
	}
	start(t, cfg).halt()
	if size, _ := ballastOf(t, dir); size != 1<<20 {
		t.Errorf("after a start with room: %d bytes", size)
	}
}

// A name is durable once its directory is synced: at the start, and again when one has come or
// gone.
func TestP20_DirectoriesAreSynced(t *testing.T) {
	dir := t.TempDir()
	n, err := node.Open(context.Background(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	path := filepath.Join(dir, "events", "new")
	for i, change := range []func() error{
		func() error { return os.WriteFile(path, nil, 0o600) },
		func() error { return os.Rename(path, path+"er") },
		func() error { return os.Remove(path + "er") },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		// A directory that has just changed may change again within the same tick of its clock.
		if got := n.SyncDirs(t); got == 0 {
			t.Errorf("change %d: nothing was synced", i)
		}
		if got := n.SyncDirs(t); got == 0 {
			t.Errorf("change %d: it was taken to be settled at once", i)
		}
		old := time.Now().Add(-time.Hour)
		for _, d := range []string{dir, filepath.Join(dir, "events")} {
			if err := os.Chtimes(d, old, old); err != nil {
				t.Fatal(err)
			}
		}
		if got := n.SyncDirs(t); got != 2 {
			t.Errorf("change %d: %d directories were synced once they were settled, want 2", i, got)
		}
		if got := n.SyncDirs(t); got != 0 {
			t.Errorf("change %d: %d directories were synced although nothing has changed", i, got)
		}
	}
}

// A directory that cannot be synced ends the node.
func TestP20_ADirectoryThatIsGone(t *testing.T) {
	dir := t.TempDir()
	n, err := node.Open(context.Background(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := os.Rename(filepath.Join(dir, "events"), filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	if err := n.TrySyncDirs(); errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("%v, want exit code %d", err, errs.ExitIO)
	}
}
