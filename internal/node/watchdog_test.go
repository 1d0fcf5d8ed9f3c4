package node_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/node"
)

// A leader whose disk hangs keeps sending heartbeats. It must fall silent, so that another one
// leads.
func TestP8_TheLeadMovesAwayFromADiskThatHangs(t *testing.T) {
	for _, work := range []string{"a write of the raft log", "applying an entry", "a write to try the disk"} {
		t.Run(work, func(t *testing.T) {
			inTrio(t, func(t *testing.T, c *trio) {
				old := c.leader()
				h := old.hang(work)
				hangs := make(chan error, 1)
				go func() { hangs <- old.append("hangs") }()
				<-h.waiting
				took := c.await(9*time.Second, "another leader", func() bool { l := c.leader(); return l != nil && l != old })
				if took < 5*time.Second {
					t.Errorf("another one led after %v already", took)
				}
				if err := c.leader().append("elsewhere"); err != nil {
					t.Errorf("append at the new leader: %v", err)
				}
				h.release()
				if err := <-hangs; err != nil && errs.KindOf(err) != errs.Unavailable {
					t.Errorf("what was appended when the disk began to hang: %v", err)
				}
				c.await(10*time.Second, "that it follows", func() bool { return len(old.NotReady()) == 0 })
			})
		})
	}
}

// A disk that answers again in time costs the lead, and nothing else.
func TestP8_ADiskThatAnswersAgain(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		old := c.leader()
		h := old.hang("a write to try the disk")
		<-h.waiting
		c.await(6*time.Second, "silence", old.silent.Load)
		if why := old.NotReady(); len(why) == 0 {
			t.Error("the node is ready while its disk hangs")
		}
		c.await(15*time.Second, "another leader", func() bool { l := c.leader(); return l != nil && l != old })
		h.release()
		c.await(5*time.Second, "that it speaks", func() bool { return !old.silent.Load() })
		c.await(5*time.Second, "that it follows", func() bool { return len(old.NotReady()) == 0 })
		if err := c.leader().append("after"); err != nil {
			t.Error(err)
		}
		c.await(5*time.Second, "that it has what came meanwhile", func() bool { return old.Store.Head() == c.leader().Store.Head() })
		if n := old.silences.Load(); n != 1 || old.Failure() != nil {
			t.Errorf("silent %d times, failure %v", n, old.Failure())
		}
	})
}

// There is nobody who could take the place of a node that is alone: it is not silent, and ends.
func TestP8_ANodeThatIsAlone(t *testing.T) {
	var held atomic.Pointer[hold]
	cfg := config(t.TempDir())
	cfg.Storage = func(work string) {
		if h := held.Load(); h != nil {
			h.wait(work)
		}
	}
	cfg.Silence = func(bool) { t.Error("it is silent") }
	r := start(t, cfg)
	h := newHold("a write of the raft log")
	defer h.release()
	held.Store(h)
	go func() { _, _ = r.Appender.Append(context.Background(), []eventlog.Event{event("hangs")}) }() // ends with the node
	<-h.waiting
	tick := make(chan time.Time)
	watched := make(chan error, 1)
	go func() { watched <- r.WatchStorage(t.Context(), tick) }()
	for range 40 { // ten seconds
		tick <- time.Now()
	}
	if err := r.Failure(); err != nil {
		t.Errorf("after ten seconds: %v", err)
	}
	if why := r.NotReady(); !slices.Contains(why, "the disk does not answer") {
		t.Errorf("not ready: %q", why)
	}
	tick <- time.Now()
	tick <- time.Now()
	if err := <-watched; errs.ExitCode(err) != errs.ExitIO || !strings.Contains(err.Error(), h.work) {
		t.Errorf("the watchdog says %v (exit code %d), want %d", err, errs.ExitCode(err), errs.ExitIO)
	}
	if err := <-r.ended; errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("Run = %v, want exit code %d", err, errs.ExitIO)
	}
	close(r.ended)
}

// What counts is how often the watchdog has seen the same work, not how long ago it began: a
// process that is paused does not blame its disk.
func TestP8_APauseIsNotHeldAgainstTheDisk(t *testing.T) {
	w := node.NewWatchdog()
	for range 10 { // ten times an hour passes between two looks
		end := w.Begin()
		w.Look()
		if late, hung := w.Look(); late || hung {
			t.Fatalf("late %v, hung %v after a pause", late, hung)
		}
		end()
	}
}

func TestP8_WhatIsLateAndWhatHangs(t *testing.T) {
	const perSecond = 4 // looks
	for _, tt := range []struct {
		name       string
		looks      int
		late, hung bool
	}{
		{"a second", perSecond, false, false},
		{"five seconds", 5 * perSecond, false, false},
		{"a little more", 5*perSecond + 2, true, false},
		{"ten seconds", 10 * perSecond, true, false},
		{"a little more than that", 10*perSecond + 2, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := node.NewWatchdog()
			defer w.Begin()()
			var late, hung bool
			for range tt.looks {
				w.Begin()() // other work comes and goes
				late, hung = w.Look()
			}
			if late != tt.late || hung != tt.hung {
				t.Errorf("late %v, hung %v; want %v, %v", late, hung, tt.late, tt.hung)
			}
		})
	}
}

// A disk that is slow again and again is late again and again, but the others must get the time
// to elect.
func TestP8_ASilenceLastsUntilTheOthersHaveElected(t *testing.T) {
	w := node.NewWatchdog()
	silent := 0
	w.Speak(true)
	for w.Speak(false) {
		silent++
	}
	if d := time.Duration(silent) * 250 * time.Millisecond; d < 2*time.Second || d > 4*time.Second {
		t.Errorf("silent for %v after the disk has answered", d)
	}
}

// As much work as there can be, and more, at a time.
func TestP8_MoreWorkThanIsWatched(t *testing.T) {
	w := node.NewWatchdog()
	var ends []func()
	for range 100 {
		ends = append(ends, w.Begin())
	}
	for range 60 {
		w.Look()
	}
	if _, hung := w.Look(); !hung {
		t.Error("work that hangs is not seen")
	}
	for _, end := range ends {
		end()
	}
	if late, hung := w.Look(); late || hung {
		t.Errorf("late %v, hung %v when all has ended", late, hung)
	}
}

// BenchmarkWatchedWork is what being watched adds to a write of storage.
func BenchmarkWatchedWork(b *testing.B) {
	w := node.NewWatchdog()
	b.ReportAllocs()
	for b.Loop() {
		w.Begin()()
	}
}
