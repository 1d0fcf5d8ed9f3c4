package projections

import (
	"context"
	"errors"
	"fmt"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
)

// dashFold is an image that is being folded, and how far it has come. One goroutine at a
// time uses it.
type dashFold struct {
	dash *Dash
	seq  uint64 // the last event folded
	// received is when that was received, ms.
	received int64
	old      bool // rows of another version of the folds: it is to be replaced
	// only, if not empty, is the one project whose events are folded, and end, if not 0, the
	// last event that is.
	only string
	end  uint64
	// after, if not nil, is called when an event of a type with a rule was folded.
	after func(seq uint64)

	wanted []want // of the group in work, by reference to its dictionary
	due    []int  // offsets of the events in the block that are folded
	roll   rollCall
}

// want says whether a dictionary entry is a type that Dash folds.
type want uint8

const (
	notAsked want = iota
	wantedType
	otherType
)

// block folds what concerns the projection in one block. The first block may begin
// before the events that are due. Of other events only the columns are looked at: they are
// not decoded.
func (d *dashFold) block(first uint64, b *block.Block) error {
	next := d.seq + 1
	if first > next {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the block after seq %d begins at %d", d.seq, first))
	}
	d.due = d.due[:0]
	groups, end := b.Groups(), d.rows(first, b)
	for i := range groups {
		d.pick(&groups[i], int(next-first), end)
	}
	d.roll.open(d.dash, d.only, b, int(next-first))
	err := b.SelectFacts(first, d.due, func(rec *eventlog.Record) error {
		at := int(rec.Seq - first)
		d.roll.until(at)
		if d.dash.applyRule(rec) {
			d.roll.until(at + 1)
		} else {
			d.roll.next = at + 1
		}
		if d.after != nil {
			d.after(rec.Seq)
		}
		return nil
	})
	if err == nil {
		d.roll.until(end)
	}
	if err != nil {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("decode the block at seq %d: %w", first, err))
	}
	last := first + uint64(b.Len()) - 1
	if d.end > 0 {
		last = min(last, d.end)
	}
	d.seq, d.received = max(d.seq, last), b.ReceivedAt
	return nil
}

// errReached ends a reading of the log that has come far enough.
var errReached = errors.New("far enough")

// to folds on up to exactly seq, which may lie in the middle of a block. The log must hold
// it, and the fold must not be beyond it.
func (d *dashFold) to(ctx context.Context, log DashLog, seq uint64) error {
	if d.seq > seq {
		return fmt.Errorf("fold to seq %d: it is at %d", seq, d.seq)
	}
	if d.seq == seq {
		return nil
	}
	d.end = seq
	defer func() { d.end = 0 }()
	err := log.Blocks(ctx, d.seq+1, func(first uint64, _ []byte, b block.Block) error {
		if first > seq {
			return errReached
		}
		return d.block(first, &b)
	})
	if err != nil && !errors.Is(err, errReached) {
		return fmt.Errorf("fold to seq %d: %w", seq, err)
	}
	if d.seq != seq {
		return fmt.Errorf("fold to seq %d: the log ends at %d", seq, d.seq)
	}
	return nil
}

// rows is how many events of a block are due at most.
func (d *dashFold) rows(first uint64, b *block.Block) int {
	if d.end == 0 || first+uint64(b.Len())-1 <= d.end {
		return b.Len()
	}
	return int(d.end - first + 1)
}

// pick adds to due the events of g, from offset skip of the block on and before offset end,
// that are folded.
func (d *dashFold) pick(g *block.Group, skip, end int) {
	if n := g.DictLen(); n > cap(d.wanted) {
		d.wanted = make([]want, n)
	} else {
		d.wanted = d.wanted[:n]
		clear(d.wanted)
	}
	for row := max(skip-g.First(), 0); row < min(g.Len(), end-g.First()); row++ {
		if d.only != "" && string(g.Dict(g.Ref(block.ColProject, row))) != d.only {
			continue
		}
		ref := g.Ref(block.ColType, row)
		w := &d.wanted[ref]
		if *w == notAsked {
			*w = otherType
			if wants(eventlog.Type(g.Dict(ref))) {
				*w = wantedType
			}
		}
		if *w == wantedType {
			d.due = append(d.due, g.First()+row)
		}
	}
}
