package projections

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"strings"
)

// listing is a table as queries see it: rows of type V, with columns, that are shown as
// rows of type R.
type listing[V, R any] struct {
	columns []column[V]
	id      func(V) string
	row     func(V) R
	// all yields the rows in any order, as much as possible the newest first if backward:
	// of a page of the newest, the rest is soon seen not to be on it. count is their number, or
	// negative if one has to count.
	all   func(backward bool) iter.Seq[V]
	count int
	// byTime yields the same rows in the order of createdAt; those of one instant in any
	// order. It is nil if there is no such order.
	byTime func(descending bool) iter.Seq[V]
}

// narrow returns the listing of the rows that fit.
func (l listing[V, R]) narrow(fits func(V) bool) listing[V, R] {
	all := l.all
	l.all = func(backward bool) iter.Seq[V] { return filtered(all(backward), fits) }
	l.count = -1
	if byTime := l.byTime; byTime != nil {
		l.byTime = func(descending bool) iter.Seq[V] { return filtered(byTime(descending), fits) }
	}
	return l
}

// inAnyOrder is for listing.all, of rows that are few.
func inAnyOrder[V any](rows iter.Seq[V]) func(bool) iter.Seq[V] {
	return func(bool) iter.Seq[V] { return rows }
}

func filtered[V any](rows iter.Seq[V], fits func(V) bool) iter.Seq[V] {
	return func(yield func(V) bool) {
		for v := range rows {
			if fits(v) && !yield(v) {
				return
			}
		}
	}
}

// page answers a query.
func (l *listing[V, R]) page(q *Query) (page Page[R], err error) {
	where, counted, sortBy, err := l.read(q)
	if err != nil {
		return page, err
	}
	var rows []V
	if where == nil && counted == nil && l.count >= 0 {
		page.Total = l.count
		rows = l.take(nil, sortBy, q)
	} else {
		rows = l.scan(where, counted, sortBy, q, &page.Total)
	}
	page.Rows = make([]R, len(rows))
	for i, v := range rows {
		page.Rows[i] = l.row(v)
	}
	return page, nil
}

// read reads the parts of a query: where is nil if all rows fit, counted if all count.
func (l *listing[V, R]) read(q *Query) (where, counted func(V) bool, sortBy *column[V], err error) {
	if where, err = compile(&q.Where, l.columns); err != nil {
		return nil, nil, nil, err
	}
	counted = where
	if q.Count != nil {
		if counted, err = compile(q.Count, l.columns); err != nil {
			return nil, nil, nil, err
		}
	}
	name := cmp.Or(q.SortBy, createdAt)
	i := slices.IndexFunc(l.columns, func(c column[V]) bool { return c.name == name })
	if i < 0 {
		return nil, nil, nil, Filter{param: "sortBy"}.invalid("there is no column %q", name)
	}
	return where, counted, &l.columns[i], nil
}

// scan looks at all rows once, for the page and for the total.
func (l *listing[V, R]) scan(where, counted func(V) bool, sortBy *column[V], q *Query, total *int) []V {
	best := newRanking(sortBy, l.id, q)
	for v := range l.all(best.newestFirst()) {
		fits := where == nil || where(v)
		if fits {
			best.add(v)
		}
		if q.Count == nil && fits || q.Count != nil && (counted == nil || counted(v)) {
			*total++
		}
	}
	return best.page()
}

// take returns the rows of a page, without a total: by the order of time if there is one.
func (l *listing[V, R]) take(where func(V) bool, sortBy *column[V], q *Query) []V {
	if sortBy.name == createdAt && l.byTime != nil {
		var rows []V
		for v := range l.inTime(where, sortBy, q) {
			rows = append(rows, v)
		}
		return rows
	}
	best := newRanking(sortBy, l.id, q)
	for v := range l.all(best.newestFirst()) {
		if where == nil || where(v) {
			best.add(v)
		}
	}
	return best.page()
}

// inTime yields the rows of a page that is sorted by createdAt.
func (l *listing[V, R]) inTime(where func(V) bool, time *column[V], q *Query) iter.Seq[V] {
	return func(yield func(V) bool) {
		at := 0
		for same := range l.instants(where, time, q.Descending) {
			for _, v := range same {
				if q.Limit >= 0 && at >= q.Offset+q.Limit {
					return
				}
				if at >= q.Offset && !yield(v) {
					return
				}
				at++
			}
			if q.Limit >= 0 && at >= q.Offset+q.Limit {
				return
			}
		}
	}
}

