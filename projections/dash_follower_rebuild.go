package projections

import (
	"context"
	"time"

	"dashd/internal/errs"
)

// Rebuilt is what a rebuild did.
type Rebuilt struct {
	Number          uint64    `json:"number"` // of the rebuilds of this process, from 1
	Seq             uint64    `json:"seq"`    // the last event it had folded when its image was shown
	Seconds         float64   `json:"seconds"`
	EventsPerSecond float64   `json:"eventsPerSecond"`
	At              time.Time `json:"at"` // when its image was shown
}

// A rebuild is a fold of the whole log beside the one that serves.
type rebuild struct {
	number uint64
	since  time.Time
	out    chan *dashFold // holds the fold when it is near the head
	ended  chan struct{}  // closed with its goroutine
	done   chan struct{}  // closed when its image is shown
}

// rebuildAsk asks Run's goroutine for a rebuild.
type rebuildAsk struct {
	begun chan *rebuild // holds the answer: nil if one is under way
}

// Rebuild folds the log anew beside the image that serves, and then shows what it made and
// takes a checkpoint of it. When it returns nil, readers see the new image; the checkpoint is
// being written. The rebuild goes on if ctx ends before.
func (f *DashFollower) Rebuild(ctx context.Context) error {
	b, err := f.ask(ctx)
	if err != nil {
		return err
	}
	select {
	case <-b.done:
		return nil
	case <-f.over:
		return errEnding
	case <-ctx.Done():
		return ctx.Err()
	}
}

// BeginRebuild is Rebuild without the waiting: Status says how far it is, and when its number
// is that of the last Rebuilt it is done.
func (f *DashFollower) BeginRebuild(ctx context.Context) (number uint64, err error) {
	b, err := f.ask(ctx)
	if err != nil {
		return 0, err
	}
	return b.number, nil
}

// Rebuilding returns nil if a rebuild can begin, and else why not.
func (f *DashFollower) Rebuilding() error {
	if err := f.Ready(); err != nil {
		return err
	}
	if f.rebuild.Load() != nil {
		return errRebuilding
	}
	return nil
}

var (
	errRebuilding = errs.New(errs.Conflict, "REBUILD_UNDER_WAY", "the log is being folded anew already")
	errEnding     = errs.New(errs.Unavailable, "STOPPING", "this node is stopping")
)

func (f *DashFollower) ask(ctx context.Context) (*rebuild, error) {
	if err := f.Rebuilding(); err != nil {
		return nil, err
	}
	ask := rebuildAsk{begun: make(chan *rebuild, 1)}
	select {
	case f.asks <- ask:
	case <-f.over:
		return nil, errEnding
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b := <-ask.begun; b != nil {
		return b, nil
	}
	return nil, errRebuilding
}

// answer begins the rebuild that is asked for, unless one is under way.
func (f *DashFollower) answer(ctx context.Context, stop context.CancelCauseFunc, ask rebuildAsk) {
	if f.building != nil {
		ask.begun <- nil
		return
	}
	f.beginRebuild(ctx, stop)
	ask.begun <- f.building
}

// beginRebuild begins to fold the log from its beginning.
func (f *DashFollower) beginRebuild(ctx context.Context, stop context.CancelCauseFunc) {
	f.rebuilds++
	b := &rebuild{
		number: f.rebuilds, since: time.Now(),
		out: make(chan *dashFold, 1), ended: make(chan struct{}), done: make(chan struct{}),
	}
	p := new(progress)
	p.begin(0)
	f.building = b
	f.rebuild.Store(p)
	anew := f.fold.old && f.checkpoints != nil // and so nothing else is saved meanwhile
	go func() {                                // waited for by endRebuild, or by replace
		defer close(b.ended)
		f.foldAll(ctx, anew, b.out, p, stop)
	}()
}

// endRebuild waits for the goroutine of a rebuild that is under way when Run ends. Its context
// has ended.
func (f *DashFollower) endRebuild() {
	if f.building != nil {
		<-f.building.ended
		f.rebuild.Store(nil)
	}
}

// rebuilt is where the fold of a rebuild comes out; nil if there is none.
func (f *DashFollower) rebuilt() <-chan *dashFold {
	if f.building == nil {
		return nil
	}
	return f.building.out
}

// foldAll folds the log from its beginning, and sends what it has when the head is near.
//
// If it is anew, because the version is another one, there are no checkpoints of the days past: it
// leaves one for each, as a start does.
func (f *DashFollower) foldAll(ctx context.Context, anew bool, out chan<- *dashFold, p *progress, stop context.CancelCauseFunc) {
	d := &dashFold{dash: NewDash()}
	if anew {
		d.newDay = f.daySaver(ctx, d)
	}
	for d.seq+nearHead < f.log.Head() {
		if err := f.catchUp(ctx, d, p, func() {}); err != nil {
			stop(err)
			return
		}
	}
	out <- d
}

// daySaver is newDay of a fold of the whole log that has the checkpoints for itself.
func (f *DashFollower) daySaver(ctx context.Context, d *dashFold) func() error {
	savedAt := uint64(0)
	return func() error {
		if d.received/msPerDay < f.days || d.seq-savedAt < f.worthADay(f.Image()) { // which has about as many rows
			return nil
		}
		savedAt = d.seq
		d.dash.Publish(d.seq)
		return f.write(ctx, d.dash.Image(), d.received, func(time.Duration) { f.o.wrote() })
	}
}

// replace brings a fold of the whole log to where the one that serves is, and puts it in its
// place. A save of the rows that go may be under way: then the next comes soon after it.
func (f *DashFollower) replace(ctx context.Context, fresh *dashFold) error {
	p := f.rebuild.Load()
	if err := f.catchUp(ctx, fresh, p, func() {}); err != nil {
		return err
	}
	fresh.dash.Publish(fresh.seq)
	f.use(fresh)
	f.progress.seq.Store(fresh.seq)
	f.savedAt = fresh.seq - min(fresh.seq, f.o.CheckpointEvery)
	b := f.building
	took := time.Since(b.since)
	f.lastRebuilt.Store(&Rebuilt{
		Number: b.number, Seq: fresh.seq, Seconds: took.Seconds(), At: time.UnixMilli(f.o.Now()).UTC(),
		EventsPerSecond: float64(fresh.seq) / max(took.Seconds(), 1e-3),
	})
	f.building = nil
	f.rebuild.Store(nil)
	close(b.done)
	f.slog.Info("the log was folded anew", "version", f.o.version, "seq", fresh.seq, "elapsed", took)
	return nil
}
