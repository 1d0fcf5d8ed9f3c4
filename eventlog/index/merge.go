package index

import (
	"container/heap"
	"sort"
)

// merger yields the rows of all shares in order. A share is opened, that is, its
// rows found and sorted, only when the merger reaches the first place at which it can
// have one.
type merger struct {
	s     *search
	after *Place
	need  int // no more rows than this will be asked for, skipped ones included
	heads []*head
}

// head is a share in the merger.
type head struct {
	share *share
	next  Place    // of the next row, or a bound before it while not opened
	rows  []placed // those left, if opened
	open  bool
}

func newMerger(s *search, after *Place, need int) *merger {
	m := &merger{s: s, after: after, need: need}
	for _, p := range s.shares {
		first, last := s.order.bounds(p.seg)
		if after != nil && !s.order.before(*after, last) {
			continue // all of it is at or before after
		}
		m.heads = append(m.heads, &head{share: p, next: first})
	}
	heap.Init(m)
	return m
}

func (m *merger) Len() int           { return len(m.heads) }
func (m *merger) Less(i, j int) bool { return m.s.order.before(m.heads[i].next, m.heads[j].next) }
func (m *merger) Swap(i, j int)      { m.heads[i], m.heads[j] = m.heads[j], m.heads[i] }
func (m *merger) Push(any)           { panic("index: the merger only shrinks") }

// Pop removes the last head.
func (m *merger) Pop() any {
	h := m.heads[len(m.heads)-1]
	m.heads = m.heads[:len(m.heads)-1]
	return h
}

// rival returns the head that comes after the first one; nil if there is none.
func (m *merger) rival() *head {
	switch len(m.heads) {
	case 0, 1:
		return nil
	case 2:
		return m.heads[1]
	}
	if m.Less(2, 1) {
		return m.heads[2]
	}
	return m.heads[1]
}

// run returns the next rows, at least one and at most limit, all of one share. They
// are valid until the next call. None means that there are no more.
func (m *merger) run(limit int) ([]placed, error) {
	for len(m.heads) > 0 {
		if m.s.ctx.Err() != nil {
			return nil, tooBroad(m.s.ctx)
		}
		h := m.heads[0]
		if !h.open {
			rows, err := h.share.sortedRows(m.s.order, m.after, m.need)
			if err != nil {
				return nil, err
			}
			h.open, h.rows = true, rows
			m.advance(h, 0)
			continue
		}
		n := min(limit, len(h.rows))
		if r := m.rival(); r != nil && m.s.order.before(r.next, h.rows[n-1].Place) {
			n = max(1, sort.Search(n, func(i int) bool { return !m.s.order.before(h.rows[i].Place, r.next) }))
		}
		rows := h.rows[:n]
		m.advance(h, n)
		return rows, nil
	}
	return nil, nil
}

// advance drops n rows of the first head, and the head when it has none left.
func (m *merger) advance(h *head, n int) {
	h.rows = h.rows[n:]
	if len(h.rows) == 0 {
		heap.Pop(m)
		return
	}
	h.next = h.rows[0].Place
	heap.Fix(m, 0)
}

// skip drops the next n rows.
func (m *merger) skip(n int) error {
	for n > 0 {
		rows, err := m.run(n)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		n -= len(rows)
	}
	return nil
}
