package seal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dashd/internal/errs"
	"dashd/internal/seal"
)

func TestKeyFileGivesBackTheKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), seal.KeyFile)
	// What a crash before the rename leaves behind is no obstacle.
	if err := os.WriteFile(path+".tmp", []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := seal.NewKey()
	if err := seal.WriteKey(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := seal.ReadKey(path)
	if err != nil || got != want {
		t.Errorf("ReadKey gives another key, error %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
		t.Errorf("left in the directory: %v", names)
	}
}

func TestKeyFileIsNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), seal.KeyFile)
	first := seal.NewKey()
	if err := seal.WriteKey(path, first); err != nil {
		t.Fatal(err)
	}
	if err := seal.WriteKey(path, seal.NewKey()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second WriteKey error = %v, want fs.ErrExist", err)
	}
	if got, err := seal.ReadKey(path); err != nil || got != first {
		t.Errorf("the first key is gone, error %v", err)
	}
}

func TestMissingKeyFile(t *testing.T) {
	_, err := seal.ReadKey(filepath.Join(t.TempDir(), seal.KeyFile))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadKey error = %v, want fs.ErrNotExist", err)
	}
}

func TestUnfitKeyFileStopsTheNode(t *testing.T) {
	key := bytes.Repeat([]byte{7}, seal.KeySize)
	tests := []struct {
		name string
		mode fs.FileMode
		text []byte
		says string
	}{
		{"the group may read it", 0o640, key, "chmod 600"},
		{"everybody may read it", 0o604, key, "chmod 600"},
		{"the group may write it", 0o620, key, "chmod 600"},
		{"it is empty", 0o600, nil, "exactly 32 bytes"},
		{"it is a byte short", 0o600, key[1:], "exactly 32 bytes"},
		{"an editor added a line end", 0o600, append(bytes.Clone(key), '\n'), "exactly 32 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), seal.KeyFile)
			if err := os.WriteFile(path, tt.text, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := seal.ReadKey(path)
			if errs.ExitCode(err) != errs.ExitIdentity || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("ReadKey error = %v (exit code %d), want one that says %q and exit code %d",
					err, errs.ExitCode(err), tt.says, errs.ExitIdentity)
			}
		})
	}
	t.Run("it is a directory", func(t *testing.T) {
		if _, err := seal.ReadKey(t.TempDir()); errs.ExitCode(err) != errs.ExitIdentity {
			t.Errorf("ReadKey error = %v", err)
		}
	})
}

func TestOpenMakesOneKeyAndKeepsIt(t *testing.T) {
	dir := t.TempDir()
	first, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(obj, first.Box(obj, []byte("secret"))); err != nil || string(got) != "secret" {
		t.Errorf("a box of the first start on the second: %q, %v", got, err)
	}
	other, err := seal.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(obj, first.Box(obj, nil)); !errors.Is(err, seal.ErrNotOpened) {
		t.Errorf("two directories have one key: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, seal.KeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(dir); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("Open of an open key file: %v", err)
	}
}
