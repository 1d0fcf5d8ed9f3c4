package projections

import "slices"

// buckets cut the line of time at the ends of some spans, so that one look at a time
// tells all the spans that hold it.
type buckets struct {
	cuts  []int64  // ascending
	masks []uint32 // by the number of cuts at or before a time: bit i: span i holds it
}

// maxSpans is how many spans a mask can tell apart.
const maxSpans = 32

func cut(spans []span) buckets {
	if len(spans) > maxSpans {
		panic("projections: too many spans")
	}
	var b buckets
	for _, s := range spans {
		b.cuts = append(b.cuts, s.start, s.end)
	}
	slices.Sort(b.cuts)
	b.cuts = slices.Compact(b.cuts)
	b.masks = make([]uint32, len(b.cuts)+1)
	for i, c := range b.cuts {
		for k, s := range spans {
			if s.holds(c) {
				b.masks[i+1] |= 1 << k
			}
		}
	}
	return b
}

// of returns which spans hold a time.
func (b *buckets) of(t int64) uint32 {
	n := len(b.cuts)
	for n > 0 && t < b.cuts[n-1] { // most times that are looked at are late
		n--
	}
	return b.masks[n]
}

// count adds a mask to the numbers of its spans.
func count(numbers []int, mask uint32) {
	for k := 0; mask != 0; k, mask = k+1, mask>>1 {
		numbers[k] += int(mask & 1)
	}
}

// eachUser calls fn for all users.
func (t *Tables) eachUser(fn func(ord uint32, r *userRow)) {
	for first, page := range t.users.Pages(0) {
		for i := range page {
			if page[i].flags&userKnown != 0 {
				fn(uint32(first+i), &page[i])
			}
		}
	}
}

// joinedIn counts, for each span, the users who were created in it.
func (t *Tables) joinedIn(spans []span) []int {
	b, numbers := cut(spans), make([]int, len(spans))
	t.eachUser(func(_ uint32, r *userRow) { count(numbers, b.of(int64(r.createdAt))) })
	return numbers
}

// activeIn counts, for each span, the users who were active in it.
func (t *Tables) activeIn(spans []span, by Activity) []int {
	numbers := make([]int, len(spans))
	for _, mask := range t.activeMasks(spans, by) {
		count(numbers, mask)
	}
	return numbers
}

// activeMasks says of each user, by ordinal, in which spans he was active.
func (t *Tables) activeMasks(spans []span, by Activity) []uint32 {
	b, masks := cut(spans), make([]uint32, t.users.Len())
	if by == ActivityLastActive {
		t.eachUser(func(ord uint32, _ *userRow) {
			if last := t.activity.At(int(ord)).last; last != 0 {
				masks[ord] = b.of(int64(last))
			}
		})
		return masks
	}
	for _, page := range t.sessions.Pages(0) {
		for i := range page {
			if r := &page[i]; r.seen() {
				masks[r.user] |= b.of(int64(r.updatedAt))
			}
		}
	}
	return masks
}

// returned counts, for each cohort, the users who were created in it, and those of them
// who were active in a window.
func (t *Tables) returned(cohorts []span, window span, by Activity) (sizes, back []int) {
	b, active := cut(cohorts), t.activeMasks([]span{window}, by)
	sizes, back = make([]int, len(cohorts)), make([]int, len(cohorts))
	t.eachUser(func(ord uint32, r *userRow) {
		mask := b.of(int64(r.createdAt))
		count(sizes, mask)
		if active[ord] != 0 {
			count(back, mask)
		}
	})
	return sizes, back
}
