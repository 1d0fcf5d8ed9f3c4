package index

import (
	"cmp"
	"context"
	"slices"

	"dashd/eventlog"
	"dashd/internal/errs"
)

// Dimension is what a histogram is split by.
type Dimension uint8

// The dimensions. All are decided by an event's kind.
const (
	Whole Dimension = iota // not split
	ByType
	ByCategory
	ByStatus
	BySeverity // as SeverityOf gives it
	BySource
)

// of is the value of the dimension that events of a kind have.
func (d Dimension) of(k *kind) string {
	switch d {
	case ByType:
		return k.typ
	case ByCategory:
		return k.category
	case ByStatus:
		return k.status.String()
	case BySeverity:
		return k.severity.String()
	case BySource:
		return k.source.String()
	default:
		return ""
	}
}

// Buckets divide time into pieces of one length. The zero value is none.
type Buckets struct {
	Start int64 // of the first, ms
	Width int64 // of each, ms; at least 1
	N     int
}

// maxCells bounds what the answer of a histogram can hold.
const maxCells = 1 << 22

// valid reports whether the buckets can be counted in, and their end be told.
func (b Buckets) valid() bool {
	if b.Width < 1 || b.N < 1 || b.N > maxCells {
		return false
	}
	length := int64(b.N) * b.Width
	return length/b.Width == int64(b.N) && b.Start+length > b.Start
}

func (b Buckets) end() int64 { return b.Start + int64(b.N)*b.Width }

// at is the bucket of a time that is in one of them.
func (b Buckets) at(t int64) int { return int((t - b.Start) / b.Width) }

// bounds are the start and the end of bucket i.
func (b Buckets) bounds(i int) (start, end int64) {
	start = b.Start + int64(i)*b.Width
	return start, start + b.Width
}

// Histogram counts events by time.
type Histogram struct {
	Total  uint64   // in all buckets
	Counts []uint64 // by bucket
	// Series has the values of the dimension with most events, those with most first and of
	// equal ones the first in the order of their names.
	Series []Series
	Others *Series // the sum of all other values; nil if there are none
	Values int     // how many values there are; 1 if it is not split
	Seq    uint64  // the index's position the answer is as of
}

// Series counts the events that have one value of a dimension.
type Series struct {
	Value  string
	Total  uint64
	Counts []uint64 // by bucket
}

// Histogram counts the events in buckets that a query selects, and those of the values of
// a dimension, at most as many as most, apart. What [Index.Stats] says of orders, pages and
// of when it answers holds here too: the sum of the buckets is the total of Stats for the
// same time.
//
// A sealed segment is mostly counted by its hours, see hourTable, if only kinds and times
// decide. Else its rows are found, and their times looked up.
func (x *Index) Histogram(ctx context.Context, q Query, b Buckets, by Dimension, most int) (Histogram, error) {
	q, err := b.narrow(q)
	if err != nil {
		return Histogram{}, err
	}
	if most < 0 || by > BySource || by != Whole && most > maxCells/b.N-2 {
		return Histogram{}, errs.New(errs.Invalid, "INVALID_FILTER", "no such series")
	}
	s, err := x.search(ctx, q)
	if err != nil {
		return Histogram{}, err
	}
	return s.histogram(b, by, most)
}

// narrow returns q without the events that are in no bucket.
func (b Buckets) narrow(q Query) (Query, error) {
	if !b.valid() {
		return q, errs.New(errs.Invalid, "INVALID_FILTER", "no such buckets")
	}
	since, until := b.Start, b.end()
	if q.Since == nil || *q.Since < since {
		q.Since = &since
	}
	if q.Until == nil || *q.Until > until {
		q.Until = &until
	}
	return q, nil
}

// histogram answers Histogram.
func (s *search) histogram(b Buckets, by Dimension, most int) (Histogram, error) {
	h := newHistogram(b, by, most)
	count := s.countRows
	if s.match != nil {
		count = s.countMatches
	}
	if err := count(h); err != nil {
		return Histogram{}, err
	}
	return h.answer(s.seq), nil
}

// histogram is one that is being counted. The values of the dimension get a number when they
// are first seen; which of them are counted apart is known when all have been.
type histogram struct {
	Buckets
	by   Dimension
	most int

	numbers map[string]int
	totals  []tally  // by number
	places  []int    // by number: where in series; once ranked
	series  []Series // those counted apart, then the others
}

// tally is a value of the dimension, and how many events have it.
type tally struct {
	value string
	total uint64
}

func newHistogram(b Buckets, by Dimension, most int) *histogram {
	h := &histogram{Buckets: b, by: by, most: most, numbers: make(map[string]int)}
	if by == Whole { // all events are in one series, of which nothing need be known before
		h.most = 1
		h.number(&kind{})
	}
	return h
}

// number is that of the value of a kind.
func (h *histogram) number(k *kind) int {
	value := h.by.of(k)
	n, known := h.numbers[value]
	if !known {
		n = len(h.totals)
		h.numbers[value] = n
		h.totals = append(h.totals, tally{value: value})
	}
	return n
}

// rank decides, by the totals, which values are counted apart.
func (h *histogram) rank() {
	order := make([]int, len(h.totals))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(h.totals[b].total, h.totals[a].total), cmp.Compare(h.totals[a].value, h.totals[b].value))
	})
	h.places = make([]int, len(order))
	for place, number := range order {
		h.places[number] = min(place, h.most)
		if place <= h.most {
			h.series = append(h.series, Series{Value: h.totals[number].value, Counts: make([]uint64, h.N)})
		}
	}
}

func (h *histogram) answer(seq uint64) Histogram {
	a := Histogram{Counts: make([]uint64, h.N), Values: len(h.totals), Seq: seq}
	for i := range h.series {
		s := &h.series[i]
		for bucket, n := range s.Counts {
			s.Total += n
			a.Counts[bucket] += n
		}
		a.Total += s.Total
	}
	if h.by == Whole {
		return a
	}
	a.Series = h.series
	if len(h.series) > h.most {
		a.Series, a.Others = h.series[:h.most], &h.series[h.most]
		a.Others.Value = ""
	}
	return a
}

// countRows counts by what the index knows.
func (s *search) countRows(h *histogram) error {
	if h.by != Whole {
		counts := make(map[*kind]uint64)
		for _, p := range s.shares {
			if s.ctx.Err() != nil {
				return tooBroad(s.ctx)
			}
			if err := p.countKinds(counts); err != nil {
				return err
			}
		}
		for k, n := range counts {
			h.totals[h.number(k)].total += n
		}
	}
	h.rank()
	for _, p := range s.shares {
		if s.ctx.Err() != nil {
			return tooBroad(s.ctx)
		}
		if err := p.countBuckets(h); err != nil {
			return err
		}
	}
	return nil
}

// countMatches reads the events. Their places are kept until it is known which values are
// counted apart, so that each is read once.
func (s *search) countMatches(h *histogram) error {
	type cell struct{ number, bucket uint32 }
	var cells []cell
	for _, p := range s.shares {
		if s.ctx.Err() != nil {
			return tooBroad(s.ctx)
		}
		err := s.matchShare(p, func(r *eventlog.Record) {
			number := h.number(newKind(kindKey{r.Project, string(r.Type), r.Status, r.Source, r.Shown}))
			h.totals[number].total++
			cells = append(cells, cell{uint32(number), uint32(h.at(r.Time))})
		})
		if err != nil {
			return err
		}
	}
	h.rank()
	for _, c := range cells {
		h.series[h.places[c.number]].Counts[c.bucket]++
	}
	return nil
}
