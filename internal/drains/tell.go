package drains

import (
	"context"
	"time"

	"dashd/internal/commands"
)

const (
	// A position is told to the log, so that the next leader goes on there, at most once in
	// tellEvery or tellAfter delivered events.
	tellEvery = 10 * time.Second
	tellAfter = 4096
	// tellIdle is how many events may pass before the position of a drain that had none of
	// them is told: what the next leader has to look through in vain.
	tellIdle = 1 << 20
	// tellAtEnd is how long the last telling may take. The lead may be lost meanwhile.
	tellAtEnd = time.Second
)

// tellPositions tells the log how far the drains have come, while this node still leads in term, until
// ctx ends.
func (d *Deliverer) tellPositions(ctx context.Context, term uint64, still func() bool) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-d.untold:
			tick.Reset(tellEvery)
		case <-ctx.Done():
			return
		}
		if !still() {
			return
		}
		d.tell(ctx, term)
	}
}

// Tell tells the log how far the drains have come, if this node leads: before it gives the lead away.
func (d *Deliverer) Tell(ctx context.Context) {
	if term, err := d.o.Lead.Term(); err == nil {
		d.tell(ctx, term)
	}
}

// tell tells the log the positions that it does not know. What fails is tried again with the next
// ones; without them the next leader delivers more again.
func (d *Deliverer) tell(ctx context.Context, term uint64) {
	if !d.o.Others() {
		return // nobody would go on there
	}
	var list []commands.DrainAdvanced
	var of []*worker
	d.mu.Lock()
	select {
	case <-d.untold: // what asks for it is told now
	default:
	}
	for _, w := range d.drains {
		if seq := w.position().seq; seq > w.told && (w.worth > w.told || seq-w.told >= d.tellIdle) {
			list = append(list, commands.DrainAdvanced{Project: w.id.project, Drain: w.row, Seq: seq})
			of = append(of, w)
			w.taken = 0 // what is delivered while this is told counts anew
		}
	}
	d.mu.Unlock()
	if len(list) == 0 {
		return
	}
	if err := d.o.Advance(ctx, term, list); err != nil {
		d.log.Info("how far drains have come was not told to the log; it will be tried again", "n", len(list), "err", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, w := range of {
		w.told = list[i].Seq
	}
}
