package projections

import (
	"iter"

	"github.com/RoaringBitmap/roaring/v2"

	"dashd/internal/cow"
)

// everybodyKey is the key in joinedDays of all users that readers see.
var everybodyKey = dayKey(1, 0)

// noteActive notes that lastActiveAt of a user is at.
func (p *people) noteActive(ord uint32, at Time) {
	if page := int(ord / cow.PageLen); *p.activeUntil.At(page) < at {
		*p.activeUntil.Edit(page) = at
	}
}

func (p *people) reindexActivity() {
	p.activeUntil = cow.Array[Time]{}
	for _, page := range p.activity.Pages(0) {
		until := Time(0)
		for i := range page {
			until = max(until, page[i].last)
		}
		p.activeUntil.Append(until)
	}
}

// activePages yields the pages of activity where somebody's lastActiveAt may be since or later.
func (p *people) activePages(since int64) iter.Seq2[int, []activityRow] {
	return func(yield func(int, []activityRow) bool) {
		for first, page := range p.activity.Pages(0) {
			if int64(*p.activeUntil.At(first / cow.PageLen)) >= since && !yield(first, page) {
				return
			}
		}
	}
}

// OnlineUsers is the number of users with lastActiveAt >= since.
func (t *Tables) OnlineUsers(since Time) int {
	n := 0
	for first, page := range t.activePages(int64(since)) {
		for i := range page {
			if at := page[i].last; at >= since && at != 0 && t.users.At(first+i).flags&userKnown != 0 {
				n++
			}
		}
	}
	return n
}

// lastActiveBefore counts, for each cut, those of some users whose lastActiveAt is before it, but not
// before the first cut. Nobody was active at no instant, 0.
func (t *Tables) lastActiveBefore(cuts timeline, who *roaring.Bitmap) []int {
	members, b := denseOf(who), bucketsOf(cuts)
	inside := make([]int, len(cuts)+1)
	for first, page := range t.activePages(cuts[0]) {
		if first/64 >= len(members) {
			break
		}
		here := members[first/64] // a bit for each row of the page
		for i := range page {
			if at := page[i].last; here>>i&1 != 0 && at != 0 {
				inside[b.of(int64(at))]++
			}
		}
	}
	before := make([]int, len(cuts))
	for i := 1; i < len(cuts); i++ {
		before[i] = before[i-1] + inside[i]
	}
	return before
}

// lastActiveIn is a new set: the users whose lastActiveAt is in s.
func (t *Tables) lastActiveIn(s span) *roaring.Bitmap {
	var who dense
	for first, page := range t.activePages(s.start) {
		for i := range page {
			if at := page[i].last; s.start <= int64(at) && int64(at) < s.end && at != 0 {
				who.add(uint32(first + i))
			}
		}
	}
	set := who.bitmap()
	set.And(t.everybody())
	return set
}

// everybody are the users that readers see. The set must not be changed.
func (t *Tables) everybody() *roaring.Bitmap {
	if set := t.joinedDays.of(everybodyKey); set != nil {
		return set
	}
	return roaring.New()
}

var _ = [1]int{}[cow.PageLen-64] // a page has as many rows as a word bits
