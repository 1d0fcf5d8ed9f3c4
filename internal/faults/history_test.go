package faults_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// history is what clients sent to one log and what they were told, and after a
// comparison what the log holds.
type history struct {
	s *scenario

	mu       sync.Mutex
	events   map[string]*state
	names    []string        // of events with ids, in the order in which they were first sent
	open     []string        // sent since the last comparison; an event may be in it twice
	leaves   [][32]byte      // of the log up to the last comparison, by seq - 1
	commands int             // events in the log that commands have made
	problems [kinds][]string // what is wrong, the first few
	refused  map[string]int  // by status and code: answers that took nothing

	// late says that what was not there when the log was compared may still come: with
	// several nodes, a request may have been on its way from one to another.
	late bool

	acked time.Time     // when the last acknowledgement came, or when lull began
	still time.Duration // the longest time without one since
}

// state is what is known of an event.
type state struct {
	acked bool   // an answer said that it is durable, or it was read
	seq   uint64 // its position; 0 if no answer said so and it was not read
	seen  bool   // it was read
	gone  bool   // it was not there after a fault and has not been sent again
}

func newHistory(s *scenario) *history {
	return &history{s: s, events: map[string]*state{}, refused: map[string]int{}}
}

// Kinds of problems, for the results.
type verdict int

const (
	lost verdict = iota
	duplicated
	wrong
	kinds
)

// problem notes what is wrong. mu is held.
func (h *history) problem(v verdict, format string, args ...any) {
	switch v {
	case lost:
		h.s.Lost++
	case duplicated:
		h.s.Duplicated++
	case wrong:
		h.s.Wrong++
	}
	if len(h.problems[v]) < 8 {
		h.problems[v] = append(h.problems[v], fmt.Sprintf(format, args...))
	}
}

// wantNone fails the test if anything is wrong.
func (h *history) wantNone(t *testing.T, when string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, problems := range h.problems {
		for _, p := range problems {
			t.Errorf("%s (seed %d): %s", when, seed, p)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// sending notes that events are on their way and returns, for each, whether it
// was acknowledged before.
func (h *history) sending(names []string) (before []bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before = make([]bool, len(names))
	for i, name := range names {
		st := h.events[name]
		if st == nil {
			st = &state{}
			h.events[name] = st
			if name[0] != formTrack {
				h.names = append(h.names, name)
			}
		}
		before[i] = st.acked
		st.gone = false
		if !st.seen {
			h.open = append(h.open, name)
		}
	}
	return before
}

// took notes an answer that says an event is durable; seq is 0 if it does not say
// where. before is what sending returned.
func (h *history) took(name string, seq uint64, duplicate, before bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := h.events[name]
	if !st.acked {
		h.s.Acknowledged++
		h.note(time.Now())
	}
	st.acked = true
	if seq == 0 {
		return
	}
	if st.seq != 0 && st.seq != seq {
		h.problem(duplicated, "%s was at seq %d and is acknowledged at %d", name, st.seq, seq)
	}
	if before && !duplicate {
		h.problem(duplicated, "%s was acknowledged, and its repeat is acknowledged as new at seq %d", name, seq)
	}
	st.seq = seq
}

// note takes down that something was acknowledged. mu is held.
func (h *history) note(now time.Time) {
	h.still = max(h.still, now.Sub(h.acked))
	h.acked = now
}

// lull begins to measure how long nothing is acknowledged.
func (h *history) lull() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acked, h.still = time.Now(), 0
}

// lasted ends lull, and adds the longest time without an acknowledgement to the results.
func (h *history) lasted() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note(time.Now())
	h.s.Gaps = append(h.s.Gaps, gap(h.still.Milliseconds()))
}

// refuse notes an answer that took nothing.
func (h *history) refuse(answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[answer]++
}

// known returns a random event with an id.
func (h *history) known(rng *rand.Rand) (name string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.names) == 0 {
		return "", false
	}
	return h.names[rng.IntN(len(h.names))], true
}

// block compares a stored block. A part of the log that was compared before must
// not have changed by a bit; what follows it must be what clients sent.
func (h *history) block(first uint64, b block.Block) error {
	leaves, err := b.AppendLeaves(nil)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return b.Each(first, func(r *eventlog.Record) error {
		leaf := leaves[r.Seq-first]
		if r.Seq <= uint64(len(h.leaves)) {
			if h.leaves[r.Seq-1] != leaf {
				h.problem(wrong, "the event at seq %d is another one than before", r.Seq)
			}
			return nil
		}
		h.leaves = append(h.leaves, leaf)
		if r.Project != eventlog.ReservedProject { // dashd's own trail
			h.record(r)
		}
		return nil
	})
}

// record compares an event that is read for the first time. mu is held.
func (h *history) record(r *eventlog.Record) {
	name := nameOf(r.Metadata)
	st := h.events[name]
	switch {
	case st == nil && r.Origin.Vocabulary == eventlog.VocabularyDashd:
		h.commands++ // what they did is read where it shows
		return
	case st == nil && isMutant(r):
		return
	}
	if st == nil {
		h.problem(wrong, "nobody sent what is at seq %d: %s %s", r.Seq, r.Type, r.Metadata)
		return
	}
	e := makeEvent(name)
	if d := e.diff(r); d != "" {
		h.problem(wrong, "seq %d, event %s: %s", r.Seq, name, d)
	}
	switch {
	case st.seen:
		h.problem(duplicated, "%s is at seq %d and again at seq %d", name, st.seq, r.Seq)
	case st.seq != 0 && st.seq != r.Seq:
		h.problem(wrong, "%s was acknowledged at seq %d and is at seq %d", name, st.seq, r.Seq)
	case st.gone:
		h.problem(wrong, "%s was not there after a restart and has appeared at seq %d", name, r.Seq)
	}
	st.seen, st.seq = true, r.Seq
}

// isMutant reports whether an event came from a request with a few bytes changed.
func isMutant(r *eventlog.Record) bool {
	return strings.Contains(r.ID+r.Origin.DisplayName+string(r.Metadata), mutant)
}

// settle closes a comparison that has read the log to its end. Clients must have
// stopped.
func (h *history) settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	settled := map[string]bool{}
	for _, name := range h.open {
		if settled[name] {
			continue
		}
		settled[name] = true
		st := h.events[name]
		switch {
		case st.acked && !st.seen:
			h.problem(lost, "%s was acknowledged (at seq %d, if that is known) and is not in the log of %d events", name, st.seq, len(h.leaves))
		case !st.acked:
			h.s.Unknown++
			if st.seen {
				h.s.Survived++
				st.acked = true // it was read
			} else {
				st.gone = !h.late
			}
		}
	}
	h.open = h.open[:0]
}

// head is the last position compared.
func (h *history) head() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return uint64(len(h.leaves))
}
