package projections

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"dashd/internal/kv"
)

// DashLog is the part of eventlog/store.Store that the dash projection follows.
type DashLog interface {
	Log
	Head() uint64
	PersistedSeq() uint64
	WaitPersistedSeq(ctx context.Context, seq uint64) error
}

// DashOptions are those of NewDashFollower. The zero value is the recommended setting, but
// for the database.
type DashOptions struct {
	Log *slog.Logger // nil: nothing is logged
	// DB holds the checkpoints; nil: there are none, and each start folds the whole log.
	DB  *kv.DB
	Now func() int64 // ms, for what checkpoints say of themselves; nil: the system's
	// CheckpointEvery is how many events are folded between checkpoints; 0: 1,048,576.
	CheckpointEvery uint64
	// CheckpointAtStop is how many events make a checkpoint worth while when the node
	// stops; 0: 65,536.
	CheckpointAtStop uint64
	// CheckpointAtDay is how many events make a checkpoint worth while when a UTC day ends;
	// 0: 16,384, and one for each 32 rows.
	CheckpointAtDay uint64
	// CheckpointDays is for how many days one checkpoint each is kept, beside the last two;
	// 0: 35.
	CheckpointDays int

	// For tests.
	version    int    // of the folds of this program; 0: what Dash says
	chunkBytes int    // 0: the constant
	wrote      func() // called after each commit of a checkpoint
}

// DashFollower feeds [Dash] from the log, from a checkpoint on. Readers get its image from any
// goroutine.
//
// The folds of another version than a checkpoint's give other rows. Then the rows of the
// checkpoint serve, and are folded on, while another goroutine folds the log from its
// beginning; what it made takes their place.
type DashFollower struct {
	// Immutable.
	log  DashLog
	o    DashOptions
	slog *slog.Logger

	// Only Run's goroutine, but for checkpoints: the goroutine of a save has them.
	fold        *dashFold
	checkpoints *checkpoints // nil: there is no database
	savedAt     uint64       // seq of the last checkpoint, written or begun
	savedOf     *Dash        // whose rows the last checkpoint remembers
	days        int64        // the first of those of which a checkpoint each is kept
	saving      chan error   // holds the outcome of the save that is under way; nil if none is
	building    *rebuild     // under way; nil if none is
	rebuilds    uint64       // that were begun

	serving  atomic.Pointer[Dash] // the one whose image readers see
	folded   position             // the last event of the published image
	pace     pace                 // of publishing; only Run's goroutine
	target   atomic.Uint64        // the head as of the start of Run, plus 1; 0 before
	progress progress             // of the fold
	rebuild  atomic.Pointer[progress]
	newest   atomic.Pointer[Checkpoint]
	lender   atomic.Pointer[lender] // nil: there is none

	asks        chan rebuildAsk
	over        chan struct{} // closed when Run has ended
	lastRebuilt atomic.Pointer[Rebuilt]
}

// NewDashFollower returns a follower with an empty image; Run makes it work.
func NewDashFollower(log DashLog, o DashOptions) *DashFollower {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = func() int64 { return time.Now().UnixMilli() }
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = 1 << 20
	}
	if o.CheckpointAtStop == 0 {
		o.CheckpointAtStop = 1 << 16
	}
	if o.CheckpointDays == 0 {
		o.CheckpointDays = 35
	}
	if o.chunkBytes == 0 {
		o.chunkBytes = chunkBytes
	}
	if o.wrote == nil {
		o.wrote = func() {}
	}
	f := &DashFollower{
		log: log, o: o, slog: o.Log.With("component", "projections", "projection", "dash"),
		asks: make(chan rebuildAsk), over: make(chan struct{}),
	}
	f.folded.asked = make(chan struct{}, 1)
	f.use(&dashFold{dash: NewDash()})
	if o.version == 0 {
		f.o.version = f.fold.dash.Version()
	}
	if o.DB != nil {
		f.checkpoints = &checkpoints{
			db: o.DB, log: log, slog: f.slog, now: o.Now,
			version: f.o.version, days: o.CheckpointDays, chunkBytes: o.chunkBytes,
			next: 1, bad: map[uint64]bool{},
		}
	}
	return f
}

// use makes d the fold that goes on, and its image the one that readers see.
func (f *DashFollower) use(d *dashFold) {
	f.fold = d
	f.serving.Store(d.dash)
	f.folded.advance(d.dash.Image().Seq())
}

// Image is the last published image. It never changes.
func (f *DashFollower) Image() *DashImage { return f.serving.Load().Image() }

// Seq is the last event the image holds.
func (f *DashFollower) Seq() uint64 { return f.folded.get() }

