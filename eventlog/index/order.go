package index

import (
	"slices"
	"sort"
)

// order is a total order of events.
type order struct {
	bySeq, ascending bool
}

// before reports whether a comes before b.
func (o order) before(a, b Place) bool {
	if !o.ascending {
		a, b = b, a
	}
	if !o.bySeq && a.Time != b.Time {
		return a.Time < b.Time
	}
	return a.Seq < b.Seq
}

// bounds are a place at or before the first and one at or behind the last event of
// the segment, in order o.
func (o order) bounds(seg segment) (first, last Place) {
	least, greatest := seg.span()
	first = Place{least, seg.start()}
	last = Place{greatest, seg.start() + uint64(seg.rows()) - 1}
	if !o.ascending {
		first, last = last, first
	}
	return first, last
}

// sortedRows returns rows that pass and are behind after (nil: all of them), in order o,
// the first need of them.
func (s *share) sortedRows(o order, after *Place, need int) ([]placed, error) {
	rows, err := s.find()
	if err != nil || rows.n == 0 {
		return nil, err
	}
	times, err := s.times(o)
	if err != nil {
		return nil, err
	}
	if o.bySeq || s.seg.sorted() {
		return s.take(rows, times, o, after, need), nil
	}
	return s.best(rows, times, o, after, need), nil
}

// placed is a row with its place in the order.
type placed struct {
	Place
	row uint16
}

func (s *share) place(row int, times timeColumn) placed {
	p := placed{Place{Seq: s.seg.start() + uint64(row)}, uint16(row)}
	if times.rows() > 0 {
		p.Time = times.at(row)
	}
	return p
}

// take is sortedRows where the order of rows is the order of places.
func (s *share) take(rows selection, times timeColumn, o order, after *Place, need int) []placed {
	at := func(i int) placed {
		if !o.ascending {
			i = rows.n - 1 - i
		}
		return s.place(rows.row(i), times)
	}
	from := 0
	if after != nil {
		from = sort.Search(rows.n, func(i int) bool { return o.before(*after, at(i).Place) })
	}
	taken := make([]placed, 0, min(need, rows.n-from))
	for i := from; i < rows.n && len(taken) < need; i++ {
		taken = append(taken, at(i))
	}
	return taken
}

// best is sortedRows where times are out of order.
func (s *share) best(rows selection, times timeColumn, o order, after *Place, need int) []placed {
	// Found rows are collected until there are twice as many as needed; then
	// the worse half goes, and what is no better than the rest need not be looked at.
	full := 2 * max(need, 32)
	found := make([]placed, 0, min(full, rows.n))
	var worst *Place
	cut := func() {
		slices.SortFunc(found, func(a, b placed) int {
			if o.before(a.Place, b.Place) {
				return -1
			}
			return 1
		})
		found = found[:min(need, len(found))]
	}
	chunk := -1
	for i := range rows.n {
		if !o.ascending {
			i = rows.n - 1 - i
		}
		row := rows.row(i)
		if c := row / chunkRows; c != chunk {
			chunk = c
			if worst != nil && times.noneBetter(c, o.ascending, worst.Time) {
				break
			}
		}
		p := s.place(row, times)
		if after != nil && !o.before(*after, p.Place) || worst != nil && !o.before(p.Place, *worst) {
			continue
		}
		if found = append(found, p); len(found) == full {
			cut()
			last := found[len(found)-1].Place
			worst = &last
		}
	}
	cut()
	return found
}
