package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/internal/node"
	"dashd/projections"
)

// History is what a data directory was filled with, and names some of what is in it.
type History struct {
	Seed   uint64    `json:"seed"`
	Events int       `json:"events"`
	End    time.Time `json:"end"` // when the last event was received
	// Users are some of those who are there at the end, in the order in which they joined;
	// Programs have very many sessions each.
	Users         []string `json:"users"`
	Programs      []string `json:"programs"`
	Organizations []string `json:"organizations"`
	// Checkpoints is for how many of the last days the node took one.
	Checkpoints int `json:"checkpoints"`
}

// Start is when the history begins.
func (h *History) Start() time.Time { return h.End.AddDate(0, 0, -genevents.HistoryDays) }

const (
	dayMs = 24 * 60 * 60 * 1000
	// fillBatch is how many events are received at once: an hour's worth, or less. One batch is
	// stored after the other, so that the log has the events in their order.
	fillBatch = 1000
	// checkpointDays is for how many days nodes keep a checkpoint each (projections.DashOptions),
	// and one more.
	checkpointDays = 36
	// checkpointAtDay is how many events make a checkpoint worth while at the end of a day.
	checkpointAtDay = 1 << 14
	// checkpointPatience is how long the checkpoint of a day may take. Now and then there is none,
	// because another one is being written.
	checkpointPatience = 20 * time.Second
	checkpointMisses   = 3
)

// Fill stores the events of h, of which Seed, Events and End are set, in a new data directory, and
// sets the rest of h. It runs a node whose clock is that of the events, so that it ends up with what
// a node has that took them in as they happened: times of receipt, and a checkpoint for each of
// the last days, for which Fill waits. progress is told the number of events that are stored; it may be nil.
func Fill(ctx context.Context, dir string, h *History, progress func(events int)) (err error) {
	f := &filler{source: genevents.NewHistory(h.Seed, h.Events, h.End.UnixMilli()), end: h.End.UnixMilli(), progress: progress}
	f.clock.Store(h.Start().UnixMilli())
	if f.node, err = node.Open(ctx, node.Config{
		Dir: dir, Now: f.clock.Load, Dash: projections.DashOptions{CheckpointAtDay: checkpointAtDay},
	}); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- f.node.Run(running) }()
	err = f.run(ctx)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return fmt.Errorf("fill %s: %w", dir, err)
	}
	const some = 2000
	h.Users, h.Programs, h.Organizations = f.source.Present(some), f.source.Programs(), f.source.Organizations(some)
	h.Checkpoints = f.checkpoints
	return nil
}

// filler stores a history.
type filler struct {
	node     *node.Node
	source   *genevents.History
	end      int64
	clock    atomic.Int64 // of the node: when the newest event was received that was handed over
	progress func(int)

	checkpoints, misses int
}

// batch is a run of events of one day.
type batch struct {
	events   []eventlog.Event
	received int64 // the last of them
}

func (f *filler) run(ctx context.Context) error {
	if err := f.node.WaitReady(ctx); err != nil {
		return err
	}
	f.clock.Store(f.node.Appender.Now())
	batches := make(chan batch, 4)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(batches)
		return f.make(ctx, batches)
	})
	g.Go(func() error { return f.store(ctx, batches) })
	return g.Wait()
}

// make cuts the history into batches.
func (f *filler) make(ctx context.Context, out chan<- batch) error {
	b := batch{events: make([]eventlog.Event, 0, fillBatch)}
	for {
		e, received, ok := f.source.Next()
		if len(b.events) == fillBatch || len(b.events) > 0 && (!ok || received/dayMs != b.received/dayMs) {
			select {
			case out <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
			b.events = make([]eventlog.Event, 0, fillBatch)
		}
		if !ok {
			return nil
		}
		b.events, b.received = append(b.events, e), received
	}
}

// store appends the batches.
func (f *filler) store(ctx context.Context, batches <-chan batch) error {
	today, done := int64(0), 0
	for b := range batches {
		day := b.received / dayMs
		newDay := today != 0 && day != today && f.end/dayMs-day < checkpointDays
		today = day
		before := f.node.Store.Head()
		f.clock.Store(b.received)
		if _, err := f.node.Appender.Append(ctx, b.events); err != nil {
			return err
		}
		if done += len(b.events); f.progress != nil {
			f.progress(done)
		}
		if newDay {
			if err := f.checkpoint(ctx, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkpoint waits for the checkpoint of the day that ended with an event: a node to which a day is
// a day has the time for it.
func (f *filler) checkpoint(ctx context.Context, seq uint64) error {
	had := uint64(0)
	if c := f.node.Dash.Status().Checkpoint; c != nil {
		had = c.Seq
	}
	if f.misses == checkpointMisses || seq < had+checkpointAtDay {
		return nil
	}
	if err := f.node.Dash.Wait(ctx, f.node.Store.Head()); err != nil {
		return err
	}
	if c := f.node.Dash.Status().Checkpoint; (c == nil || c.Seq < seq) && !f.node.Dash.DayCheckpointDue(seq) {
		return nil // so few events are folded faster than they are kept
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	patience := time.After(checkpointPatience)
	for {
		if c := f.node.Dash.Status().Checkpoint; c != nil && c.Seq >= seq {
			f.checkpoints++
			return nil
		}
		select {
		case <-tick.C:
		case <-patience:
			f.misses++
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-f.node.Failed():
			return f.node.Failure()
		}
	}
}
