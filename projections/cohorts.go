package projections

import (
	"math"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"dashd/eventlog"
)

// CohortUnit is how long the time is in which the users of a cohort joined, and in which
// it is looked whether they were active. Units are those of the calendar, in UTC.
type CohortUnit string

// The units. A week begins on Monday.
const (
	CohortDay   CohortUnit = "day"
	CohortWeek  CohortUnit = "week"
	CohortMonth CohortUnit = "month"
)

// begin is the first day of the unit that is n units after the one a time is in.
func (u CohortUnit) begin(t time.Time, n int) int32 {
	year, month, d := t.Date()
	switch u {
	case CohortDay:
		d += n
	case CohortWeek:
		d += 7*n - (int(t.Weekday())+6)%7
	case CohortMonth:
		month, d = month+time.Month(n), 1
	}
	return int32(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / (dayMs / 1000))
}

// days are those of a unit, without end.
type days struct{ first, end int32 }

func (u CohortUnit) days(t time.Time, n int) days { return days{u.begin(t, n), u.begin(t, n+1)} }

func (d days) start() Time { return Time(d.first) * dayMs }

func (d days) over() Time { return Time(d.end) * dayMs }

// keys are those of the sets of a kind on these days.
func (d days) keys(kind uint32) (first, end uint64) {
	return dayKey(kind, d.first), dayKey(kind, d.end)
}

// CohortUsers says whose activity is asked for, and what counts as such.
type CohortUsers struct {
	OrganizationID string          // whose members; "": all users
	Types          []eventlog.Type // any of these; none: all that are activity
}

// Cohort are the users who joined in one unit, and how many of them were active in
// that unit and in those after it.
type Cohort struct {
	Start, End Time // without End
	Size       int
	Ages       []CohortAge
}

// CohortAge is a unit in the life of a cohort. Age 0 is the one in which its users joined.
type CohortAge struct {
	Start, End Time
	Active     int
	Rate       float64 // percent of the cohort, with one decimal
}

// Cohorts counts, for the unit that holds a time and those before it, n in all and oldest first, the
// users who joined in it, and how many of them were active in each unit from then on until
// the last one.
//
// The users are those there are: who was deleted is in no cohort. Who came to an
// organization later counts for the unit in which he became a user. Units are looked at
// whole, so that the last one tells of all that has been heard, whatever the time.
func (t *Tables) Cohorts(unit CohortUnit, n int, until Time, who CohortUsers) []Cohort {
	all := make([]days, n)
	active := make([]*roaring.Bitmap, n)
	for i := range all {
		all[i] = unit.days(timeOf(int64(until)), i-n+1)
		active[i] = t.didIn(all[i], who.Types)
	}
	members := t.cohortMembers(who)
	cohorts := make([]Cohort, n)
	for i, joined := range all {
		users := t.joinedOn(joined, members)
		c := Cohort{Start: joined.start(), End: joined.over(), Size: int(users.GetCardinality()), Ages: make([]CohortAge, n-i)}
		for age := range c.Ages {
			now := all[i+age]
			a := CohortAge{Start: now.start(), End: now.over(), Active: int(users.AndCardinality(active[i+age]))}
			if c.Size > 0 {
				a.Rate = math.Floor(float64(a.Active)/float64(c.Size)*100*10+0.5) / 10
			}
			c.Ages[age] = a
		}
		cohorts[i] = c
	}
	return cohorts
}

// CohortPage are users of one field of Cohorts: those who joined in the unit that holds a time, and were
// active age units later. They are in the order in which they were first heard of. Total
// counts those before offset and after limit, too.
func (t *Tables) CohortPage(unit CohortUnit, joined Time, age int, who CohortUsers, offset, limit int) Page[User] {
	at := timeOf(int64(joined))
	users := roaring.And(t.joinedOn(unit.days(at, 0), t.cohortMembers(who)), t.didIn(unit.days(at, age), who.Types))
	page := Page[User]{Total: int(users.GetCardinality())}
	if offset >= page.Total {
		return page
	}
	// There is one at offset, so that Select does not fail.
	ord, _ := users.Select(uint32(offset))
	it := users.Iterator()
	for it.AdvanceIfNeeded(ord); it.HasNext() && len(page.Rows) < limit; {
		page.Rows = append(page.Rows, t.user(it.Next()))
	}
	return page
}

// cohortMembers are those of whom users are to be; nil: all.
func (t *Tables) cohortMembers(who CohortUsers) *roaring.Bitmap {
	if who.OrganizationID == "" {
		return nil
	}
	return t.membersOf(who.OrganizationID)
}

// joinedOn are the users who joined on some days, of members if there are any. The set must not be changed.
func (t *Tables) joinedOn(d days, members *roaring.Bitmap) *roaring.Bitmap {
	users := t.joinedDays.union(d.keys(0))
	if members != nil {
		return roaring.And(users, members)
	}
	return users
}

// didIn are those who did something on some days, of given types if there are any.
func (p *presence) didIn(d days, types []eventlog.Type) *roaring.Bitmap {
	if len(types) == 0 {
		return p.days.union(d.keys(anyKind))
	}
	who := roaring.New()
	for _, t := range types {
		if kind, ok := p.kinds.find(string(t)); ok {
			who.Or(p.days.union(d.keys(uint32(kind))))
		}
	}
	return who
}

// Uncounted are those of some types whose activity is not known: because there are more types in the
// log than sets are kept for.
func (t *Tables) Uncounted(types []eventlog.Type) []eventlog.Type {
	if t.presence.kinds.texts.Len() < maxSymbols {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(types), func(k eventlog.Type) bool {
		_, ok := t.presence.kinds.find(string(k))
		return ok
	})
}

// InRange reports whether the n units up to the one that holds a time are of the years 1 to 9999, which
// can be written.
func (u CohortUnit) InRange(at Time, n int) bool {
	if at < minTime || at > maxTime {
		return false
	}
	return u.days(timeOf(int64(at)), 1-n).start() >= minTime && u.days(timeOf(int64(at)), 0).over() <= maxTime
}
