package drains

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/outbound"
	"dashd/internal/seal"
	"dashd/projections"
)

// Log is the part of eventlog/store.Store that is followed.
type Log interface {
	Head() uint64
	Wait(ctx context.Context, seq uint64) error
	Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error
	View(seq uint64, fn func(b *block.Block, first uint64) error) error
	Select(seqs []uint64, fn func(*eventlog.Record) error) (n int, err error)
}

// Index is the part of eventlog/index.Index by which far-away events are found.
type Index interface {
	Query(ctx context.Context, q index.Query) (index.Page, error)
}

// Dash is the image that says which drains there are and who is a member: a
// *projections.DashFollower.
type Dash interface {
	Image() *projections.DashImage
	WaitPatiently(ctx context.Context, seq uint64) error
}

// Positions is the part of internal/kv.DB in which positions are kept.
type Positions interface {
	Get(key []byte, fn func(val []byte) error) (found bool, err error)
	Scan(prefix, from []byte, fn func(key, val []byte) (more bool, err error)) error
	Write(fn func(put func(key, val []byte) error) error) error
	Delete(keys [][]byte) error
}

// Sender is the way out: an *outbound.Client.
type Sender interface {
	Do(ctx context.Context, req outbound.Request) (outbound.Response, error)
}

// Leadership is the part of internal/cluster.Cluster that says whether this node delivers.
type Leadership interface {
	WaitLead(ctx context.Context) error
	Term() (uint64, error)
}

// Options of New. All are required.
type Options struct {
	Log       *slog.Logger
	Events    Log
	Index     Index
	Dash      Dash
	Positions Positions
	Sealer    *seal.Sealer
	Sender    Sender
	Lead      Leadership
	// Suspend gives a drain up: commands.Commands.SuspendDrain.
	Suspend func(ctx context.Context, cmd commands.DrainSuspend) error
	// Advance tells the log how far drains have come: commands.Commands.AdvanceDrains.
	Advance func(ctx context.Context, term uint64, list []commands.DrainAdvanced) error
	// Others reports whether there are nodes that may lead after this one.
	Others func() bool
}

// Bounds of what goes on at a time. Drains whose last attempt has failed queue apart, so that
// dead destinations, each of which holds its place until a timeout, do not hold up the others.
const (
	healthyPlaces = 32
	failingPlaces = 8
)

// Deliverer delivers. It is safe for concurrent use.
type Deliverer struct {
	o   Options
	log *slog.Logger

	farBehind, tellIdle uint64 // the constants, but for tests

	healthy, failing chan struct{} // a token for each request on its way

	unsaved chan struct{}  // holds a token if a position is to be saved
	untold  chan struct{}  // holds one if positions are to be told to the log at once
	working sync.WaitGroup // the goroutines of drains
	routes  routes         // only watch's goroutine

	mu      sync.Mutex // guards what follows, and the workers
	leading bool
	routed  uint64 // the drains know of everything up to it
	drains  map[drainID]*worker
	gone    [][]byte // keys of positions to delete
}

// drainID identifies a drain.
type drainID struct{ project, id string }

// New returns a deliverer; Run makes it work.
func New(o Options) *Deliverer {
	return &Deliverer{
		o: o, log: o.Log.With("component", "drains"), farBehind: farBehind, tellIdle: tellIdle,
		healthy: make(chan struct{}, healthyPlaces), failing: make(chan struct{}, failingPlaces),
		unsaved: make(chan struct{}, 1), untold: make(chan struct{}, 1),
		drains: map[drainID]*worker{},
	}
}

var errNotLeading = errors.New("this node does not lead any more")

// Run delivers while this node leads, until ctx ends; it then returns nil. When it
// returns, nothing is on its way, and all positions are saved. After any error the node must stop.
func (d *Deliverer) Run(ctx context.Context) error {
	for {
		if err := d.o.Lead.WaitLead(ctx); err != nil {
			<-ctx.Done() // the node's storage has failed, which ends it
			return nil
		}
		term, err := d.o.Lead.Term()
		if err != nil {
			continue // lost again
		}
		if err := d.lead(ctx, term); !errors.Is(err, errNotLeading) {
			return err
		}
	}
}

// lead delivers for as long as this node leads in a term: then the error is errNotLeading. It is nil
// if ctx has ended.
func (d *Deliverer) lead(parent context.Context, term uint64) error {
	ctx, stop := context.WithCancelCause(parent)
	still := func() bool {
		now, err := d.o.Lead.Term()
		if err != nil || now != term {
			stop(errNotLeading)
		}
		return ctx.Err() == nil
	}
	saving, stopSaving := context.WithCancel(context.WithoutCancel(parent))
	saved := make(chan error, 1)
	go func() { // waited for below
		err := d.savePositions(saving)
		stop(err)
		saved <- err
	}()
	var telling sync.WaitGroup
	telling.Go(func() { d.tellPositions(ctx, term, still) })
	watched := d.watch(ctx, still)
	stop(watched)
	d.stopAll()
	stopSaving() // now that none of them moves
	telling.Wait()
	if now, err := d.o.Lead.Term(); err == nil && now == term {
		last, done := context.WithTimeout(context.WithoutCancel(parent), tellAtEnd)
		d.tell(last, term)
		done()
	}
	switch err := <-saved; {
	case err != nil:
		return fmt.Errorf("log drains: %w", err)
	case errors.Is(context.Cause(ctx), errNotLeading):
		return errNotLeading
	case parent.Err() != nil:
		return nil
	}
	return fmt.Errorf("log drains: %w", watched)
}

// stopAll ends all drains, but keeps where they are for the save that follows.
func (d *Deliverer) stopAll() {
	d.mu.Lock()
	d.leading = false
	for _, w := range d.drains {
		w.halt()
	}
	d.mu.Unlock()
	d.working.Wait()
}

// enter waits for a place in the queue for the network.
func (d *Deliverer) enter(ctx context.Context, failing bool) (leave func(), err error) {
	places := d.healthy
	if failing {
		places = d.failing
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Health is how a drain is doing, as far as this node knows.
func (d *Deliverer) Health(project string, row projections.Drain) destination.Health {
	d.mu.Lock()
	w := d.drains[drainID{project, row.ID}]
	var p position
	var next int64
	known := w != nil && d.leading && w.row.Epoch == row.Epoch
	if known {
		p, next = w.position(), w.nextAttempt
	}
	d.mu.Unlock()
	if !known {
		p = d.stored(project, row) // another node leads, or the drain is new
	}
	h := destination.Health{
		LastDelivery: p.lastDelivery, LastError: p.lastError, Cursor: p.seq, Attempts: int(p.attempts), NextAttempt: next,
	}
	h.Lag = max(d.o.Events.Head(), p.seq) - p.seq
	switch {
	case row.Suspended != "" && !row.Enabled:
		h.Status = destination.Suspended
	case !row.Enabled:
		h.Status = destination.Paused
	case p.attempts > 0:
		h.Status = destination.Failing
	default:
		h.Status = destination.Active
	}
	return h
}

func now() int64 { return time.Now().UnixMilli() }
