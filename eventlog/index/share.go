package index

import "slices"

// share is what one segment has for a query.
type share struct {
	seg     segment
	q       *Query
	table   *kindTable
	passing []bool // by kind number
	whole   bool   // every kind of the segment passes
	project bool   // every kind of the query's project passes
	inTime  bool   // every time of the segment is in the query's range
	n       int    // rows of the segment that the query may see: the first ones
	clauses [][]term

	selected bool
	rows     selection // if selected
	counted  bool
	count    int // if counted
}

// newShare returns nil if the segment has nothing for the query, as far as can be
// told without loading more than its kinds. Rows behind seq are not seen.
func newShare(seg segment, q *Query, filter *kindFilter, clauses [][]term, seq uint64) (*share, error) {
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
		n: int(min(uint64(seg.rows()), seq-seg.start()+1)),
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

// countedByKind reports whether the counts of the segment's kinds tell how many rows pass.
func (s *share) countedByKind() bool {
	return len(s.clauses) == 0 && s.inTime && s.n == s.seg.rows() && s.table.counts != nil
}

// oneTerm reports whether the rows that pass are those of one term in a stored segment, which counts
// them without finding them.
func (s *share) oneTerm() (seg *sealed, t term, one bool) {
	if len(s.clauses) != 1 || len(s.clauses[0]) != 1 || !s.project || !s.inTime || s.n < s.seg.rows() {
		return nil, t, false
	}
	seg, one = s.seg.(*sealed)
	return seg, s.clauses[0][0], one
}

// size returns the number of rows that pass, from counts where they tell.
func (s *share) size() (int, error) {
	if s.counted {
		return s.count, nil
	}
	n := 0
	if s.countedByKind() {
		for i, pass := range s.passing {
			if pass {
				n += int(s.table.counts[i])
			}
		}
	} else if seg, t, one := s.oneTerm(); one {
		var err error
		if n, err = seg.count(t); err != nil {
			return 0, err
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

// keepRows is how many rows a query keeps of each segment.
const keepRows = 4096

// find returns the rows that pass.
func (s *share) find() (selection, error) {
	if s.selected {
		return s.rows, nil
	}
	rows := selection{n: s.n}
	for i, clause := range s.clauses {
		list, err := s.seg.find(clause)
		if err != nil {
			return selection{}, err
		}
		if i > 0 {
			list = intersect(rows.list, list)
		} else if s.n < s.seg.rows() {
			behind, _ := slices.BinarySearch(list, uint16(s.n))
			list = list[:behind]
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
		rows = rows.keep(func(row int) bool { return s.q.inTime(times.at(row), times.at(row)) })
	}
	s.counted, s.count = true, rows.n
	// Short lists are kept. Long ones are found again where the page needs them.
	if rows.list == nil || rows.n <= keepRows || s.table.counts == nil {
		s.selected, s.rows = true, rows
	}
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
	if s.countedByKind() {
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

// countThrough counts the rows that pass and are not behind end.
func (s *share) countThrough(o order, end Place) (int, error) {
	first, last := o.bounds(s.seg)
	if o.before(end, first) {
		return 0, nil
	}
	if !o.before(end, last) {
		return s.size()
	}
	rows, err := s.find()
	if err != nil || rows.n == 0 {
		return 0, err
	}
	times, err := s.times(o)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range rows.n {
		if !o.before(end, s.place(rows.row(i), times).Place) {
			n++
		}
	}
	return n, nil
}

// times returns the times of the rows if o needs them.
func (s *share) times(o order) (timeColumn, error) {
	if o.bySeq {
		return timeColumn{}, nil
	}
	return s.seg.timeColumn()
}
