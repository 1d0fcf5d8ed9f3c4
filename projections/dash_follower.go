package projections

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"dashd/eventlog/block"
	"dashd/internal/errs"
)

// DashLog is the part of eventlog/store.Store that the dash projection follows.
type DashLog interface {
	Log
	Head() uint64
}

// DashOptions are those of NewDashFollower. The zero value is the recommended setting.
type DashOptions struct {
	Log *slog.Logger // nil: nothing is logged
}

// DashFollower feeds [Dash] from the log. Readers get its image from any goroutine.
type DashFollower struct {
	// Immutable.
	log  DashLog
	o    DashOptions
	slog *slog.Logger

	// Only Run's goroutine.
	fold *dashFold

	serving atomic.Pointer[Dash] // the one whose image readers see
	target  atomic.Uint64        // the head as of the start of Run; 0 before
	passed  atomic.Uint64        // the last event folded, published or not
	folded  position             // the last event of the published image
}

// NewDashFollower returns a follower with an empty image; Run makes it work.
func NewDashFollower(log DashLog, o DashOptions) *DashFollower {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &DashFollower{log: log, o: o, slog: o.Log.With("component", "projections", "projection", "dash")}
	f.use(&dashFold{dash: NewDash()})
	return f
}

// use makes d the fold that goes on, and its image the one that readers see.
func (f *DashFollower) use(d *dashFold) {
	f.fold = d
	f.serving.Store(d.dash)
	f.passed.Store(d.seq)
}

// Image is the last published image. It never changes.
func (f *DashFollower) Image() *DashImage { return f.serving.Load().Image() }

// Seq is the last event the image holds.
func (f *DashFollower) Seq() uint64 { return f.folded.get() }

// Wait waits until the image holds everything up to seq.
func (f *DashFollower) Wait(ctx context.Context, seq uint64) error { return f.folded.wait(ctx, seq) }

// Ready returns nil once the image holds what was in the log when Run began, and
// until then an error for readers, of kind Unavailable.
func (f *DashFollower) Ready() error {
	target, passed := f.target.Load(), f.passed.Load()
	if target > 0 && f.Seq() >= target-1 {
		return nil
	}
	if target <= 1 {
		return errs.New(errs.Unavailable, "STARTING", "this node is starting; try again")
	}
	return errs.New(errs.Unavailable, "STARTING", "this node is folding its log: %d %%", passed*100/target)
}

// Run follows the log until ctx ends, and then returns nil. After any error the
// image no longer moves, and the node must stop.
func (f *DashFollower) Run(ctx context.Context) error {
	if err := f.run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

func (f *DashFollower) run(ctx context.Context) error {
	f.target.Store(f.log.Head() + 1)
	for {
		if err := f.catchUp(ctx, f.fold); err != nil {
			return err
		}
		f.publish()
		next := f.fold.seq + 1
		if err := f.log.Wait(ctx, next); err != nil {
			return fmt.Errorf("wait for seq %d: %w", next, err)
		}
	}
}

// publishEvery bounds the events that readers wait for while the log grows as fast as
// it is folded. Publishing costs copies: what is folded next copies the pages it
// changes.
const publishEvery = 1 << 15

// catchUp folds everything up to the head as it is at the call.
func (f *DashFollower) catchUp(ctx context.Context, d *dashFold) error {
	if d.seq >= f.log.Head() {
		return nil
	}
	err := f.log.Blocks(ctx, d.seq+1, func(first uint64, _ []byte, b block.Block) error {
		if err := d.block(first, &b); err != nil {
			return err
		}
		f.passed.Store(d.seq)
		if d.seq-f.Seq() >= publishEvery && f.Ready() == nil {
			f.publish()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read from seq %d: %w", d.seq+1, err)
	}
	return nil
}

// publish shows readers everything that was folded.
func (f *DashFollower) publish() {
	if f.fold.seq == f.Seq() {
		return
	}
	f.fold.dash.Publish(f.fold.seq)
	f.folded.advance(f.fold.seq)
}
