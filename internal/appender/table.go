package appender

import (
	"sync"

	"dashd/eventlog"
)

// table holds the given ids of all events whose outcome is open.
type table struct {
	mu      sync.Mutex
	entries map[[16]byte]entry
}

// entry is the first event under an id, and those that came while its outcome
// was open: theirs follows from it.
type entry struct {
	first   *eventlog.Event
	repeats []repeat
}

// repeat is an event under the id of an earlier one.
type repeat struct {
	r    *request
	i    int
	what sameness
}

// sameness is what an event is to another one under its id.
type sameness uint8

const (
	other    sameness = iota // it says something else
	content                  // it says the same
	identity                 // it is the same, sent twice
)

// compare finds it out. Salts are random and made once for an event, wherever it is sent.
func compare(first, again *eventlog.Event) sameness {
	switch {
	case !eventlog.SameContent(first, again):
		return other
	case first.Salt == again.Salt:
		return identity
	}
	return content
}

// enter puts the given ids of r into the table. Events whose id is there already
// become repeats and are dropped from r, which then waits for the first one's outcome.
func (t *table) enter(r *request) {
	if r.hashes == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range r.events {
		e := &r.events[i]
		if !e.GivenID {
			continue
		}
		if first, ok := t.entries[r.hashes[i]]; ok {
			first.repeats = append(first.repeats, repeat{r, i, compare(first.first, e)})
			t.entries[r.hashes[i]] = first
			r.dropEvent(i)
			r.expect()
			continue
		}
		t.entries[r.hashes[i]] = entry{first: e}
	}
}

// leave takes the entries of r's own events out and returns their repeats, by
// event; nil if there are none. Called once the log answers for the ids, or nobody can.
func (t *table) leave(r *request) (repeats map[int][]repeat) {
	if r.hashes == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range r.events {
		if !r.events[i].GivenID {
			continue
		}
		e := t.entries[r.hashes[i]]
		if e.first != &r.events[i] {
			continue // r's event is itself a repeat
		}
		delete(t.entries, r.hashes[i])
		if len(e.repeats) > 0 {
			if repeats == nil {
				repeats = make(map[int][]repeat)
			}
			repeats[i] = e.repeats
		}
	}
	return repeats
}
