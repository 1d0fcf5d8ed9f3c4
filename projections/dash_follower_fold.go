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
	// newDay, if not nil, is called before the first event is folded that was received on
	// another UTC day than the one before it.
	newDay func() error
	// after, if not nil, is called when an event of a type with a rule was folded.
	after func(seq uint64)

	picker  picker
	outlook outlook
	roll    rollCall
	first   uint64 // seq of the first event of the block in work
}

// block folds what concerns the projection in one block. The first block may begin
// before the events that are due. Of other events only the columns are looked at: they are
// not decoded.
func (d *dashFold) block(first uint64, b *block.Block) error {
	if err := d.begin(first, b); err != nil {
		return err
	}
	due := d.picker.pick(b, d.only, int(d.seq+1-first), rowsUntil(d.end, first, b))
	if err := b.SelectFacts(first, due, func(rec *eventlog.Record) error {
		d.fact(rec, nil)
		return nil
	}); err != nil {
		return errDecoding(first, err)
	}
	d.finish(b)
	return nil
}

func errDecoding(first uint64, err error) error {
	return errs.Stop(errs.ExitIntegrity, fmt.Errorf("decode the block at seq %d: %w", first, err))
}

// begin is called before the events of a block are folded.
func (d *dashFold) begin(first uint64, b *block.Block) error {
	next := d.seq + 1
	if first > next {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the block after seq %d begins at %d", d.seq, first))
	}
	if d.newDay != nil && d.seq > 0 && b.ReceivedAt/msPerDay != d.received/msPerDay {
		if err := d.newDay(); err != nil {
			return err
		}
	}
	d.first = first
	d.roll.open(d.dash, d.only, b, int(next-first))
	return nil
}

// fact folds an event of the block that has a rule, and what the others before it say of
// who was active. meta is as applyRule takes it.
func (d *dashFold) fact(rec *eventlog.Record, meta *object) {
	at := int(rec.Seq - d.first)
	d.roll.until(at)
	if d.dash.applyRule(rec, meta) {
		d.roll.until(at + 1)
	} else {
		d.roll.next = at + 1
	}
	if d.after != nil {
		d.after(rec.Seq)
	}
}

// finish is called when the events of a block that have rules were folded.
func (d *dashFold) finish(b *block.Block) {
	rows := rowsUntil(d.end, d.first, b)
	d.roll.until(rows)
	d.roll.close()
	d.seq, d.received = max(d.seq, d.first+uint64(rows)-1), b.ReceivedAt
}

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
	if err := d.follow(ctx, log, func() {}); err != nil {
		return fmt.Errorf("fold to seq %d: %w", seq, err)
	}
	if d.seq != seq {
		return fmt.Errorf("fold to seq %d: the log ends at %d", seq, d.seq)
	}
	return nil
}

// follow folds what the log holds at the call, up to the end that is set. step is called after
// each block.
func (d *dashFold) follow(ctx context.Context, log DashLog, step func()) error {
	end := log.Head()
	if d.end > 0 {
		end = min(end, d.end)
	}
	if d.seq >= end {
		return nil
	}
	if end-d.seq >= worthAhead {
		return d.followAhead(ctx, log, step)
	}
	return ignoreReached(log.Blocks(ctx, d.seq+1, func(first uint64, _ []byte, b block.Block) error {
		if d.end > 0 && first > d.end {
			return errReached
		}
		if err := d.block(first, &b); err != nil {
			return err
		}
		step()
		return nil
	}))
}

// errReached ends a reading of the log that has come far enough.
var errReached = errors.New("far enough")

func ignoreReached(err error) error {
	if errors.Is(err, errReached) {
		return nil
	}
	return err
}

// rowsUntil is how many events of a block come before the seq after end; 0 is no end.
func rowsUntil(end, first uint64, b *block.Block) int {
	if end == 0 || first+uint64(b.Len())-1 <= end {
		return b.Len()
	}
	return int(end - first + 1)
}

// picker finds the events of a block that have rules.
type picker struct {
	wanted []want // of the group in work, by reference to its dictionary
	due    []int
}

// want says whether a dictionary entry is a type that Dash folds.
type want uint8

const (
	notAsked want = iota
	wantedType
	otherType
)

// pick returns the offsets of those events from skip on and before end, of one project if only
// is not empty. They are good until the next call.
func (p *picker) pick(b *block.Block, only string, skip, end int) []int {
	p.due = p.due[:0]
	groups := b.Groups()
	for i := range groups {
		p.group(&groups[i], only, skip, end)
	}
	return p.due
}

func (p *picker) group(g *block.Group, only string, skip, end int) {
	if n := g.DictLen(); n > cap(p.wanted) {
		p.wanted = make([]want, n)
	} else {
		p.wanted = p.wanted[:n]
		clear(p.wanted)
	}
	for row := max(skip-g.First(), 0); row < min(g.Len(), end-g.First()); row++ {
		if only != "" && string(g.Dict(g.Ref(block.ColProject, row))) != only {
			continue
		}
		ref := g.Ref(block.ColType, row)
		w := &p.wanted[ref]
		if *w == notAsked {
			*w = otherType
			if wants(eventlog.Type(g.Dict(ref))) {
				*w = wantedType
			}
		}
		if *w == wantedType {
			p.due = append(p.due, g.First()+row)
		}
	}
}
