package projections

import (
	"github.com/RoaringBitmap/roaring/v2"

	"dashd/internal/cow"
)

// uses say when sessions that readers see were last updated: what the source "sessions"
// takes for activity of their users. A window is the sets of the days that lie in it whole,
// and the sessions of the parts of days at its ends.
type uses struct {
	days sets // users by dayKey(0, day of updatedAt)
	// later are the sessions whose updatedAt is not their createdAt, by instantKey(updatedAt). The
	// others are found by createdAt.
	later cow.Pairs

	// again counts the further sessions of a user whose updatedAt is on a day, for those who have
	// several. Only the writer's.
	again map[userDay]uint32
}

type userDay struct {
	user uint32
	day  int32
}

// instantKey orders all instants as numbers without sign, zero among them.
func instantKey(ms int64) uint64 { return uint64(ms) ^ 1<<63 }

// usedLater reports whether a session is in later.
func usedLater(r *sessionRow) bool { return r.createdAt != r.updatedAt || r.createdAt == 0 }

// use notes that readers see a session of a user from now on.
func (u *uses) use(ord uint32, r *sessionRow) {
	if usedLater(r) {
		u.later.Add(instantKey(int64(r.updatedAt)), ord)
	}
	u.useDay(r)
}

func (u *uses) useDay(r *sessionRow) {
	day := dayOf(r.updatedAt)
	if u.days.add(dayKey(0, day), r.user) {
		return
	}
	if u.again == nil {
		u.again = map[userDay]uint32{}
	}
	u.again[userDay{r.user, day}]++
}

// disuse is the inverse of use.
func (u *uses) disuse(ord uint32, r *sessionRow) {
	if usedLater(r) {
		u.later.Remove(instantKey(int64(r.updatedAt)), ord)
	}
	day := dayOf(r.updatedAt)
	switch more := (userDay{r.user, day}); u.again[more] {
	case 0:
		u.days.remove(dayKey(0, day), r.user)
	case 1:
		delete(u.again, more)
	default:
		u.again[more]--
	}
}

func (u *uses) freeze() uses { return uses{days: u.days.freeze(), later: u.later.Freeze()} }

// reindexUses makes the uses from the rows of sessions.
func (p *people) reindexUses() {
	p.uses = uses{}
	var later []ordinalKey
	for first, page := range p.sessions.Pages(0) {
		for i := range page {
			r := &page[i]
			if !r.seen() {
				continue
			}
			if usedLater(r) {
				later = append(later, ordinalKey{instantKey(int64(r.updatedAt)), uint32(first + i)})
			}
			p.uses.useDay(r)
		}
	}
	loadPairs(&p.uses.later, later)
}

// usedIn are the users who have a session that was last updated in s.
func (p *people) usedIn(s span) *roaring.Bitmap {
	start, end := max(s.start, minTime), min(s.end, maxTime+1)
	if start >= end {
		return roaring.New()
	}
	first, last := dayOf(Time(start)), dayOf(Time(end))
	if first == last {
		return p.uses.days.union(0, 0, p.usedWithin(first, start, end))
	}
	var edges []*roaring.Bitmap
	if midnight := int64(first+1) * dayMs; start > midnight-dayMs {
		edges = append(edges, p.usedWithin(first, start, midnight))
		first++
	}
	if midnight := int64(last) * dayMs; end > midnight {
		edges = append(edges, p.usedWithin(last, midnight, end))
	}
	return p.uses.days.union(dayKey(0, first), dayKey(0, last), edges...)
}

// usedWithin is usedIn for a part of a day. It looks at the sessions, if there are any in the rest of
// the day. The set must not be changed.
func (p *people) usedWithin(day int32, start, end int64) *roaring.Bitmap {
	midnight := int64(day) * dayMs
	if !p.anyUse(midnight, start) && !p.anyUse(end, midnight+dayMs) {
		if all := p.uses.days.of(dayKey(0, day)); all != nil {
			return all
		}
		return roaring.New()
	}
	var who dense
	for key, ord := range p.begun.Ascend(instantKey(start)) {
		if key >= instantKey(end) {
			break
		}
		if r := p.sessions.At(int(ord)); r.updatedAt == r.createdAt {
			who.add(r.user)
		}
	}
	for key, ord := range p.uses.later.Ascend(instantKey(start)) {
		if key >= instantKey(end) {
			break
		}
		who.add(p.sessions.At(int(ord)).user)
	}
	return who.bitmap()
}

// anyUse reports whether there may be a session that was last updated from start on and before end.
func (p *people) anyUse(start, end int64) bool {
	for _, x := range []*cow.Pairs{&p.begun, &p.uses.later} {
		for key := range x.Ascend(instantKey(start)) {
			if key < instantKey(end) {
				return true
			}
			break
		}
	}
	return false
}
