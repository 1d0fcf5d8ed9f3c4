package faults_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestKillUnderLoad kills a node again and again while clients write, now and
// then also while it takes up where it left off, and compares after each start.
func TestKillUnderLoad(t *testing.T) {
	s := begin(t, "kill -9 under load")
	rounds := s.rounds(t, "DASHD_FAULTS_KILLS", 20, 2)
	rng := choices("kill")
	n := newNode(shortDir(t))
	h := newHistory(s)
	start(t, s, n)
	for round := range rounds {
		writers := write(h, n, fmt.Sprintf("k%d", round))
		time.Sleep(between(rng, 50*time.Millisecond, 1500*time.Millisecond)) // the fault's moment
		n.Signal(t, syscall.SIGKILL)
		writers.wait()
		if rng.IntN(4) == 0 {
			n.Launch(t)
			time.Sleep(between(rng, 5*time.Millisecond, 500*time.Millisecond)) // the fault's moment
			n.Signal(t, syscall.SIGKILL)
			s.Notes["killed while starting"]++
		}
		start(t, s, n)
		h.compareNew(t, n, rng)
		h.wantRepeats(t, n, rng)
		s.passed(t)
	}
	h.compareAll(t, n)
	h.wantNotRefused(t)
	h.wantIndexed(t, n)
	n.Signal(t, syscall.SIGTERM)
	if n.Err() != nil {
		t.Errorf("after SIGTERM (seed %d): %v", seed, n.Err())
	}
	wantSound(t, n)
}

// wantNotRefused fails the test if anything was refused. A busy node may say so.
func (h *history) wantNotRefused(t *testing.T) {
	t.Helper()
	for answer, n := range h.refused {
		if answer != "429 BUSY" {
			t.Errorf("a healthy node refused %d requests with %s (seed %d)", n, answer, seed)
		}
	}
}
