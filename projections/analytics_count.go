package projections

import (
	"math"
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"
)

// census counts the users that a query asks about.
type census struct {
	*Tables
	by   Activity
	only *roaring.Bitmap // those who count; nil: all
}

func (t *Tables) census(q *FigureQuery) *census {
	c := &census{Tables: t, by: q.Source}
	if q.OrganizationID != "" {
		c.only = t.membersOf(q.OrganizationID)
	}
	return c
}

// timeline cuts time at the ends of some spans.
type timeline []int64

func cutAt(spans []span) (cuts timeline) {
	for _, s := range spans {
		cuts = append(cuts, s.start, s.end)
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// position is the number of cuts before an instant that is one of them.
func (cuts timeline) position(at int64) int {
	i, _ := slices.BinarySearch(cuts, at)
	return i
}

// counts are the numbers of each span, made of those of what is before each cut.
func (cuts timeline) counts(spans []span, before []int) []int {
	n := make([]int, len(spans))
	for i, s := range spans {
		n[i] = before[cuts.position(s.end)] - before[cuts.position(s.start)]
	}
	return n
}

// joined counts, for each span, the users who were created in it.
func (c *census) joined(spans []span) []int {
	cuts := cutAt(spans)
	if c.only == nil {
		return cuts.counts(spans, c.joinedBefore(cuts))
	}
	return cuts.counts(spans, c.membersBefore(cuts))
}

// joinedBefore counts, for each cut, the users who were created before it.
func (t *Tables) joinedBefore(cuts timeline) []int {
	zero := t.joined.Rank(1) // those without an instant stand first, and count at 0
	before := make([]int, len(cuts))
	for i, at := range cuts {
		switch {
		case at == open:
			before[i] = t.known
		case at != math.MinInt64:
			before[i] = t.joined.Rank(instantKey(at))
			if at <= 0 {
				before[i] -= zero
			}
		}
	}
	return before
}

// membersBefore is joinedBefore of those who count: by whole days, and of days that are cut by their users.
func (c *census) membersBefore(cuts timeline) []int {
	before := make([]int, len(cuts))
	n, i := 0, 0
	for key, row := range c.joinedDays.keys.Ascend(0) {
		if key >= everybodyKey {
			break
		}
		start := int64(dayOfKey(key)) * dayMs
		for i < len(cuts) && cuts[i] <= start {
			before[i] = n
			i++
		}
		if i == len(cuts) {
			break
		}
		members := c.joinedDays.rows.At(int(row)).members
		if cuts[i] >= start+dayMs {
			n += int(members.AndCardinality(c.only))
			continue
		}
		b := bucketsOf(cuts[i:])
		inside := make([]int, len(cuts[i:])+1)
		for it := roaring.And(members, c.only).Iterator(); it.HasNext(); {
			inside[b.of(int64(c.users.At(int(it.Next())).createdAt))]++
		}
		for _, more := range inside {
			n += more
			if i < len(cuts) && cuts[i] < start+dayMs {
				before[i] = n
				i++
			}
		}
	}
	for ; i < len(cuts); i++ {
		before[i] = n
	}
	return before
}

// active counts, for each span, the users who were active in it.
func (c *census) active(spans []span) []int {
	if len(spans) > 0 && c.by == ActivityLastActive {
		cuts := cutAt(spans)
		who := c.only
		if who == nil {
			who = c.everybody()
		}
		return cuts.counts(spans, c.lastActiveBefore(cuts, who))
	}
	counts := make([]int, len(spans))
	for i, s := range spans {
		counts[i] = int(c.activeUsers(s).GetCardinality())
	}
	return counts
}

// activeUsers are those who count and were active in s. The set must not be changed.
func (c *census) activeUsers(s span) *roaring.Bitmap {
	var set *roaring.Bitmap
	switch c.by {
	case ActivityLastActive:
		set = c.lastActiveIn(s)
	case ActivityEvents:
		set = c.activeByEvents(s)
	default:
		set = c.usedIn(s)
	}
	if c.only != nil {
		return roaring.And(set, c.only)
	}
	return set
}

// cohort counts the users who were created in s, which are whole days, and those of them who are in a set.
func (c *census) cohort(s span, active *roaring.Bitmap) (size, back int) {
	set := c.joinedDays.union(dayKey(0, dayOf(Time(s.start))), dayKey(0, dayOf(Time(s.end))))
	if c.only != nil {
		set = roaring.And(set, c.only)
	}
	return int(set.GetCardinality()), int(set.AndCardinality(active))
}

// buckets find how many cuts are at or before an instant.
type buckets struct {
	cuts  timeline
	first int64   // the first instant of a day
	days  []int32 // by day from first on: the cuts at or before its first instant
}

// maxBucketDays is how long days may get.
const maxBucketDays = 1 << 16

func bucketsOf(cuts timeline) (b buckets) {
	b.cuts = cuts
	finite := cuts
	for len(finite) > 0 && finite[len(finite)-1] == open {
		finite = finite[:len(finite)-1]
	}
	if len(finite) == 0 || finite[0] < minTime-maxTime {
		return b
	}
	first := dayOf(Time(finite[0]))
	n := int(dayOf(Time(finite[len(finite)-1]))-first) + 2
	if n > maxBucketDays {
		return b
	}
	b.first, b.days = int64(first)*dayMs, make([]int32, n)
	i := 0
	for d := range b.days {
		for i < len(finite) && finite[i] <= b.first+int64(d)*dayMs {
			i++
		}
		b.days[d] = int32(i)
	}
	return b
}

func (b *buckets) of(at int64) int {
	n := 0
	switch day := uint64(at-b.first) / dayMs; {
	case len(b.days) == 0:
		return sort.Search(len(b.cuts), func(i int) bool { return b.cuts[i] > at })
	case at < b.first:
		return 0
	case day < uint64(len(b.days)):
		n = int(b.days[day])
	default:
		n = int(b.days[len(b.days)-1])
	}
	for n < len(b.cuts) && b.cuts[n] <= at {
		n++
	}
	return n
}
