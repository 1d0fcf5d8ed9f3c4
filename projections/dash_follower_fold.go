package projections

import (
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

	wanted []want // of the group in work, by reference to its dictionary
	due    []int  // offsets of the events in the block that are folded
}

// want says whether a dictionary entry is a type that Dash folds.
type want uint8

const (
	notAsked want = iota
	wantedType
	otherType
)

// block folds what concerns the projection in one block. The first block may begin
// before the events that are due. Other events are passed over by their columns: they
// are not decoded.
func (d *dashFold) block(first uint64, b *block.Block) error {
	next := d.seq + 1
	if first > next {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the block after seq %d begins at %d", d.seq, first))
	}
	d.due = d.due[:0]
	groups := b.Groups()
	for i := range groups {
		d.pick(&groups[i], int(next-first))
	}
	err := b.SelectFacts(first, d.due, func(rec *eventlog.Record) error {
		d.dash.Apply(rec)
		return nil
	})
	if err != nil {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("decode the block at seq %d: %w", first, err))
	}
	d.seq, d.received = max(d.seq, first+uint64(b.Len())-1), b.ReceivedAt
	return nil
}

// pick adds to due the events of g, from offset skip of the block on, that are folded.
func (d *dashFold) pick(g *block.Group, skip int) {
	if n := g.DictLen(); n > cap(d.wanted) {
		d.wanted = make([]want, n)
	} else {
		d.wanted = d.wanted[:n]
		clear(d.wanted)
	}
	for row := max(skip-g.First(), 0); row < g.Len(); row++ {
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
