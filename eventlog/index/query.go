package index

import (
	"context"
	"errors"
	"slices"

	"dashd/eventlog"
	"dashd/internal/errs"
)

// Query selects events of one project. The zero value of a filter means all.
type Query struct {
	Project    string
	Types      []eventlog.Type // together with Categories: any of them
	Categories []string
	Statuses   []eventlog.Status
	Severities []eventlog.Severity // as SeverityOf gives it
	Sources    []eventlog.Source
	All        [][]Term // of each element, at least one term must hold
	Since      *int64   // Time >= Since, ms
	Until      *int64   // Time < Until, ms
	// UpTo, if set, makes the answer what it was when the log ended there; at the latest,
	// as of the index's position.
	UpTo *uint64
	// Match, if set, is asked for each event that passes everything else. It makes
	// the query read every such event. The record is valid during the call.
	Match func(*eventlog.Record) bool

	BySeq     bool // order by seq; else by (Time, seq)
	Ascending bool
	After     *Place // start behind this place in the order asked for
	Offset    int
	Limit     int  // 0: no events, only Total
	SkipTotal bool // Total may be left 0
}

// Place is a position in both orders. Ordered by seq, Time does not matter.
type Place struct {
	Time int64
	Seq  uint64
}

// Page is an answer.
type Page struct {
	Records []eventlog.Record
	More    bool
	Total   uint64 // matches, whatever the page
	Seq     uint64 // the index's position the answer is as of
}

// Query answers from a consistent view of all events up to Indexed. It first
// waits until the events acknowledged before the call are indexed.
//
// Only the records of the page are read, unless Match is set. Then, when ctx's
// deadline passes, the error is errs.Unavailable with code QUERY_TOO_BROAD.
func (x *Index) Query(ctx context.Context, q Query) (Page, error) {
	s, err := x.search(ctx, q)
	if err != nil {
		return Page{}, err
	}
	page, err := s.page()
	if errors.Is(err, errStranger) {
		// A record found is none that was asked for: two values have one hash,
		// or its address has been erased since. Reading every event sorts that
		// out, for the page and for the count.
		x.log.Warn("index found an event that does not match", "seq", s.stranger)
		s.match = s.isExact
		page, err = s.page()
	}
	page.Seq = s.seq
	return page, err
}

// Stats counts the events a query selects. Order, After, Offset and Limit are
// ignored. The number is the index's position the answer is as of.
func (x *Index) Stats(ctx context.Context, q Query) (eventlog.Stats, uint64, error) {
	s, err := x.search(ctx, q)
	if err != nil {
		return eventlog.Stats{}, 0, err
	}
	stats, err := s.stats()
	return stats, s.seq, err
}

// search is one query at work on one view. One goroutine uses it.
type search struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call it belongs to
	q      *Query
	source Log
	filter kindFilter
	order  order
	match  func(*eventlog.Record) bool // nil: what the index says is enough
	shares []*share
	seq    uint64 // as of which it is answered
	far    int    // an offset from which it pays to leap

	stranger uint64 // seq of the record that errStranger is about
}

var errStranger = errors.New("event does not match")

// search waits for the events acknowledged so far and finds the segments that can
// hold what q asks for.
func (x *Index) search(ctx context.Context, q Query) (*search, error) {
	known := x.source.Head()
	if q.UpTo != nil {
		known = min(known, *q.UpTo)
	}
	if err := x.Wait(ctx, known); err != nil {
		return nil, err
	}
	clauses, err := q.clauses()
	if err != nil {
		return nil, err
	}
	v := x.view.Load()
	seq := v.seq
	if q.UpTo != nil {
		seq = min(seq, *q.UpTo)
	}
	q.Offset = max(q.Offset, 0)
	q.Limit = min(max(q.Limit, 0), int(seq)+1) // one more than there can be
	s := &search{
		ctx: ctx, q: &q, source: x.source, filter: newKindFilter(&q), seq: seq,
		far:   x.segmentEvents / 16,
		order: order{bySeq: q.BySeq, ascending: q.Ascending},
	}
	if slices.ContainsFunc(clauses, func(c []term) bool { return len(c) == 0 }) {
		return s, nil // a condition that nothing can meet
	}
	if q.Match != nil {
		s.match = s.isExact
	}
	for _, seg := range v.segments() {
		if seg.start() > seq {
			break
		}
		part, err := newShare(seg, &q, &s.filter, clauses, seq)
		if err != nil {
			return nil, err
		}
		if part != nil {
			s.shares = append(s.shares, part)
		}
	}
	return s, nil
}

// clauses returns q.All with hashed terms.
func (q *Query) clauses() ([][]term, error) {
	clauses := make([][]term, len(q.All))
	var text []byte
	for i, terms := range q.All {
		for _, t := range terms {
			if t.Field < User || int(t.Field) > numFields {
				return nil, errs.New(errs.Invalid, "INVALID_FILTER", "no field %d", t.Field)
			}
			if t.Value == "" {
				continue
			}
			text = appendTerm(text[:0], q.Project, t.Value)
			clauses[i] = append(clauses[i], term{int(t.Field) - 1, hashTerm(text)})
		}
	}
	return clauses, nil
}

// isExact reports whether r is what the query asks for.
func (s *search) isExact(r *eventlog.Record) bool { return s.q.selects(&s.filter, r) }

// Selector returns a function that reports whether a record is one of those that q
// selects, whatever its order and page: for readers that follow the log.
func (q Query) Selector() func(*eventlog.Record) bool {
	filter := newKindFilter(&q)
	return func(r *eventlog.Record) bool { return q.selects(&filter, r) }
}

// selects reports whether r is what q asks for, by its values and not by their hashes,
// and passes q.Match.
func (q *Query) selects(filter *kindFilter, r *eventlog.Record) bool {
	key := kindKey{r.Project, string(r.Type), r.Status, r.Source, r.Shown}
	if !filter.pass(newKind(key)) || !q.inTime(r.Time, r.Time) || q.UpTo != nil && r.Seq > *q.UpTo {
		return false
	}
	for _, clause := range q.All {
		if !slices.ContainsFunc(clause, func(t Term) bool { return t.Value != "" && t.Field.of(&r.Event) == t.Value }) {
			return false
		}
	}
	return q.Match == nil || q.Match(r)
}

// inTime reports whether all times from least to greatest are in q's range.
func (q *Query) inTime(least, greatest int64) bool {
	return (q.Since == nil || least >= *q.Since) && (q.Until == nil || greatest < *q.Until)
}

// outOfTime reports whether none of the times from least to greatest is.
func (q *Query) outOfTime(least, greatest int64) bool {
	return q.Since != nil && greatest < *q.Since || q.Until != nil && least >= *q.Until
}

// tooBroad is the error of a search whose context has ended.
func tooBroad(ctx context.Context) error {
	return ended(ctx, "QUERY_TOO_BROAD", "query took too long: narrow it with since, type or userId")
}

// ended is the error for a context that has ended: code and message if its
// deadline has passed.
func ended(ctx context.Context, code, message string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		code, message = "CANCELED", "the request was canceled"
	}
	return errs.Wrap(ctx.Err(), errs.Unavailable, code, "%s", message)
}
