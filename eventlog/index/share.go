package index

import (
	"slices"
	"sort"
)

// share is what one segment has for a query.
type share struct {
	seg     segment
	q       *Query
	table   *kindTable
	passing []bool // by kind number
	whole   bool   // every kind of the segment passes
	project bool   // every kind of the query's project passes
	inTime  bool   // every time of the segment is in the query's range
	clauses [][]term

	selected bool
	rows     selection // if selected
	counted  bool
	count    int // if counted
}

// newShare returns nil if the segment has nothing for the query, as far as can be
// told without loading more than its kinds.
func newShare(seg segment, q *Query, filter *kindFilter, clauses [][]term) (*share, error) {
	least, greatest := seg.span()
	if q.outOfTime(least, greatest) {
		return nil, nil
	}
	table, err := seg.kindTable()
	if err != nil {
		return nil, err
	}
	s := &share{
		seg: seg, q: q, table: table, passing: make([]bool, len(table.kinds)),
		whole: true, project: true, inTime: q.inTime(least, greatest), clauses: clauses,
	}
	some := false
	for i, k := range table.kinds {
		if filter.pass(k) {
			s.passing[i], some = true, true
			continue
		}
		s.whole = false
		if k.project == q.Project {
			s.project = false
		}
	}
	if !some {
		return nil, nil
	}
	return s, nil
}

// selection is a set of rows of a segment: all of 0 to n-1, or those of list, ascending.
type selection struct {
	n    int
	list []uint16 // nil: all
}

func (s *selection) row(i int) int {
	if s.list == nil {
		return i
	}
	return int(s.list[i])
}

// size returns the number of rows that pass, from counts where they tell.
func (s *share) size() (int, error) {
	if s.counted {
		return s.count, nil
	}
	n := 0
	if len(s.clauses) == 0 && s.inTime && s.table.counts != nil {
		for i, pass := range s.passing {
			if pass {
				n += int(s.table.counts[i])
			}
		}
	} else {
		rows, err := s.find()
		if err != nil {
			return 0, err
		}
		n = rows.n
	}
	s.counted, s.count = true, n
	return n, nil
}

// find returns the rows that pass.
func (s *share) find() (selection, error) {
	if s.selected {
		return s.rows, nil
	}
	rows := selection{n: s.seg.rows()}
	for i, clause := range s.clauses {
		list, err := s.seg.find(clause)
		if err != nil {
			return selection{}, err
		}
		if i > 0 {
			list = intersect(rows.list, list)
		}
		rows = selection{n: len(list), list: list}
		if len(list) == 0 {
			break
		}
	}
	// The project is part of a term's hash: rows of other projects are out already.
	if !s.whole && !(len(s.clauses) > 0 && s.project) && rows.n > 0 {
		kinds, err := s.seg.kindColumn()
		if err != nil {
			return selection{}, err
		}
		rows = rows.keep(func(row int) bool { return s.passing[kinds[row]] })
	}
	if !s.inTime && rows.n > 0 {
		times, err := s.seg.timeColumn()
		if err != nil {
			return selection{}, err
		}
		rows = rows.keep(func(row int) bool { return s.q.inTime(times.times[row], times.times[row]) })
	}
	s.selected, s.rows = true, rows
	s.counted, s.count = true, rows.n
	return rows, nil
}

// keep returns the rows that pass.
func (s selection) keep(pass func(row int) bool) selection {
	kept := make([]uint16, 0, s.n)
	for i := range s.n {
		if row := s.row(i); pass(row) {
			kept = append(kept, uint16(row))
		}
	}
	return selection{n: len(kept), list: kept}
}

// countKinds adds the number of rows of each kind that pass to counts.
func (s *share) countKinds(counts map[*kind]uint64) error {
	perKind := make([]uint64, len(s.table.kinds))
	if len(s.clauses) == 0 && s.inTime && s.table.counts != nil {
		for i, pass := range s.passing {
			if pass {
				perKind[i] = uint64(s.table.counts[i])
			}
		}
	} else {
		rows, err := s.find()
		if err != nil || rows.n == 0 {
			return err
		}
		kinds, err := s.seg.kindColumn()
		if err != nil {
			return err
		}
		for i := range rows.n {
			perKind[kinds[rows.row(i)]]++
		}
	}
	for i, n := range perKind {
		if n > 0 {
			counts[s.table.kinds[i]] += n
		}
	}
	return nil
}

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
	var times timeColumn
	if !o.bySeq {
		if times, err = s.seg.timeColumn(); err != nil {
			return nil, err
		}
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
	if times.times != nil {
		p.Time = times.times[row]
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
			// All rows left are below (c+1)*chunkRows.
			if !o.ascending && worst != nil && c+1 < len(times.peaks) && times.peaks[c+1] < worst.Time {
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
