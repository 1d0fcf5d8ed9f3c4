package projections_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/projections"
)

// life is a made-up history of an application, written down as plainly as can be.
type life struct {
	joined  map[string]time.Time // users there are
	members map[string]bool      // of the organization o
	deeds   []modelDeed
	order   []string // ids as they were first heard of

	dash *projections.Dash
	seq  uint64
}

func (l *life) apply(e eventlog.Event, set map[string]any) {
	l.seq++
	e.Project, e.ID = "p", fmt.Sprint(l.seq)
	meta := map[string]any{"userId": e.UserID, "set": set}
	if e.Type == eventlog.UserJoined {
		meta["userName"] = e.UserID // other events that tell it would make him known
	}
	e.Metadata, _ = json.Marshal(meta)
	if e.Origin.Vocabulary != eventlog.VocabularyDashd {
		l.deeds = append(l.deeds, modelDeed{e.UserID, e.Type, e.Time})
	}
	if !slices.Contains(l.order, e.UserID) {
		l.order = append(l.order, e.UserID)
	}
	l.dash.Apply(&eventlog.Record{Seq: l.seq, ReceivedAt: noon, Event: e})
}

var cohortTypes = []eventlog.Type{
	eventlog.UserLoggedIn, eventlog.SessionCreated, eventlog.OAuthSignIn, eventlog.UserUpdated, "custom.bought", "shop.visited",
}

// newLife makes a history up, with much at and beside the edges of units.
func newLife(r *rand.Rand, now time.Time) *life {
	l := &life{joined: map[string]time.Time{}, members: map[string]bool{}, dash: projections.NewDash()}
	at := func() time.Time {
		t := now
		switch r.IntN(5) {
		case 0:
			t = t.AddDate(0, 0, -r.IntN(30))
		case 1:
			t = time.Date(now.Year(), now.Month(), now.Day()-r.IntN(50), 0, 0, 0, 0, time.UTC)
		case 2:
			t = time.Date(now.Year(), now.Month()-time.Month(r.IntN(14)), 1, 0, 0, 0, 0, time.UTC)
		case 3:
			t = time.Date(now.Year(), now.Month(), now.Day()+(8-int(now.Weekday()))%7-7*r.IntN(20), 0, 0, 0, 0, time.UTC)
		default:
			t = t.Add(-time.Duration(r.Int64N(int64(400 * 24 * time.Hour))))
		}
		return t.Truncate(time.Millisecond).Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
	}
	ours := eventlog.Personal{Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDashd}}
	join := func(id string) {
		created := at()
		l.joined[id] = created
		personal := eventlog.Personal{}
		if r.IntN(2) == 0 {
			personal = ours
		}
		l.apply(eventlog.Event{Type: eventlog.UserJoined, UserID: id, Time: created.UnixMilli() + int64(r.IntN(2)), Personal: personal},
			map[string]any{"createdAt": created.Format("2006-01-02T15:04:05.000Z")})
	}
	users := 1 + r.IntN(20)
	for range users * 8 {
		id := fmt.Sprintf("u%d", r.IntN(users))
		_, known := l.joined[id]
		switch n := r.IntN(20); {
		case n < 3 && !known:
			join(id)
		case n == 4 && known:
			delete(l.joined, id)
			delete(l.members, id)
			l.apply(eventlog.Event{Type: eventlog.UserDeleted, UserID: id, Time: at().UnixMilli(), Personal: ours}, nil)
		case n < 8 && known:
			l.members[id] = true
			l.apply(eventlog.Event{Type: eventlog.MemberAdded, UserID: id, OrganizationID: "o", Time: at().UnixMilli(), Personal: ours}, nil)
		default: // whoever does something before he joins is nobody so far
			l.apply(eventlog.Event{Type: cohortTypes[r.IntN(len(cohortTypes))], UserID: id, Time: at().UnixMilli()}, nil)
		}
	}
	l.dash.Publish(l.seq)
	return l
}

// unitName tells units apart.
func unitName(unit projections.CohortUnit, t time.Time) string {
	switch unit {
	case projections.CohortDay:
		return t.UTC().Format("2006-01-02")
	case projections.CohortWeek:
		y, w := t.UTC().ISOWeek()
		return fmt.Sprintf("%d week %d", y, w)
	}
	return t.UTC().Format("2006-01")
}

// slowUnit walks from day to day to the ends of the unit that holds t.
func slowUnit(unit projections.CohortUnit, t time.Time) (start, end time.Time) {
	start = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	for unitName(unit, start.Add(-time.Millisecond)) == unitName(unit, t) {
		start = start.Add(-24 * time.Hour)
	}
	for end = start; unitName(unit, end) == unitName(unit, t); {
		end = end.Add(24 * time.Hour)
	}
	return start, end
}

// slowCell are those of a cohort who did something from from up to to, as they were first heard of.
func (l *life) slowCell(unit projections.CohortUnit, cohort, from, to time.Time, who projections.CohortUsers) (size int, ids []string) {
	for _, id := range l.order {
		created, there := l.joined[id]
		if !there || unitName(unit, created) != unitName(unit, cohort) || who.OrganizationID != "" && (who.OrganizationID != "o" || !l.members[id]) {
			continue
		}
		size++
		if slices.ContainsFunc(l.deeds, func(d modelDeed) bool {
			at := time.UnixMilli(d.at)
			return d.user == id && !at.Before(from) && at.Before(to) && (len(who.Types) == 0 || slices.Contains(who.Types, d.kind))
		}) {
			ids = append(ids, id)
		}
	}
	return size, ids
}

