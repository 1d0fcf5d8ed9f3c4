package appender

import (
	"context"
	"fmt"
	"slices"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
)

// pending is a block on its way. Only its goroutine uses it.
type pending struct {
	a        *Appender
	requests []*request
	term     uint64
	header   block.Header
	turn     <-chan struct{} // closed when the block before is with raft, or never will be
	passed   chan struct{}   // closed when this one is
}

// write brings the block into the log and settles everything that depended on it.
func (b *pending) write() {
	applied, err := b.append()
	for _, r := range b.requests {
		b.settle(r, applied, err)
	}
}

// append returns once the log has what is new in the block, or why it may not.
func (b *pending) append() (store.Applied, error) {
	wait, events, err := b.propose()
	close(b.passed)
	if err != nil || events == 0 {
		return store.Applied{}, err
	}
	applied, err := wait()
	if err == nil && applied.Last-applied.First+1 != uint64(events) {
		return store.Applied{}, fmt.Errorf("a block of %d events was applied as seq %d to %d", events, applied.First, applied.Last)
	}
	return applied, err
}

// propose hands what is new to raft, when it is this block's turn, and says how
// many events that are.
func (b *pending) propose() (wait func() (store.Applied, error), events int, err error) {
	sealed, events, err := b.seal()
	<-b.turn
	if err != nil || events == 0 {
		return nil, 0, err
	}
	// No caller's context: the block belongs to all of them.
	wait, err = b.a.proposer.Propose(context.Background(), b.term, sealed)
	return wait, events, err
}

// seal makes the block, without what the log has already.
func (b *pending) seal() (sealed []byte, events int, err error) {
	for _, r := range b.requests {
		if err := b.lookUp(r); err != nil {
			return nil, 0, err
		}
	}
	groups, events, err := b.encode()
	if err != nil || events == 0 {
		return nil, 0, err
	}
	sealed, err = block.Seal(b.header, groups...)
	if err != nil {
		return nil, 0, fmt.Errorf("seal block: %w", err)
	}
	return sealed, events, nil
}

// lookUp drops the events of r whose id is in the log. Their ids are in the table
// since before, so no block can bring them there unnoticed.
func (b *pending) lookUp(r *request) error {
	if r.hashes == nil {
		return nil
	}
	for i := range r.events {
		if !r.events[i].GivenID || r.dropped(i) {
			continue
		}
		seq, ok, err := b.a.log.Lookup(r.hashes[i])
		if err != nil {
			return fmt.Errorf("look up event id: %w", err)
		}
		if !ok {
			continue
		}
		rec, err := b.a.log.Read(seq)
		if err != nil {
			return fmt.Errorf("read event %d: %w", seq, err)
		}
		if r.found == nil {
			r.found = make([]*eventlog.Record, len(r.events))
		}
		r.found[i] = &rec
		r.dropEvent(i)
	}
	return nil
}

// encode returns the groups of the block. A small request that cannot be encoded
// fails alone, not with those it shares a group with.
func (b *pending) encode() (groups [][]byte, events int, err error) {
	groups, events, err = b.layout()
	if err == nil {
		return groups, events, nil
	}
	for _, r := range b.requests {
		if kept := r.kept(); r.group == nil && len(kept) > 0 {
			_, r.failed = block.AppendGroup(nil, kept)
		}
	}
	return b.layout()
}

// layout gives each request its place in the block and encodes the groups: first
// those that small requests share, then one for each other request.
func (b *pending) layout() (groups [][]byte, events int, err error) {
	var small []eventlog.Event
	for _, r := range b.requests {
		if r.group == nil && r.failed == nil {
			r.at = uint64(len(small))
			small = append(small, r.kept()...)
		}
	}
	events = len(small)
	for part := range slices.Chunk(small, block.GroupEvents) {
		group, err := block.AppendGroup(nil, part)
		if err != nil {
			return nil, 0, notEncoded(err)
		}
		groups = append(groups, group)
	}
	for _, r := range b.requests {
		if r.group == nil {
			continue
		}
		kept, group := r.kept(), r.group
		if len(kept) == 0 {
			continue
		}
		if len(kept) < len(r.events) {
			if group, err = block.AppendGroup(nil, kept); err != nil {
				return nil, 0, notEncoded(err)
			}
		}
		r.at = uint64(events)
		events += len(kept)
		groups = append(groups, group)
	}
	return groups, events, nil
}

// settle gives r, and the repeats of its events, their outcome.
func (b *pending) settle(r *request, applied store.Applied, err error) {
	if err == nil && r.failed != nil {
		err = notEncoded(r.failed)
	}
	// From here on the log answers for the ids.
	repeats := b.a.ids.leave(r)
	next := applied.First + r.at
	for i := range r.events {
		switch {
		case err != nil:
		case r.found != nil && r.found[i] != nil:
			rec := r.found[i]
			r.results[i] = again(rec.Seq, compare(&rec.Event, &r.events[i]))
		case r.dropped(i):
			continue // a repeat: whoever settles the first one writes its result
		default:
			r.results[i] = Result{Seq: next}
			next++
		}
		for _, p := range repeats[i] {
			b.settleRepeat(p, r, i, err)
		}
	}
	r.settle(err)
}

// settleRepeat gives p the outcome that follows from that of event i of r.
func (b *pending) settleRepeat(p repeat, r *request, i int, err error) {
	if err == nil {
		what := p.what
		if r.found != nil && r.found[i] != nil {
			// Neither of the two is in the log, but a third.
			what = compare(&r.found[i].Event, &p.r.events[p.i])
		}
		p.r.results[p.i] = again(r.results[i].Seq, what)
	}
	p.r.settle(err)
}

// again is the result of an event whose id is in the log at seq.
func again(seq uint64, what sameness) Result {
	return Result{Seq: seq, Duplicate: what == content, Conflict: what == other}
}
