package projections

import "dashd/internal/cow"

// everybody is the key in joinedDays of all users that readers see.
var everybody = dayKey(1, 0)

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

// eachActive calls fn with all users, known or not, whose lastActiveAt is since or later. It
// passes over those of pages where nobody's is. Nobody was active at no instant, 0.
func (p *people) eachActive(since int64, fn func(ord uint32, at Time)) {
	for first, page := range p.activity.Pages(0) {
		if int64(*p.activeUntil.At(first / cow.PageLen)) < since {
			continue
		}
		for i := range page {
			if at := page[i].last; int64(at) >= since && at != 0 {
				fn(uint32(first+i), at)
			}
		}
	}
}

// OnlineUsers is the number of users with lastActiveAt >= since.
func (t *Tables) OnlineUsers(since Time) int {
	n := 0
	t.eachActive(int64(since), func(ord uint32, _ Time) {
		if t.users.At(int(ord)).flags&userKnown != 0 {
			n++
		}
	})
	return n
}