// slowCohorts is the triangle by the definitions, field by field.
func (l *life) slowCohorts(unit projections.CohortUnit, n int, until time.Time, who projections.CohortUsers) (rows []projections.Cohort) {
	ms := func(t time.Time) projections.Time { return projections.Time(t.UnixMilli()) }
	starts := []time.Time{}
	for at := until; len(starts) < n; {
		start, _ := slowUnit(unit, at)
		starts = append(starts, start)
		at = start.Add(-time.Millisecond)
	}
	slices.Reverse(starts)
	for i, start := range starts {
		_, end := slowUnit(unit, start)
		c := projections.Cohort{Start: ms(start), End: ms(end)}
		for _, from := range starts[i:] {
			_, to := slowUnit(unit, from)
			size, active := l.slowCell(unit, start, from, to, who)
			a := projections.CohortAge{Start: ms(from), End: ms(to), Active: len(active)}
			if size > 0 { // halves up, in tenths of a percent
				a.Rate = float64((2000*len(active)+size)/(2*size)) / 10
			}
			c.Size, c.Ages = size, append(c.Ages, a)
		}
		rows = append(rows, c)
	}
	return rows
}

// cohortPresents are instants at which calendars are odd.
var cohortPresents = []time.Time{
	time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 15, 23, 59, 59, 999e6, time.UTC), // a Sunday
	time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC),        // a Monday
	time.Date(2024, 2, 29, 10, 0, 0, 0, time.UTC),       // a leap day
	time.Date(2025, 2, 28, 23, 59, 59, 999e6, time.UTC),
	time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2027, 1, 3, 5, 0, 0, 0, time.UTC),    // in week 53 of 2026
	time.Date(2024, 12, 30, 0, 0, 0, 0, time.UTC),  // in week 1 of 2025
	time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC),  // clocks go forward in Europe
	time.Date(2026, 10, 25, 0, 59, 0, 0, time.UTC), // and back
	time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC),
	time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC),
}

func TestCohortsAreThoseOfTheDefinitions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(250) {
		r := rand.New(rand.NewPCG(seed, 17))
		now := cohortPresents[r.IntN(len(cohortPresents))]
		l := newLife(r, now)
		tables := l.dash.Image().Tables("p")
		for _, unit := range []projections.CohortUnit{projections.CohortDay, projections.CohortWeek, projections.CohortMonth} {
			n := 1 + r.IntN(14)
			until := now.Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
			var who projections.CohortUsers
			if r.IntN(2) == 0 {
				who.OrganizationID = []string{"o", "o", "other"}[r.IntN(3)]
			}
			for range r.IntN(3) {
				who.Types = append(who.Types, append(cohortTypes, "never.seen")[r.IntN(len(cohortTypes)+1)])
			}
			cohorts := tables.Cohorts(unit, n, projections.Time(until.UnixMilli()), who)
			if len(cohorts) != n {
				t.Fatalf("%d cohorts, want %d", len(cohorts), n)
			}
			for i, want := range l.slowCohorts(unit, n, until, who) {
				if got := cohorts[i]; !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: of %d %ss until %v of %+v, number %d is\n%+v, want\n%+v", seed, n, unit, until, who, i, got, want)
				}
			}
			l.checkPages(t, r, tables, unit, cohorts[r.IntN(n)], who)
		}
	}
}

// checkPages compares who is in the fields of a cohort.
func (l *life) checkPages(t *testing.T, r *rand.Rand, tables *projections.Tables, unit projections.CohortUnit, c projections.Cohort, who projections.CohortUsers) {
	t.Helper()
	for age, a := range c.Ages {
		_, want := l.slowCell(unit, time.UnixMilli(int64(c.Start)), time.UnixMilli(int64(a.Start)), time.UnixMilli(int64(a.End)), who)
		offset, limit := r.IntN(4), 1+r.IntN(4)
		page := tables.CohortPage(unit, c.Start, age, who, offset, limit)
		var got []string
		for _, u := range page.Rows {
			got = append(got, u.ID)
		}
		part := want[min(offset, len(want)):min(offset+limit, len(want))]
		if page.Total != len(want) || page.Total != a.Active || !slices.Equal(got, part) {
			t.Fatalf("%s %v age %d from %d: %v of %d, want %v of %d", unit, c.Start, age, offset, got, page.Total, part, len(want))
		}
	}
}

func TestCohortsThatCanBeWritten(t *testing.T) {
	at := func(text string) projections.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return projections.Time(v.UnixMilli())
	}
	for _, tt := range []struct {
		name string
		unit projections.CohortUnit
		at   string
		n    int
		want bool
	}{
		{"an ordinary day", projections.CohortDay, "2026-03-18T12:00:00Z", 120, true},
		{"the first month", projections.CohortMonth, "0001-01-31T12:00:00Z", 1, true},
		{"the month before the first", projections.CohortMonth, "0001-01-31T12:00:00Z", 2, false},
		{"a week that begins in the year 0", projections.CohortWeek, "0001-01-07T12:00:00Z", 2, false},
		{"the last day but one", projections.CohortDay, "9999-12-30T23:59:59Z", 1, true},
		{"a day that ends in the year 10000", projections.CohortDay, "9999-12-31T00:00:00Z", 1, false},
		{"the year 0", projections.CohortDay, "0000-01-01T00:00:00Z", 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.unit.InRange(at(tt.at), tt.n); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