// Wait waits until the image holds everything up to seq. What is in the log is folded
// at once for it.
func (f *DashFollower) Wait(ctx context.Context, seq uint64) error {
	if f.Seq() >= seq {
		return nil
	}
	if err := f.log.Wait(ctx, seq); err != nil {
		return err
	}
	return f.folded.hurry(ctx, seq)
}

// WaitPatiently is Wait for those who follow the log themselves: no image is made for
// their sake.
func (f *DashFollower) WaitPatiently(ctx context.Context, seq uint64) error {
	return f.folded.wait(ctx, seq)
}

// Run follows the log until ctx ends, and then returns nil. After any error the
// image no longer moves, and the node must stop.
//
// At its end it takes a checkpoint, if that is worth while: the log must still be persisted
// then, and the database be open.
func (f *DashFollower) Run(ctx context.Context) error {
	defer close(f.over)
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := f.run(work, stop)
	if ctx.Err() == nil {
		stop(err)     // a save that is under way need not be patient
		_ = f.saved() // its error, if it is not the cause, comes after it
		return context.Cause(work)
	}
	if err := f.saved(); err != nil {
		return err
	}
	return f.saveLast(context.WithoutCancel(ctx))
}

// run ends with an error: that of ctx, or the reason why the node must stop.
func (f *DashFollower) run(ctx context.Context, stop context.CancelCauseFunc) (err error) {
	f.target.Store(f.log.Head() + 1)
	if err := f.load(ctx); err != nil {
		return err
	}
	if f.days, err = f.keptDays(ctx); err != nil {
		return err
	}
	defer func() {
		stop(err)
		f.endRebuild()
	}()
	if f.fold.old {
		f.beginRebuild(ctx, stop)
	}
	f.progress.begin(f.fold.seq)
	f.fold.newDay = func() error { return f.saveDay(ctx, stop) }
	for {
		if err := f.catchUp(ctx, f.fold, &f.progress, func() { f.step(ctx, stop) }); err != nil {
			return err
		}
		f.publish()
		f.saveIfDue(ctx, stop, 1)
		fresh, err := f.wait(ctx, stop)
		if err != nil {
			return err
		}
		if fresh == nil {
			continue
		}
		newDay := f.fold.newDay
		if err := f.replace(ctx, fresh); err != nil {
			return err
		}
		f.fold.newDay = newDay
		f.save(ctx, stop)
	}
}

// load takes up the newest checkpoint.
func (f *DashFollower) load(ctx context.Context) error {
	if f.checkpoints == nil {
		return nil
	}
	d, err := f.checkpoints.load(ctx)
	if err != nil || d == nil {
		return err
	}
	m := &f.checkpoints.last.manifest
	f.use(d)
	f.savedAt, f.savedOf = d.seq, d.dash
	f.newest.Store(checkpointOf(f.checkpoints.last))
	f.lend(d.dash)
	if m.version != f.o.version {
		d.old, f.checkpoints.last = true, nil
		f.lender.Store(nil)
		f.slog.Info("the checkpoint is of an older version: its rows serve while the log is folded anew",
			"version", m.version, "want", f.o.version)
	}
	return nil
}

// wait waits until the log has grown, or until a rebuild is asked for or done: then it returns
// the fold.
func (f *DashFollower) wait(ctx context.Context, stop context.CancelCauseFunc) (*dashFold, error) {
	next := f.fold.seq + 1
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	grew := make(chan error, 1)
	go func() { grew <- f.log.Wait(waiting, next) }() // ends before wait does, or with its sending
	select {
	case err := <-grew:
		if err != nil {
			return nil, fmt.Errorf("wait for seq %d: %w", next, err)
		}
		return f.rest(ctx, stop)
	case d := <-f.rebuilt():
		cancel()
		<-grew
		return d, nil
	case ask := <-f.asks:
		cancel()
		<-grew
		f.answer(ctx, stop, ask)
		return nil, nil
	}
}

// catchUp folds everything up to the head as it is at the call. step is called after each block.
func (f *DashFollower) catchUp(ctx context.Context, d *dashFold, p *progress, step func()) error {
	err := d.follow(ctx, f.log, func() {
		p.seq.Store(d.seq)
		step()
	})
	if err != nil {
		return fmt.Errorf("read from seq %d: %w", d.seq+1, err)
	}
	return nil
}

// nearHead is how many events behind the head a fold of the whole log is handed over.
const nearHead = 1 << 15

// farBehind is how many times rarer checkpoints are while nobody can read the image yet.
const farBehind = 16
