package projections

import (
	"bytes"
	"context"

	"dashd/eventlog/block"
)

const (
	// worthAhead is how many events make it worth while to decode them on another processor
	// than the one that folds.
	worthAhead = 1 << 13
	// decodedTogether is how many events are handed over at a time: few enough that they are
	// in the processor's cache when they are folded.
	decodedTogether = 4 * block.SubEvents
	// decodedAhead is how many times that may wait.
	decodedAhead = 8
)

// decoded is a run of events of a block that have rules, ready to be folded.
type decoded struct {
	first        uint64
	block        block.Block
	facts        block.Facts
	metas        []*object  // of the facts: their metadata
	hashes       []idHashes // of their ids
	begins, ends bool       // it is the first of the block, and the last

	objects []object // metas point to these
}

// decoder decodes ahead of a fold, in a goroutine of its own.
type decoder struct {
	only   string
	next   uint64 // the first event that is due
	end    uint64 // the last one; 0: none
	picker picker
	out    chan *decoded
	free   chan *decoded // folded: their memory is used again
}

// followAhead is follow with another goroutine that reads and decodes.
func (d *dashFold) followAhead(ctx context.Context, log DashLog, step func()) error {
	ctx, cancel := context.WithCancel(ctx)
	a := &decoder{
		only: d.only, next: d.seq + 1, end: d.end,
		out: make(chan *decoded, decodedAhead), free: make(chan *decoded, decodedAhead),
	}
	for range decodedAhead {
		a.free <- new(decoded)
	}
	var failed error // the decoder's, once out is closed
	go func() {      // ends before followAhead does
		defer close(a.out)
		failed = ignoreReached(log.Blocks(ctx, a.next, func(first uint64, _ []byte, b block.Block) error {
			return a.block(ctx, first, &b)
		}))
	}()
	defer func() {
		cancel()
		for range a.out { //nolint:revive // drains until the decoder has ended
		}
	}()
	for run := range a.out {
		if err := d.run(run); err != nil {
			return err
		}
		if run.ends {
			step()
		}
		a.free <- run
	}
	return failed
}

// run folds events that were decoded.
func (d *dashFold) run(run *decoded) error {
	if run.begins {
		if err := d.begin(run.first, &run.block); err != nil {
			return err
		}
	}
	d.outlook.look(d.dash, run)
	for i := range run.facts.Records {
		d.outlook.remind(i)
		d.fact(&run.facts.Records[i], run.metas[i])
	}
	if run.ends {
		d.finish(&run.block)
	}
	return nil
}

// block decodes what is due of a block, and hands it over. A block that begins too late has nothing
// that is due, and is the fold's to refuse.
func (a *decoder) block(ctx context.Context, first uint64, b *block.Block) error {
	if a.end > 0 && first > a.end {
		return errReached
	}
	due := a.picker.pick(b, a.only, int(max(a.next, first)-first), rowsUntil(a.end, first, b))
	a.next = first + uint64(b.Len())
	for begins := true; begins || len(due) > 0; begins = false {
		n := min(len(due), decodedTogether)
		var run *decoded
		select {
		case run = <-a.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		run.first, run.block, run.begins, run.ends = first, *b, begins, n == len(due)
		if err := run.facts.Read(b, first, due[:n]); err != nil {
			return errDecoding(first, err)
		}
		run.prepare()
		due = due[n:]
		a.out <- run // there is room for all that there are
	}
	return nil
}

// prepare does of a fold what can be done before it.
func (r *decoded) prepare() {
	n := len(r.facts.Records)
	r.metas, r.objects, r.hashes = resized(r.metas, n), resized(r.objects, n), resized(r.hashes, n)
	var last []byte
	for i := range r.facts.Records {
		rec := &r.facts.Records[i]
		r.hashes[i] = hashesOf(rec)
		if i > 0 && bytes.Equal(rec.Metadata, last) { // as events of one request often have
			r.metas[i] = r.metas[i-1]
			continue
		}
		last, r.metas[i] = rec.Metadata, &r.objects[i]
		r.objects[i].Read(last)
	}
}
