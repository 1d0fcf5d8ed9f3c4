package drains

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"dashd/internal/destination"
	"dashd/projections"
)

// saveIdle is how many events may pass before also the drains that had none of them are
// saved: the most that such a drain looks at again after a crash.
const saveIdle = 1 << 16

// watch follows the log: it starts and stops drains as their rows come, change and go,
// and tells each when there is something to deliver. It returns when ctx ends, or
// after an error. Each block is looked at when the image holds it.
func (d *Deliverer) watch(ctx context.Context, still func() bool) error {
	head := d.o.Events.Head()
	if err := d.o.Dash.WaitPatiently(ctx, head); err != nil {
		return fmt.Errorf("wait for the image: %w", err)
	}
	d.mu.Lock()
	d.routed, d.leading = head, true
	clear(d.drains)
	d.mu.Unlock()
	if err := d.sync(ctx, d.o.Dash.Image(), head+1, still); err != nil {
		return err
	}
	if err := d.forgetStrangers(); err != nil {
		return err
	}
	idle := head
	for {
		from := head + 1
		if err := d.o.Events.Wait(ctx, from); err != nil {
			return fmt.Errorf("wait for seq %d: %w", from, err)
		}
		head = d.o.Events.Head()
		if err := d.o.Dash.WaitPatiently(ctx, head); err != nil {
			return fmt.Errorf("wait for the image: %w", err)
		}
		image := d.o.Dash.Image()
		changed, err := d.route(ctx, from, head, image)
		if err != nil {
			return fmt.Errorf("read from seq %d: %w", from, err)
		}
		if changed {
			if err := d.sync(ctx, image, from, still); err != nil {
				return err
			}
		}
		if head-idle >= saveIdle {
			idle = head
			d.touchAll()
		}
	}
}

// touchAll has the positions of all drains saved.
func (d *Deliverer) touchAll() {
	d.mu.Lock()
	for _, w := range d.drains {
		w.moved = true
	}
	d.mu.Unlock()
	token(d.unsaved)
}

// sync makes the drains those of the image. What changed did so at seq from or later.
func (d *Deliverer) sync(ctx context.Context, image *projections.DashImage, from uint64, still func() bool) error {
	rows := map[drainID]projections.Drain{}
	for project, t := range image.Projects() {
		for _, row := range t.AllDrains() {
			rows[drainID{project, row.ID}] = row
		}
	}
	begun, err := d.beginnings(rows)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, w := range d.drains {
		if _, ok := rows[id]; !ok {
			w.halt()
			delete(d.drains, id)
			d.gone = append(d.gone, w.key())
			token(d.unsaved)
		}
	}
	for id, row := range rows {
		before := d.drains[id]
		if before != nil && sameDrain(before.row, row) {
			continue
		}
		p, fresh := begun[id]
		if !fresh {
			p = before.position()
			if before.running { // with its old row it has passed over what it now may want
				p.seq = max(before.delivered, min(p.seq, from-1))
			}
		}
		d.drains[id] = d.start(ctx, id, row, p, before, still)
	}
	d.reroute()
	return nil
}

// beginnings loads the positions of the drains that do not run yet, or are to begin
// elsewhere.
func (d *Deliverer) beginnings(rows map[drainID]projections.Drain) (map[drainID]position, error) {
	begun := map[drainID]position{}
	for id, row := range rows {
		d.mu.Lock()
		w := d.drains[id]
		d.mu.Unlock()
		if w != nil && w.row.Epoch == row.Epoch {
			continue
		}
		p, err := d.load(id.project, row)
		if err != nil {
			return nil, err
		}
		begun[id] = p
	}
	return begun, nil
}

// sameDrain reports whether a drain can go on as it is.
func sameDrain(a, b projections.Drain) bool {
	return a.Epoch == b.Epoch && a.Enabled == b.Enabled && a.UpdatedAt == b.UpdatedAt && bytes.Equal(a.Sealed, b.Sealed) &&
		a.DestinationType == b.DestinationType && slices.Equal(a.EventTypes, b.EventTypes)
}

// start makes a drain that goes on from p, once the one before it has ended. Called with mu
// held.
func (d *Deliverer) start(ctx context.Context, id drainID, row projections.Drain, p position, before *worker, still func() bool) *worker {
	w := &worker{
		d: d, id: id, row: row, filter: destination.NewFilter(row.EventTypes), still: still, breaker: newBreaker(),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		delivered: p.seq, read: p.seq, health: p, saved: p,
		running: row.Enabled, moved: true, worth: p.seq, told: max(row.FromSeq, 1) - 1,
	}
	if t, ok := d.told(id.project, row); ok {
		w.told = t.Seq
	}
	if before != nil {
		before.halt()
		w.saved = before.saved
	}
	if !row.Enabled {
		close(w.done)
		if before != nil {
			w.done = before.done
		}
		return w
	}
	if before != nil {
		// What was wrong may have been put right: it is tried at once, and the day begins anew.
		w.health.failingSince, w.health.attempts, w.health.lastError = 0, 0, ""
	}
	if p.seq < d.routed {
		w.due = p.seq + 1
		token(w.wake)
	}
	ctx, w.cancel = context.WithCancel(ctx)
	d.working.Add(1)
	go func() { // ends when it is halted, or ctx ends; stopAll waits for it
		defer d.working.Done()
		defer close(w.done)
		if before != nil {
			<-before.done
		}
		w.run(ctx)
	}()
	return w
}
