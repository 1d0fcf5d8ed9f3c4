package faults_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// imageSize is large enough for the watermarks of a node, and the file is sparse.
const imageSize = 8 << 30

// image is an ext4 file system of its own, in a file. It commits its journal only
// when somebody asks for an fsync.
type image struct {
	file  string
	point string // where it is mounted
}

// needImages ends a test that needs file systems of its own where there are none.
// On a machine that should have them, in CI, that is a failure.
func needImages(t *testing.T, scenario string) {
	t.Helper()
	err := tryImage(t)
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" && runtime.GOOS == "linux" && os.Geteuid() == 0 {
		t.Fatalf("%s: a file system cannot be mounted from a file: %v", scenario, err)
	}
	leaveOut(t, scenario, fmt.Sprintf("a file system cannot be mounted from a file: %v", err))
}

func tryImage(t *testing.T) error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return errors.New("that takes Linux and root")
	}
	m, err := makeImage(shortDir(t))
	if err != nil {
		return err
	}
	return m.unmount()
}

// newImage makes and mounts an empty file system, until the test's end.
func newImage(t *testing.T) *image {
	t.Helper()
	m, err := makeImage(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.discard(t) })
	return m
}

func makeImage(dir string) (*image, error) {
	m := &image{file: filepath.Join(dir, "image"), point: filepath.Join(dir, "m")}
	f, err := os.Create(m.file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(imageSize), f.Close(), os.Mkdir(m.point, 0o700)); err != nil {
		return nil, err
	}
	// -m 0: no space kept back, so that what is free can be used up.
	if err := run("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=32", m.file); err != nil {
		return nil, err
	}
	return m, m.mount()
}

func (m *image) mount(options ...string) error {
	o := strings.Join(append([]string{"loop", "commit=300"}, options...), ",")
	return run("mount", "-t", "ext4", "-o", o, m.file, m.point)
}

func (m *image) unmount() error { return run("umount", m.point) }

// discard unmounts the file system if it is mounted and deletes its file.
func (m *image) discard(t *testing.T) {
	if mounted(m.point) {
		if err := m.unmount(); err != nil {
			t.Errorf("%s stays mounted: %v", m.point, err)
			return
		}
	}
	_ = os.Remove(m.file) // its directory goes anyway
}

func mounted(point string) bool {
	text, err := os.ReadFile("/proc/mounts")
	return err == nil && strings.Contains(string(text), " "+point+" ")
}

// device is the name of the loop device under the file system, as in loop0.
func (m *image) device() (string, error) {
	text, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); f[1] == m.point {
			return filepath.Base(f[0]), nil
		}
	}
	return "", fmt.Errorf("%s is not mounted", m.point)
}

// afterPowerCut returns, not mounted, the file system that there would be if power
// failed now: the bytes that have reached the device, and what the journal makes
// of them. Nobody may be writing.
func (m *image) afterPowerCut(t *testing.T) *image {
	t.Helper()
	dir := shortDir(t)
	next := &image{file: filepath.Join(dir, "image"), point: filepath.Join(dir, "m")}
	if err := os.Mkdir(next.point, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := run("cp", "--sparse=always", m.file, next.file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.discard(t) })
	return next
}

func run(argv ...string) error {
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
