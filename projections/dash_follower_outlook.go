package projections

import (
	"dashd/eventlog"
	"dashd/internal/cow"
)

// An outlook is a look at what the next events are about, before they are folded. Rows of
// users lie anywhere in memory, each some steps away from its id; asked for one after the
// other, most of a fold is waiting for them. Asked for all together, step by step, the
// processor fetches many at a time, and when an event is folded its rows are at hand.
//
// It changes nothing but how fast rows are found: what it guesses is looked at again.
type outlook struct {
	tables          []*Tables // by event: of its project; nil: there are none so far
	users, sessions []uint32  // by event: whose id may be that of the event; none if there is none

	fetched int // depends on what was looked at, so that looking is not left out
}

// idHashes are the hashes of the ids by which the rows of an event are found.
type idHashes struct{ user, session uint32 }

func hashesOf(rec *eventlog.Record) idHashes {
	return idHashes{user: cow.Hash(rec.UserID), session: cow.Hash(rec.SessionID)}
}

// look looks at what a run of events is about.
func (o *outlook) look(d *Dash, run *decoded) {
	n := len(run.facts.Records)
	o.tables, o.users, o.sessions = resized(o.tables, n), resized(o.users, n), resized(o.sessions, n)
	o.find(d, run)
	o.fetchRows()
	o.fetchNext()
}

// find guesses the rows of users and sessions.
func (o *outlook) find(d *Dash, run *decoded) {
	var id string
	var t *Tables
	for i, hash := range run.hashes {
		if project := run.facts.Records[i].Project; t == nil || project != id {
			id, t = project, nil
			if p := d.projects[project]; p != nil {
				t = &p.tables
			}
		}
		o.tables[i], o.users[i], o.sessions[i] = t, none, none
		if t == nil {
			continue
		}
		if ord, ok := t.userIDs.Guess(hash.user); ok {
			o.users[i] = ord
		}
		if ord, ok := t.sessionIDs.Guess(hash.session); ok {
			o.sessions[i] = ord
		}
	}
}

// fetchRows looks at the rows that were guessed.
func (o *outlook) fetchRows() {
	for i, t := range o.tables {
		if ord := o.users[i]; ord != none {
			o.fetched += len(t.users.At(int(ord)).text) + int(t.activity.At(int(ord)).session)
			if int(ord) < len(t.world.of) {
				o.fetched += int(t.world.of[ord])
			}
		}
		if ord := o.sessions[i]; ord != none {
			if r := t.sessions.At(int(ord)); r != nil {
				o.fetched += len(r.text)
			}
		}
	}
}

// fetchNext looks at what those rows lead to: their texts, the newest session of the user, and
// a country where he has been.
func (o *outlook) fetchNext() {
	for i, t := range o.tables {
		if ord := o.users[i]; ord != none {
			o.fetched += int(t.users.At(int(ord)).text[0])
			if link := t.activity.At(int(ord)).session; link != 0 {
				if r := t.sessions.At(int(link - 1)); r != nil {
					o.fetched += len(r.text)
				}
			}
			if int(ord) < len(t.world.of) {
				if link := t.world.of[ord]; link != 0 {
					o.fetched += int(t.world.pairs[link-1].n)
				}
			}
		}
		if ord := o.sessions[i]; ord != none {
			if r := t.sessions.At(int(ord)); r != nil && r.text != "" {
				o.fetched += int(r.text[0])
			}
		}
	}
}

// remind makes the rows that were guessed for an event those that are looked at first.
func (o *outlook) remind(i int) {
	t := o.tables[i]
	if ord := o.users[i]; ord != none {
		t.lastUser = ord
	}
	if ord := o.sessions[i]; ord != none {
		t.lastSession = ord
	}
}

// resized is a slice of n values that may be any.
func resized[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n)
	}
	return s[:n]
}
