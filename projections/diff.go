package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"dashd/internal/errs"
)

// DiffQuery asks what has changed in the rows of a project between two states of the log.
type DiffQuery struct {
	Project  string
	From, To uint64 // seqs: what the events after From, up to To, have done
	// Kinds are those of the rows that are looked at; nil: all.
	Kinds []string
	// UserID and OrganizationID select the rows that belong to a user and to an organization;
	// "": to anybody.
	UserID, OrganizationID string
}

func (q *DiffQuery) key() string {
	return fmt.Sprintf("%q %d %d %q %q %q", q.Project, q.From, q.To, q.Kinds, q.UserID, q.OrganizationID)
}

func (q *DiffQuery) filter() rowFilter {
	f := rowFilter{user: q.UserID, organization: q.OrganizationID}
	for _, kind := range q.Kinds {
		if f.kinds == nil {
			f.kinds = map[string]bool{}
		}
		f.kinds[kind] = true
	}
	return f
}

// Diff is what has changed: the rows that are others at the end than at the beginning, by kind,
// each kind by id. It is immutable.
type Diff struct {
	rows []diffRow
}

// diffRow is a row that has changed, and the events that did it.
type diffRow struct {
	rowChange
	seqs   []uint64 // the first ones, and the last
	events int      // how many there are
}

// maxRowEvents is how many events are named of a row: the first ones, and the last.
const maxRowEvents = 100

func (r *diffRow) add(seq uint64) {
	if r.events++; len(r.seqs) == maxRowEvents {
		r.seqs[maxRowEvents-1] = seq
		return
	}
	r.seqs = append(r.seqs, seq)
}

// DiffRow is a row of a Diff as it is shown.
type DiffRow struct {
	RowChange
	// Seqs are the events that changed the row: the first ones and the last if there are many.
	Seqs []uint64
	// Events is how many there are. Some may have undone what others did.
	Events int
}

// Len is the number of rows.
func (d *Diff) Len() int { return len(d.rows) }

// Count counts the rows by what became of them.
func (d *Diff) Count() (added, removed, changed int) {
	for i := range d.rows {
		switch r := &d.rows[i]; {
		case !r.before.there():
			added++
		case !r.after.there():
			removed++
		default:
			changed++
		}
	}
	return added, removed, changed
}

// Row is row i.
func (d *Diff) Row(i int) DiffRow {
	r := &d.rows[i]
	return DiffRow{RowChange: r.shown(), Seqs: r.seqs, Events: r.events}
}

// Limits of a Diff.
const (
	maxDiffRows   = 100_000
	maxDiffEvents = 1 << 23
	diffPatience  = 20 * time.Second
	keptDiffs     = 4
)

// diffs are those that were made last: whoever reads one page by page has it made once.
type diffs struct {
	mu     sync.Mutex
	made   []*madeDiff   // that used last first
	making chan struct{} // holds a token while one is made
}

type madeDiff struct {
	key  string
	diff *Diff
}

func (c *diffs) find(key string) *Diff {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range c.made {
		if m.key == key {
			c.made = slices.Insert(slices.Delete(c.made, i, i+1), 0, m)
			return m.diff
		}
	}
	return nil
}

func (c *diffs) keep(key string, d *Diff) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = slices.Insert(c.made, 0, &madeDiff{key, d})
	rows := 0
	for i, m := range c.made {
		if rows += m.diff.Len(); i > 0 && (i >= keptDiffs || rows > maxDiffRows) {
			c.made = slices.Delete(c.made, i, len(c.made))
			return
		}
	}
}