// instants yields the rows in the order of time, those of one instant at a time, in the
// order of their ids.
func (l *listing[V, R]) instants(where func(V) bool, time *column[V], descending bool) iter.Seq[[]V] {
	return func(yield func([]V) bool) {
		var same []V
		var at int64
		flush := func() bool {
			slices.SortFunc(same, func(a, b V) int { return strings.Compare(l.id(a), l.id(b)) })
			ok := len(same) == 0 || yield(same)
			same = same[:0]
			return ok
		}
		for v := range l.byTime(descending) {
			if where != nil && !where(v) {
				continue
			}
			if n := time.number(v); n != at {
				if !flush() {
					return
				}
				at = n
			}
			same = append(same, v)
		}
		flush()
	}
}

// each calls fn with the rows of q's page, one by one; if they are in the order of
// time, without holding them all.
func (l *listing[V, R]) each(q *Query, fn func(R) error) error {
	where, _, sortBy, err := l.read(q)
	if err != nil {
		return err
	}
	var rows iter.Seq[V]
	if sortBy.name == createdAt && l.byTime != nil {
		rows = l.inTime(where, sortBy, q)
	} else {
		rows = slices.Values(l.take(where, sortBy, q))
	}
	for v := range rows {
		if err := fn(l.row(v)); err != nil {
			return err
		}
	}
	return nil
}

// ranking collects rows and finds those of a page. Of a page that is near the beginning
// it holds only what may still be on it or before it: a heap with the last one on top.
type ranking[V any] struct {
	by         *column[V]
	id         func(V) string
	descending bool
	from, to   int // the page; to is negative if it has no end
	heap       bool
	rows       []ranked[V]
}

// ranked is a row with what it is sorted by. null comes before everything.
type ranked[V any] struct {
	number int64  // the value, or the first bytes of the text
	text   string // the whole text
	null   bool
	v      V
}

// deepPage is from which row on it is cheaper to collect all and sort them afterwards.
const deepPage = 1 << 12

func newRanking[V any](by *column[V], id func(V) string, q *Query) *ranking[V] {
	r := &ranking[V]{by: by, id: id, descending: q.Descending, from: max(q.Offset, 0), to: -1}
	if q.Limit >= 0 {
		r.to = r.from + q.Limit
		r.heap = r.to <= deepPage
	}
	return r
}

// newestFirst reports whether what is on the page probably is new.
func (r *ranking[V]) newestFirst() bool { return r.by.kind == timeColumn && r.descending }

func (r *ranking[V]) rank(v V) ranked[V] {
	k := ranked[V]{v: v}
	if r.by.kind != textColumn {
		k.number = r.by.number(v)
		k.null = r.by.kind == timeColumn && k.number == 0
		return k
	}
	k.text = r.by.text(v)
	k.null = r.by.nullable && k.text == ""
	var head [8]byte
	copy(head[:], k.text)
	k.number = int64(binary.BigEndian.Uint64(head[:]) ^ 1<<63)
	return k
}

// compare orders rows as the page does.
func (r *ranking[V]) compare(a, b *ranked[V]) int {
	c := compareNumbers(a.number, b.number)
	switch {
	case a.null != b.null:
		c = int(bit(b.null, 1)) - int(bit(a.null, 1))
	case c == 0:
		c = strings.Compare(a.text, b.text)
	}
	if r.descending {
		c = -c
	}
	if c == 0 {
		return strings.Compare(r.id(a.v), r.id(b.v))
	}
	return c
}

func (r *ranking[V]) add(v V) {
	k := r.rank(v)
	switch {
	case !r.heap || len(r.rows) < r.to:
		r.rows = append(r.rows, k)
		if r.heap {
			r.up(len(r.rows) - 1)
		}
	case r.to > 0 && r.compare(&k, &r.rows[0]) < 0:
		r.rows[0] = k
		r.down(0)
	}
}

func (r *ranking[V]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if r.compare(&r.rows[i], &r.rows[parent]) <= 0 {
			return
		}
		r.rows[i], r.rows[parent] = r.rows[parent], r.rows[i]
		i = parent
	}
}

func (r *ranking[V]) down(i int) {
	for {
		last := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(r.rows); child++ {
			if r.compare(&r.rows[child], &r.rows[last]) > 0 {
				last = child
			}
		}
		if last == i {
			return
		}
		r.rows[i], r.rows[last] = r.rows[last], r.rows[i]
		i = last
	}
}

// page is the rows of the page, in order.
func (r *ranking[V]) page() []V {
	from, to := min(r.from, len(r.rows)), len(r.rows)
	if r.to >= 0 {
		to = min(r.to, to)
	}
	slices.SortFunc(r.rows, func(a, b ranked[V]) int { return r.compare(&a, &b) })
	var page []V
	for i := from; i < to; i++ {
		page = append(page, r.rows[i].v)
	}
	return page
}
