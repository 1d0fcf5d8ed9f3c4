package projections

import (
	"cmp"
	"slices"
)

// queue is a heap of sessions by createdAt, from which nothing is taken out: what no longer
// belongs there is passed over when it comes up, and swept when it is most.
type queue []queued

type queued struct {
	at  uint64 // timeKey(createdAt)
	ord uint32
}

// push adds an entry. It is fastest if that comes after all others.
func (q *queue) push(e queued) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 && h[(i-1)/2].at > e.at {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = e
	*q = h
}

// pop takes the first entry away.
func (q *queue) pop() {
	h := *q
	last := h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	for i := 0; len(h) > 0; {
		c := 2*i + 1
		if c+1 < len(h) && h[c+1].at < h[c].at {
			c++
		}
		if c >= len(h) || h[c].at >= last.at {
			h[i] = last
			return
		}
		h[i] = h[c]
		i = c
	}
}

// first is the first entry that belongs here, of those with the same instant the one that
// compare says is. What does not belong here is taken away on the way to it.
func (q *queue) first(belongs func(queued) bool, compare func(a, b uint32) int) (e queued, ok bool) {
	for len(*q) > 0 && !belongs((*q)[0]) {
		q.pop()
	}
	if len(*q) == 0 {
		return queued{}, false
	}
	h := *q
	best := h[0]
	var same func(i int) // entries with the instant of the first have only such above them
	same = func(i int) {
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if h[c].at != best.at {
				continue
			}
			if h[c].ord != best.ord && belongs(h[c]) && compare(h[c].ord, best.ord) < 0 {
				best = h[c]
			}
			same(c)
		}
	}
	same(0)
	return best, true
}

// tidy keeps the queue short, of which n entries belong here.
func (q *queue) tidy(n int, belongs func(queued) bool) {
	if len(*q) <= 2*n+16 {
		return
	}
	*q = slices.DeleteFunc(*q, func(e queued) bool { return !belongs(e) })
	slices.SortFunc(*q, func(a, b queued) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.ord, b.ord)) })
	*q = slices.Clip(slices.Compact(*q))
}
