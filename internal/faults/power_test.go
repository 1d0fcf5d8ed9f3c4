package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dashd/internal/dashdtest"
)

// TestPowerCut cuts a node off from power while clients write. What its disk holds
// then is the bytes that had reached the device of its file system: whatever was
// written and never synced is gone.
func TestPowerCut(t *testing.T) {
	const name = "power cut under load"
	slow(t, name)
	needImages(t, name)
	s := begin(t, name)
	rounds := s.rounds(t, "DASHD_FAULTS_POWER", 3, 1)
	rng := choices("power")
	disk := newImage(t)
	n := newNode(filepath.Join(disk.point, "data"))
	h := newHistory(s)
	start(t, s, n)
	for round := range rounds {
		writers := write(h, n, fmt.Sprintf("p%d", round))
		time.Sleep(between(rng, 100*time.Millisecond, 3*time.Second)) // the fault's moment
		witness := leaveWitness(t, disk)
		stopAll(t, n.Process)
		next := disk.afterPowerCut(t)
		n.Signal(t, syscall.SIGKILL)
		writers.wait()
		disk.discard(t)
		disk = next
		if err := disk.mount(); err != nil {
			t.Fatal(err)
		}
		witness.wantLost(t, disk)
		n.Dir = filepath.Join(disk.point, "data")
		start(t, s, n)
		h.compareNew(t, n, rng)
		h.wantRepeats(t, n, rng)
		s.passed(t)
	}
	h.compareAll(t, n)
	h.wantNotRefused(t)
	h.wantIndexed(t, n)
	n.Signal(t, syscall.SIGTERM)
	wantSound(t, n)
	disk.discard(t)
}

// witness is a file that was written and not synced just before the cut. If it
// survives, the test does not do what it says.
type witness struct{ name, content string }

func leaveWitness(t *testing.T, disk *image) witness {
	t.Helper()
	w := witness{name: "witness", content: "written, not synced"}
	if err := os.WriteFile(filepath.Join(disk.point, w.name), []byte(w.content), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w witness) wantLost(t *testing.T, disk *image) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(disk.point, w.name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if string(got) == w.content {
		t.Error("what was never synced has survived: this was no power cut")
	}
	_ = os.Remove(filepath.Join(disk.point, w.name)) // or the next one would be old
}

// stopAll stops the process and returns when none of its threads is on its way
// through a system call any more: what it asked the disk for has been done, and it
// has told nobody.
func stopAll(t *testing.T, p *dashdtest.Process) {
	t.Helper()
	if err := p.Send(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	giveUp := time.Now().Add(dashdtest.Patience)
	for !allStopped(t, p.PID()) {
		if time.Now().After(giveUp) {
			t.Fatalf("the node does not stop on SIGSTOP (seed %d)", seed)
		}
	}
}

func allStopped(t *testing.T, pid int) bool {
	t.Helper()
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(stats) == 0 {
		t.Fatalf("threads of process %d: %v", pid, err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// "pid (name) S ...": the name may hold anything, so the state is behind the
		// last parenthesis.
		if i := bytes.LastIndexByte(text, ')'); text[i+2] != 'T' {
			return false
		}
	}
	return true
}
