package projections

import (
	"github.com/RoaringBitmap/roaring/v2"

	"dashd/internal/cow"
)

// presence says when users were active, by what they did: the source "events" of the
// figures over time. It speaks of users by their ordinals, which mean the same ids for
// ever: so it does not change when a session is revoked or a user deleted.
//
// For each UTC day it has the set of those who did anything, and one for each type of
// event. Of the last presenceDays days it also has every instant, so that windows that begin
// or end within one of them are answered to the millisecond; of older ones, a part is
// answered with the whole day. There are so many days only while all their instants fill no
// more than presencePages pages: else the oldest are given up before their time.
//
// An instant takes 8 bytes. A user takes 2 bytes in the set of a day, until they are so many
// that a bit for everybody is less.
type presence struct {
	kinds symbols // types of events
	days  sets    // users by dayKey(kind, day); kind: anyKind, or the symbol of a type

	// The instants of a day fill whole pages of the array, so that they are read without
	// those of other days. Page p has the instants from index p*cow.PageLen on.
	sightings cow.Array[sighting]
	pages     cow.Array[presencePage]
	pagesOf   cow.Pairs        // those in use, by dayKey(0, day)
	bounds    cow.Array[int32] // two values: the day on which the newest event was received; the first day with instants

	// Only the writer:
	open  map[int32]uint32 // by day: its page that has room
	free  cow.Pairs        // the keys are the pages that are not in use
	limit int              // for tests: instead of presencePages
}

// sighting is the instant of one or more events of a user.
type sighting struct {
	user uint32
	at   uint32 // ms of the day
}

// presencePage says what a page of instants holds.
type presencePage struct {
	day int32
	n   uint8 // instants; 0: the page is not in use
}

// anyKind is the kind of the sets of those who did anything.
const anyKind = 0

// presenceDays is for how many days before the present one there are instants: for the
// figures of a year, and the same of the month before it.
const presenceDays = 400

// presencePages bounds the memory for instants: 67 million of them, 512 MiB. It is part of what
// the folds mean: another bound is another version.
const presencePages = 1 << 20

// The values of bounds.
const (
	newestDay = iota
	firstDay
)

// note adds an event of a user. kind is the symbol of its type, and received the day on which dashd had it.
func (p *presence) note(user uint32, kind symbol, at Time, received int32) {
	day := dayOf(at)
	p.days.add(dayKey(anyKind, day), user)
	if kind != noSymbol {
		p.days.add(dayKey(uint32(kind), day), user)
	}
	p.pass(received)
	if day < p.oldest() {
		return
	}
	x := sighting{user, uint32(at - Time(day)*dayMs)}
	page, open := p.open[day]
	if !open {
		var ok bool
		if page, ok = p.newPage(day); !ok {
			return
		}
	}
	next := int(page)*cow.PageLen + int(p.pages.At(int(page)).n)
	if open && *p.sightings.At(next - 1) == x {
		return // one request can send several events
	}
	*p.sightings.Edit(next) = x
	r := p.pages.Edit(int(page))
	if r.n++; r.n == cow.PageLen {
		delete(p.open, day)
	}
}

// newPage opens a page for a day, which must not be before the first. If there would be too many, it gives up
// the oldest day; if that is this one, there is no page.
func (p *presence) newPage(day int32) (page uint32, ok bool) {
	for p.pagesOf.Len() >= p.maxPages() {
		key, _, _ := p.pagesOf.First()
		p.forgetBefore(dayOfKey(key) + 1)
	}
	if day < p.oldest() {
		return 0, false
	}
	if key, _, ok := p.free.First(); ok {
		page = uint32(key)
		p.free.Remove(key, 0)
		*p.pages.Edit(int(page)) = presencePage{day: day}
	} else {
		page = uint32(p.pages.Append(presencePage{day: day}))
		for range cow.PageLen {
			p.sightings.Append(sighting{})
		}
	}
	p.pagesOf.Add(dayKey(0, day), page)
	if p.open == nil {
		p.open = map[int32]uint32{}
	}
	p.open[day] = page
	return page, true
}

// pass notes that an event was received on a day, and gives up the instants that are too
// old by then.
func (p *presence) pass(day int32) {
	if p.bounds.Len() == 0 {
		p.bounds.Append(day)
		p.bounds.Append(day - presenceDays)
		return
	}
	if day > *p.bounds.At(newestDay) {
		*p.bounds.Edit(newestDay) = day
		p.forgetBefore(day - presenceDays)
	}
}

// forgetBefore gives up the instants of the days before one.
func (p *presence) forgetBefore(day int32) {
	if day <= p.oldest() {
		return
	}
	*p.bounds.Edit(firstDay) = day
	for {
		key, page, ok := p.pagesOf.First()
		if !ok || dayOfKey(key) >= day {
			return
		}
		p.pagesOf.Remove(key, page)
		r := p.pages.Edit(int(page))
		delete(p.open, r.day)
		*r = presencePage{}
		p.free.Add(uint64(page), 0)
	}
}

