package projections

import (
	"context"
	"fmt"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// Refold folds a log that is read block by block, from its beginning, for those who want to know
// what it says: no checkpoint, and nothing a node has made of it, has a part in that. One
// goroutine uses it.
type Refold struct{ fold dashFold }

// NewRefold returns a fold of nothing: of one project, or of all if it is "".
func NewRefold(project string) *Refold {
	return &Refold{dashFold{dash: NewDash(), only: project}}
}

// Seq is the last event folded.
func (r *Refold) Seq() uint64 { return r.fold.seq }

// Version is that of what the folds of this program mean.
func (r *Refold) Version() int { return r.fold.dash.Version() }

// Block folds the events of a block that come after Seq, up to end. The block must begin there, or
// before.
func (r *Refold) Block(first uint64, b *block.Block, end uint64) error {
	if first > end || first+uint64(b.Len())-1 <= r.fold.seq {
		return nil
	}
	r.fold.end = end
	return r.fold.block(first, b)
}

// Image is what was folded so far. It does not change.
func (r *Refold) Image() *DashImage {
	r.fold.dash.Publish(r.fold.seq)
	return r.fold.dash.Image()
}

// Save writes a checkpoint of what was folded, of all projects, as of the head of the log, beside those
// that are there. The log must be persisted up to there.
func (r *Refold) Save(ctx context.Context, log DashLog, o DashOptions) error {
	if r.fold.only != "" || r.fold.seq != log.Head() {
		return fmt.Errorf("a checkpoint needs all projects up to seq %d", log.Head())
	}
	f := NewDashFollower(log, o)
	if f.checkpoints == nil {
		return fmt.Errorf("a checkpoint needs a database")
	}
	if _, err := f.checkpoints.generations(); err != nil { // which number is the next
		return fmt.Errorf("list the checkpoints: %w", err)
	}
	return f.checkpoints.save(ctx, r.Image(), r.fold.received, func(time.Duration) {})
}

// Explained is an event of a person, and what it changed in the rows that belong to him.
type Explained struct {
	Record  *eventlog.Record // valid during the call only
	Changes []RowChange
}

// Explainer tells of one user of a project what each event has done to his rows.
type Explainer struct {
	refold  *Refold
	journal *journal
	user    string
	fn      func(Explained) error

	changes map[uint64][]rowChange // by seq, of the block in work
	due     []int                  // offsets in it
}

// NewExplainer returns one that calls fn, in order, with each event of the user, and with
// each other event that has changed his rows.
func NewExplainer(project, userID string, fn func(Explained) error) *Explainer {
	x := &Explainer{refold: NewRefold(project), user: userID, fn: fn, changes: map[uint64][]rowChange{}}
	f := &x.refold.fold
	x.journal = watch(f.dash.building(project), rowFilter{user: userID})
	f.after = func(seq uint64) {
		if list := x.journal.changes(); len(list) > 0 {
			x.changes[seq] = list
		}
	}
	return x
}

// Seq is the last event folded.
func (x *Explainer) Seq() uint64 { return x.refold.Seq() }

// Block folds a block as Refold does, and calls fn with what it did from seq from on.
func (x *Explainer) Block(first uint64, b *block.Block, from, end uint64) error {
	if first > end || first+uint64(b.Len())-1 <= x.Seq() {
		return nil
	}
	from = max(from, x.Seq()+1)
	if err := x.refold.Block(first, b, end); err != nil {
		return err
	}
	defer clear(x.changes)
	x.pick(first, b, from, end)
	return b.Select(first, x.due, func(rec *eventlog.Record) error {
		e := Explained{Record: rec}
		for _, c := range x.changes[rec.Seq] {
			e.Changes = append(e.Changes, c.shown())
		}
		return x.fn(e)
	})
}

// pick adds to due the events of a block that concern the user.
func (x *Explainer) pick(first uint64, b *block.Block, from, end uint64) {
	x.due = x.due[:0]
	groups := b.Groups()
	for i := range groups {
		g := &groups[i]
		for row := range g.Len() {
			at := g.First() + row
			seq := first + uint64(at)
			if seq < from || seq > end {
				continue
			}
			mine := string(g.Dict(g.Ref(block.ColUser, row))) == x.user &&
				string(g.Dict(g.Ref(block.ColProject, row))) == x.refold.fold.only
			if mine || len(x.changes[seq]) > 0 {
				x.due = append(x.due, at)
			}
		}
	}
}