// Diff compares two states of the log, and says which events made the difference. It takes up the tables
// as of the first and folds on to the second with a journal; one is made at a time. What is too much
// for that is refused with kind TooLarge, code DIFF_TOO_BROAD.
func (h *History) Diff(ctx context.Context, q DiffQuery) (*Diff, error) {
	switch {
	case q.To < q.From:
		return nil, errs.New(errs.Invalid, "INVALID_RANGE", "the range ends at seq %d, before it begins at %d", q.To, q.From)
	case q.To > h.log.Head():
		return nil, errs.New(errs.Invalid, "SEQ_BEYOND_HEAD", "the log ends at seq %d", h.log.Head())
	case q.To-q.From > maxDiffEvents:
		return nil, errs.New(errs.TooLarge, codeTooBroad, "at most %d events are compared at once: narrow the range", maxDiffEvents)
	}
	slices.Sort(q.Kinds)
	key := q.key()
	if d := h.diffs.find(key); d != nil {
		return d, nil
	}
	wait, cancel := context.WithTimeout(ctx, h.o.Patience)
	defer cancel()
	select {
	case h.diffs.making <- struct{}{}:
		defer func() { <-h.diffs.making }()
	case <-wait.Done():
		return nil, errs.Wrap(wait.Err(), errs.Unavailable, "DIFF_BUSY", "this node is making another comparison; try again")
	}
	if d := h.diffs.find(key); d != nil {
		return d, nil // it was made meanwhile
	}
	d, err := h.diff(ctx, &q)
	if err != nil {
		return nil, err
	}
	h.diffs.keep(key, d)
	return d, nil
}

const codeTooBroad = "DIFF_TOO_BROAD"

// diff makes a Diff.
func (h *History) diff(ctx context.Context, q *DiffQuery) (*Diff, error) {
	patient, cancel := context.WithTimeout(ctx, diffPatience)
	defer cancel()
	fold, err := h.foldAt(patient, q.Project, q.From)
	if err != nil {
		return nil, late(ctx, err)
	}
	d := newDiffer(fold, q.filter(), cancel)
	if err := fold.to(patient, h.log, q.To); err != nil {
		if len(d.rows) > maxDiffRows {
			return nil, errs.Wrap(err, errs.TooLarge, codeTooBroad, "more than %d rows were changed: narrow the range, or name kind, userId or organizationId", maxDiffRows)
		}
		return nil, late(ctx, err)
	}
	return d.diff(), nil
}

// late gives the end of a Diff's patience its kind.
func late(ctx context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) && errs.KindOf(err) == errs.Internal {
		return errs.Wrap(err, errs.TooLarge, codeTooBroad, "the comparison takes longer than %s: narrow the range", diffPatience)
	}
	return err
}

// differ gathers what the events do to the rows of a fold.
type differ struct {
	journal *journal
	rows    map[diffName]*diffRow
	stop    context.CancelFunc // called when there are too many
}

// diffName names a row for longer than an event.
type diffName struct{ kind, id string }

// newDiffer begins to watch the tables of a fold of one project.
func newDiffer(fold *dashFold, f rowFilter, stop context.CancelFunc) *differ {
	d := &differ{journal: watch(fold.dash.building(fold.only), f), rows: map[diffName]*diffRow{}, stop: stop}
	fold.after = d.after
	return d
}

// after notes what an event has changed.
func (d *differ) after(seq uint64) {
	changes := d.journal.changes()
	for i := range changes {
		c := &changes[i]
		name := diffName{c.kind, c.id()}
		r := d.rows[name]
		if r == nil {
			r = &diffRow{rowChange: *c}
			d.rows[name] = r
		}
		r.after = c.after
		r.add(seq)
	}
	if len(d.rows) > maxDiffRows {
		d.stop()
	}
}

// diff ends the watching and returns what is another row than it was.
func (d *differ) diff() *Diff {
	d.journal.stop()
	all := &Diff{}
	for _, r := range d.rows {
		if !sameEntity(&r.before, &r.rowChange.after) {
			all.rows = append(all.rows, *r)
		}
	}
	order := map[string]int{}
	for i, kind := range Kinds() {
		order[kind] = i
	}
	slices.SortFunc(all.rows, func(a, b diffRow) int {
		return cmp.Or(cmp.Compare(order[a.kind], order[b.kind]), strings.Compare(a.id(), b.id()))
	})
	return all
}
