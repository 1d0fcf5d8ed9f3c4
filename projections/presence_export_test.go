package projections

import (
	"fmt"
	"iter"
	"slices"

	"dashd/eventlog"
)

// DashVersion is that of the folds.
var DashVersion = NewDash().Version()

// ActiveByEvents are the ids of those who were active from from up to to, in order.
func ActiveByEvents(t *Tables, from, to int64) []string {
	return slices.Sorted(t.idsIn(t.activeByEvents(span{from, to}).Iterator()))
}

// CountActive is how many were.
func CountActive(t *Tables, from, to int64) int {
	return int(t.activeByEvents(span{from, to}).GetCardinality())
}

// idsIn are the ids of users.
func (t *Tables) idsIn(ordinals interface {
	HasNext() bool
	Next() uint32
},
) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ordinals.HasNext() && yield(t.users.At(int(ordinals.Next())).userID()) {
		}
	}
}

// Crowd is the tables of many users who joined one after the other in some weeks, and were active
// now and then since.
func Crowd(users, weeks int, active func(user, day int) bool) *Tables {
	var d Dash
	d.projects = map[string]*project{}
	t := d.building("p")
	today := dayOf(Time(weeks * 7 * dayMs))
	for u := range users {
		day := u * weeks * 7 / users
		at := Time(day*dayMs + u%dayMs)
		ord := t.appendUser(fmt.Sprintf("user-%07d", u))
		t.putUser(ord, User{ID: fmt.Sprintf("user-%07d", u), CreatedAt: at, UpdatedAt: at})
	}
	kind := t.presence.kinds.symbol("user.logged_in")
	for day := range weeks * 7 {
		for u := range users * day / (weeks * 7) {
			if active(u, day) {
				t.note(uint32(u), kind, Time(day*dayMs+(u*7919)%dayMs), today)
			}
		}
	}
	return t.freeze()
}

// UserRows is the number of rows of users, also of those of whom only the id is known.
func UserRows(t *Tables) int { return t.users.Len() }

// PresencePages is how many pages there are of instants.
func PresencePages(t *Tables) int { return t.presence.pages.Len() }

// HasRule reports whether events of a type are folded by a rule.
var HasRule = wants

// PresenceOfTypes is the tables of a user who did n things of as many types.
func PresenceOfTypes(n int) *Tables {
	dash := NewDash()
	for i := range n {
		dash.Apply(&eventlog.Record{ReceivedAt: 1_750_000_000_000, Event: eventlog.Event{
			Project: "p", Type: eventlog.Type(fmt.Sprint("made.up", i)), UserID: "ada", Time: 1_750_000_000_000 + int64(i),
		}})
	}
	dash.Publish(1)
	return dash.Image().Tables("p")
}

// LimitPresence bounds the pages of instants of a project.
func LimitPresence(d *Dash, project string, pages int) { d.building(project).presence.limit = pages }
