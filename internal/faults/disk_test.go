package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

const filler = "filler"

// leave fills the file system until so many bytes are free. The space is taken at
// once and nothing is written.
func (m *image) leave(t *testing.T, free uint64) {
	t.Helper()
	s, err := kv.FreeSpace(m.point)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(m.point, filler), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// Others write at the same time, and the file system needs some for itself.
	for take := s.Free - free; take > 4096; {
		err := syscall.Fallocate(int(f.Fd()), 0, info.Size(), int64(take))
		if err == nil {
			return
		}
		if err != syscall.ENOSPC {
			t.Fatal(err)
		}
		take -= take / 64
	}
}

func (m *image) makeRoom(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(m.point, filler)); err != nil {
		t.Fatal(err)
	}
}

// running returns a node on a file system of its own with clients that have had
// answers.
func running(t *testing.T, s *scenario, disk *image, h *history, label string) (*dashdtest.Node, *clients) {
	t.Helper()
	n := newNode(filepath.Join(disk.point, "data"))
	start(t, s, n)
	writers := write(h, n, label)
	waitFor(t, "the first acknowledgements", n, func() bool { return s.Acknowledged > 2000 }, h)
	return n, writers
}

// waitFor waits until h says so, while the node runs.
func waitFor(t *testing.T, what string, n *dashdtest.Node, reached func() bool, h *history) {
	t.Helper()
	giveUp := time.After(dashdtest.Patience)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		h.mu.Lock()
		ok := reached()
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-look.C:
		case <-n.Done:
			t.Fatalf("the node ended while the test waited for %s (seed %d): %v\n%s", what, seed, n.Err(), n.Output())
		case <-giveUp:
			t.Fatalf("no sign of %s (seed %d)", what, seed)
		}
	}
}

// restarted starts the node again and compares its whole log.
func restarted(t *testing.T, s *scenario, n *dashdtest.Node, h *history) {
	t.Helper()
	start(t, s, n)
	h.compareAll(t, n)
	h.wantRepeats(t, n, choices(s.Name+" repeats"))
	n.Signal(t, syscall.SIGTERM)
	if n.Err() != nil {
		t.Errorf("after SIGTERM (seed %d): %v", seed, n.Err())
	}
	wantSound(t, n)
	s.passed(t)
}

// TestDiskFillsUp takes the space away in steps: first the node refuses writes,
// then it stops, and it does not start before there is room again.
func TestDiskFillsUp(t *testing.T) {
	const name = "disk fills up"
	slow(t, name)
	needImages(t, name)
	s := begin(t, name)
	disk := newImage(t)
	h := newHistory(s)
	n, writers := running(t, s, disk, h, "f")

	disk.leave(t, 3*kv.StopBelow.Bytes/2)
	const refusal = "507 DISK_LOW"
	waitFor(t, "refused writes", n, func() bool { return h.refused[refusal] > 0 }, h)
	disk.makeRoom(t)
	writers.end()
	probe := newClient(h, n.URL, choices("disk fills up"))
	waitFor(t, "accepted writes", n, func() bool {
		h.mu.Unlock()
		defer h.mu.Lock()
		return probe.native(t.Context(), []string{probe.name(formNative)}) == nil
	}, h)

	writers = write(h, n, "g")
	disk.leave(t, kv.StopBelow.Bytes/2)
	wantEnd(t, n, errs.ExitDiskLow)
	writers.wait()
	for range 2 {
		wantRefusal(t, n, errs.ExitDiskLow)
	}
	for answer := range h.refused {
		// On its way out a node has other reasons, each with its code.
		if !strings.HasPrefix(answer, "503 ") && answer != refusal && answer != "429 BUSY" || answer == "503 " {
			t.Errorf("refused with %q (seed %d)", answer, seed)
		}
	}
	disk.makeRoom(t)
	restarted(t, s, n, h)
	s.note(h.refused)
	disk.discard(t)
}

// TestDiskFull takes all space away between two writes, faster than anybody can
// look.
func TestDiskFull(t *testing.T) {
	const name = "disk full at once"
	slow(t, name)
	needImages(t, name)
	s := begin(t, name)
	disk := newImage(t)
	h := newHistory(s)
	n, writers := running(t, s, disk, h, "f")
	disk.leave(t, 0)
	wantEnd(t, n, errs.ExitDiskLow)
	writers.wait()
	for range 2 {
		wantRefusal(t, n, errs.ExitDiskLow)
	}
	disk.makeRoom(t)
	restarted(t, s, n, h)
	s.note(h.refused)
	disk.discard(t)
}

// TestReadOnly lets the file system find an error of its own, after which it
// takes no writes.
func TestReadOnly(t *testing.T) {
	const name = "file system turns read-only"
	slow(t, name)
	needImages(t, name)
	s := begin(t, name)
	disk := newImage(t)
	if err := disk.unmount(); err != nil {
		t.Fatal(err)
	}
	if err := disk.mount("errors=remount-ro"); err != nil {
		t.Fatal(err)
	}
	h := newHistory(s)
	n, writers := running(t, s, disk, h, "r")
	disk.breakNow(t)
	wantEnd(t, n, errs.ExitIO)
	writers.wait()
	wantRefusal(t, n, errs.ExitIO)

	if err := disk.unmount(); err != nil {
		t.Fatal(err)
	}
	// 1 is "errors were corrected", which is what this is for.
	if err := run("e2fsck", "-fy", disk.file); err != nil && !strings.Contains(err.Error(), "exit status 1") {
		t.Fatal(err)
	}
	if err := disk.mount("ro"); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, n, errs.ExitIO)
	if err := disk.unmount(); err != nil {
		t.Fatal(err)
	}
	if err := disk.mount(); err != nil {
		t.Fatal(err)
	}
	restarted(t, s, n, h)
	s.note(h.refused)
	disk.discard(t)
}

// breakNow makes the file system believe that it has found an error.
func (m *image) breakNow(t *testing.T) {
	t.Helper()
	device, err := m.device()
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/sys/fs/ext4/%s/trigger_fs_error", device)
	if err := os.WriteFile(path, []byte("test"), 0); err != nil {
		t.Fatal(err)
	}
}

// note adds counts to the results.
func (s *scenario) note(counts map[string]int) {
	for name, n := range counts {
		s.Notes[name] += n
	}
}