func (p *presence) maxPages() int {
	if p.limit > 0 {
		return p.limit
	}
	return presencePages
}

// oldest is the first day of which there are instants.
func (p *presence) oldest() int32 {
	if p.bounds.Len() == 0 {
		return 0
	}
	return *p.bounds.At(firstDay)
}

// during are those who did something in s. The set must not be changed.
func (p *presence) during(s span) *roaring.Bitmap {
	start, end := max(s.start, minTime), min(s.end, maxTime+1)
	if start >= end {
		return roaring.New()
	}
	first, last := dayOf(Time(start)), dayOf(Time(end))
	from, to := start-int64(first)*dayMs, end-int64(last)*dayMs
	if first == last {
		return p.within(first, from, to)
	}
	var edges []*roaring.Bitmap
	if from > 0 {
		edges = append(edges, p.within(first, from, dayMs))
		first++
	}
	if to > 0 {
		edges = append(edges, p.within(last, 0, to))
	}
	return p.days.union(dayKey(anyKind, first), dayKey(anyKind, last), edges...)
}

// within are those who did something on a day from from up to to, in ms of the day.
func (p *presence) within(day int32, from, to int64) *roaring.Bitmap {
	if day < p.oldest() {
		return p.days.union(dayKey(anyKind, day), dayKey(anyKind, day+1))
	}
	var who dense
	for page := range p.pagesOf.Of(dayKey(0, day)) {
		n := int(p.pages.At(int(page)).n)
		for i := range n {
			x := p.sightings.At(int(page)*cow.PageLen + i)
			if from <= int64(x.at) && int64(x.at) < to {
				who.add(x.user)
			}
		}
	}
	return who.bitmap()
}

// dense is a set with a bit for each number, for sets that are made number by number.
type dense []uint64

func (b *dense) add(n uint32) {
	if k := int(n / 64); k >= len(*b) {
		*b = append(*b, make([]uint64, k+1-len(*b))...)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b dense) has(n uint32) bool { return int(n/64) < len(b) && b[n/64]>>(n%64)&1 != 0 }

// denseOf is a copy of a set; nil is empty.
func denseOf(set *roaring.Bitmap) dense {
	if set == nil {
		return nil
	}
	return set.ToDense()
}

func (b *dense) bitmap() *roaring.Bitmap { return roaring.FromDense(*b, true) }

// activeByEvents are the ordinals of the users who did something in s, as
// presence has it. There may be users among them of whom only the id is known, and some who were deleted.
func (t *Tables) activeByEvents(s span) *roaring.Bitmap { return t.presence.during(s) }

func (p *presence) freeze() presence {
	return presence{
		kinds:     p.kinds.freeze(),
		days:      p.days.freeze(),
		sightings: p.sightings.Freeze(),
		pages:     p.pages.Freeze(),
		pagesOf:   p.pagesOf.Freeze(),
		bounds:    p.bounds.Freeze(),
	}
}

// kept are the tables that checkpoints hold.
func (p *presence) kept() []keptTable {
	return []keptTable{
		p.kinds.kept("event types"),
		p.days.kept("active days"),
		keep("instants", &p.sightings, codeSighting),
		keep("pages of instants", &p.pages, codePresencePage),
		keep("bounds of instants", &p.bounds, codeDay),
	}
}

func codeSighting(c *coder, x *sighting) {
	c.uint32(&x.user)
	c.uint32(&x.at)
}

func codePresencePage(c *coder, r *presencePage) {
	codeDay(c, &r.day)
	codeSmall(c, &r.n)
	if r.n > cow.PageLen {
		c.fail()
	}
}

// codeDay passes the number of a day.
func codeDay(c *coder, day *int32) {
	wide := int64(*day)
	c.int(&wide)
	if c.reading {
		*day = int32(wide)
		if int64(*day) != wide {
			c.fail()
		}
	}
}

// reindex makes everything but the rows from the rows.
func (p *presence) reindex() {
	p.kinds.reindex()
	p.days.reindex()
	p.pagesOf, p.free, p.open = cow.Pairs{}, cow.Pairs{}, map[int32]uint32{}
	var used []ordinalKey
	for first, page := range p.pages.Pages(0) {
		for i, r := range page {
			at := uint32(first + i)
			if r.n == 0 {
				p.free.Add(uint64(at), 0)
				continue
			}
			used = append(used, ordinalKey{dayKey(0, r.day), at})
			if r.n < cow.PageLen {
				p.open[r.day] = at
			}
		}
	}
	loadPairs(&p.pagesOf, used)
}
