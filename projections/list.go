package projections

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// listing is a table as queries see it: rows of type V, with columns, that are shown as
// rows of type R.
type listing[V, R any] struct {
	columns []column[V]
	id      func(V) string
	row     func(V) R
	// all yields one part of the rows, in any order, but as much as possible the newest
	// first if backward: then the rest is soon seen not to be on a page of the newest.
	// Parts may be read at the same time; they should be so many.
	all   func(part, parts int, backward bool) iter.Seq[V]
	parts int
	// count is the number of rows, or negative if one has to count.
	count int
	// byTime yields the same rows in the order of createdAt; those of one instant in any
	// order. It is nil if there is no such order.
	byTime func(descending bool) iter.Seq[V]
}

// narrow returns the listing of the rows that fit.
func (l listing[V, R]) narrow(fits func(V) bool) listing[V, R] {
	all := l.all
	l.all = func(part, parts int, backward bool) iter.Seq[V] { return filtered(all(part, parts, backward), fits) }
	l.count = -1
	if byTime := l.byTime; byTime != nil {
		l.byTime = func(descending bool) iter.Seq[V] { return filtered(byTime(descending), fits) }
	}
	return l
}

// only returns the listing of the given rows, which are few, and its own. Their number
// stays to be set.
func (l listing[V, R]) only(rows iter.Seq[V]) listing[V, R] {
	l.all, l.parts, l.byTime = func(int, int, bool) iter.Seq[V] { return rows }, 1, nil
	return l
}

const (
	// partRows is how many rows are worth another goroutine.
	partRows = 1 << 16
	maxParts = 4
)

// partsOf is in how many parts a table with so many rows is read.
func partsOf(rows int) int {
	return max(1, min(rows/partRows, runtime.GOMAXPROCS(0), maxParts))
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
		if sortBy.name == createdAt && l.byTime != nil {
			rows = slices.Collect(l.inTime(nil, sortBy, q))
		} else {
			rows, _ = l.scan(nil, nil, sortBy, q)
		}
	} else {
		rows, page.Total = l.scan(where, counted, sortBy, q)
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
func (l *listing[V, R]) scan(where, counted func(V) bool, sortBy *column[V], q *Query) (page []V, total int) {
	best, totals := make([]*ranking[V], l.parts), make([]int, l.parts)
	look := func(part int) {
		r, n := newRanking(sortBy, l.id, q), 0
		for v := range l.all(part, l.parts, r.newestFirst()) {
			fits := where == nil || where(v)
			if fits {
				r.add(v)
			}
			if q.Count == nil && fits || q.Count != nil && (counted == nil || counted(v)) {
				n++
			}
		}
		best[part], totals[part] = r, n
	}
	var others sync.WaitGroup
	for part := 1; part < l.parts; part++ {
		others.Go(func() { look(part) })
	}
	look(0)
	others.Wait()
	for part, r := range best {
		total += totals[part]
		if part > 0 {
			best[0].merge(r)
		}
	}
	return best[0].page(), total
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
		page, _ := l.scan(where, nil, sortBy, q)
		rows = slices.Values(page)
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

// merge adds the rows of another ranking of the same page.
func (r *ranking[V]) merge(other *ranking[V]) {
	if !r.heap {
		r.rows = append(r.rows, other.rows...)
		return
	}
	for i := range other.rows {
		r.add(other.rows[i].v)
	}
}

// page is the rows of the page, in order.
func (r *ranking[V]) page() []V {
	from, to := min(r.from, len(r.rows)), len(r.rows)
	if r.to >= 0 {
		to = min(r.to, to)
	}
	// Only the page itself needs to be sorted.
	r.divide(r.rows, from)
	r.divide(r.rows[from:], to-from)
	on := r.rows[from:to]
	slices.SortFunc(on, func(a, b ranked[V]) int { return r.compare(&a, &b) })
	page := make([]V, len(on))
	for i := range on {
		page[i] = on[i].v
	}
	return page
}

// divide moves rows until the first n come before all others, each part in any order.
func (r *ranking[V]) divide(rows []ranked[V], n int) {
	for 0 < n && n < len(rows) {
		pivot := rows[rand.IntN(len(rows))] // no order of rows is slow but by bad luck
		i, j := 0, len(rows)-1
		for i <= j {
			for r.compare(&rows[i], &pivot) < 0 {
				i++
			}
			for r.compare(&rows[j], &pivot) > 0 {
				j--
			}
			if i <= j {
				rows[i], rows[j] = rows[j], rows[i]
				i, j = i+1, j-1
			}
		}
		// Up to j they come before the pivot or are it, from i on behind.
		switch {
		case n <= j+1:
			rows = rows[:j+1]
			if n == j+1 {
				return
			}
		case n >= i:
			rows, n = rows[i:], n-i
		default:
			return
		}
	}
}
