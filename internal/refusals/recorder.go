package refusals

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"dashd/internal/commands"
)

const (
	// attempt is how long one try to write may take.
	attempt = 10 * time.Second
	// lastAttempt is the same when the node stops.
	lastAttempt = 3 * time.Second
	// The time between two tries doubles from pause to maxPause.
	pause    = time.Second
	maxPause = time.Minute
)

// Trail is where refused requests are noted: a *commands.Commands. What is noted twice
// under one id is there once.
type Trail interface {
	NoteRefusals(ctx context.Context, refusals []commands.Refusal, counts []commands.RefusalCount) error
}

// Options of New. All but Limits are required.
type Options struct {
	Log    *slog.Logger
	Now    func() int64 // ms; what events are stamped with
	Trail  Trail
	Limits Limits
}

// Recorder records refused requests.
type Recorder struct {
	o    Options
	wake chan struct{} // capacity 1: there is something to write, or a window has begun

	mu sync.Mutex
	w  *window // nil: nothing was refused for a while
}

// New returns a recorder; Run must be running for anything to be written.
func New(o Options) *Recorder {
	o.Log, o.Limits = o.Log.With("component", "refusals"), o.Limits.orDefault()
	return &Recorder{o: o, wake: make(chan struct{}, 1)}
}

// Note records a refusal, which needs no ID and no time. It does not wait for anything,
// and does not fail.
func (r *Recorder) Note(refusal commands.Refusal) {
	refusal.At = r.o.Now()
	r.mu.Lock()
	begins := r.w == nil
	if begins {
		r.w = newWindow(r.o.Limits, refusal.At)
	}
	changed := r.w.note(refusal) || begins
	r.mu.Unlock()
	if changed {
		select {
		case r.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// batch is what has been taken from windows and is not in the log.
type batch struct {
	refusals []commands.Refusal
	counts   []commands.RefusalCount
}

// Run writes what is noted until ctx ends, and then what is left, with the counts so far.
// What goes wrong is logged; the error is nil.
func (r *Recorder) Run(ctx context.Context) error {
	var b batch
	for {
		select {
		case <-ctx.Done():
			b.add(r.take(true))
			r.writeLast(ctx, &b)
			return nil
		case <-r.wake:
			b.add(r.take(false))
		case <-r.windowEnds():
			b.add(r.take(true))
		}
		r.write(ctx, &b)
	}
}

// windowEnds is when the window does; never, if there is none.
func (r *Recorder) windowEnds() <-chan time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.w == nil {
		return nil
	}
	return time.After(time.Until(r.w.began.Add(r.o.Limits.Window)))
}

// take takes what was noted as events, and if the window is to end, its counts.
func (r *Recorder) take(end bool) batch {
	r.mu.Lock()
	w := r.w
	if w == nil {
		r.mu.Unlock()
		return batch{}
	}
	b := batch{refusals: w.noted}
	w.noted = nil
	if end {
		r.w = nil
	}
	r.mu.Unlock()
	if end { // nobody else has it now
		b.counts = w.counts(r.o.Now())
	}
	return b
}

// add appends what else there is to write. Each gets the id that makes it one event,
// however often it is tried.
func (b *batch) add(more batch) {
	for i := range more.refusals {
		more.refusals[i].ID = rand.Text()
	}
	for i := range more.counts {
		more.counts[i].ID = rand.Text()
	}
	b.refusals, b.counts = append(b.refusals, more.refusals...), append(b.counts, more.counts...)
}

// empty reports whether there is nothing to write.
func (b *batch) empty() bool { return len(b.refusals)+len(b.counts) == 0 }

// write empties b, unless ctx ends before the log takes it.
func (r *Recorder) write(ctx context.Context, b *batch) {
	for wait := pause; !b.empty(); wait = min(2*wait, maxPause) {
		err := r.try(ctx, attempt, b)
		if err == nil || ctx.Err() != nil {
			return
		}
		if wait == pause {
			r.o.Log.Warn("refused requests are not in the audit trail yet; it will be tried again", "n", len(b.refusals)+len(b.counts), "err", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// writeLast tries once more, when the node stops.
func (r *Recorder) writeLast(ctx context.Context, b *batch) {
	if b.empty() {
		return
	}
	if err := r.try(context.WithoutCancel(ctx), lastAttempt, b); err != nil {
		r.o.Log.Warn("refused requests are not in the audit trail: the node stops", "n", len(b.refusals)+len(b.counts), "err", err)
	}
}

// try writes b, and empties it if that succeeds.
func (r *Recorder) try(ctx context.Context, patience time.Duration, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.o.Trail.NoteRefusals(ctx, b.refusals, b.counts); err != nil {
		return err
	}
	*b = batch{}
	return nil
}
