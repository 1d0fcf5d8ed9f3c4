package drains

import (
	"context"
	"time"

	"github.com/sony/gobreaker/v2"

	"dashd/internal/destination"
	"dashd/internal/kv"
	"dashd/projections"
)

// worker delivers for one drain, as long as its row stays as it is.
type worker struct {
	// Immutable.
	d       *Deliverer
	id      drainID
	row     projections.Drain
	filter  destination.Filter
	breaker *gobreaker.CircuitBreaker[int]
	still   func() bool        // reports whether this node leads, and ends the delivery if not
	cancel  context.CancelFunc // nil: it has never run
	wake    chan struct{}      // holds a token if due was set
	done    chan struct{}      // closed when it has ended, and the one before it

	// Guarded by d.mu.
	running bool
	// due is the first event that may be the drain's and that it has not looked at, 0
	// if there is none up to d.routed. What is at or before read it has looked at, what is at
	// or before delivered it is done with. In between lies the batch that it holds.
	due, read, delivered uint64
	holds                bool
	health               position // but for its epoch and seq
	nextAttempt          int64    // ms; 0: no attempt is put off
	saved                position // as it is on disk
	// told is the position that the log knows, worth the one that it should know because of what
	// was delivered, and taken how many events that were since it was last to be told.
	told, worth uint64
	taken       int
	moved       bool // it is to be saved
}

func (w *worker) key() []byte { return kv.DrainKey(w.id.project, w.id.id) }

// position is where the drain is. Called with d.mu held.
func (w *worker) position() position {
	p := w.health
	p.epoch, p.seq = w.row.Epoch, w.delivered
	if w.running && !w.holds {
		if w.due != 0 {
			p.seq = max(p.seq, w.due-1)
		} else {
			p.seq = max(p.seq, w.d.routed)
		}
	}
	return p
}

// halt ends the drain, soon. It stays where it is. Called with d.mu held.
func (w *worker) halt() {
	if !w.running {
		return
	}
	w.delivered = w.position().seq
	w.running = false
	w.cancel()
}

// linger is how long a batch waits for more events.
const linger = time.Second

// run delivers batch after batch until ctx ends.
func (w *worker) run(ctx context.Context) {
	for {
		b, err := w.nextBatch(ctx)
		if err == nil && len(b.seqs) > 0 {
			err = w.deliver(ctx, b)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			// The log cannot be read: the store has said why, and ends the node.
			w.d.log.Error("a drain stops", "drain", w.id.id, "err", err)
			return
		}
	}
}

// nextBatch waits until there is something to deliver, and a moment for more. The batch may turn
// out to be empty.
func (w *worker) nextBatch(ctx context.Context) (b batch, err error) {
	if err := w.await(ctx); err != nil {
		return b, err
	}
	if err := w.gather(ctx, &b); err != nil || len(b.seqs) == 0 {
		return b, err
	}
	waiting, cancel := context.WithTimeout(ctx, linger)
	defer cancel()
	for !b.full() && w.await(waiting) == nil {
		if err := w.gather(ctx, &b); err != nil {
			return b, err
		}
	}
	return b, ctx.Err()
}

// await waits until there is something to look at.
func (w *worker) await(ctx context.Context) error {
	for {
		w.d.mu.Lock()
		due := w.due != 0
		w.d.mu.Unlock()
		if due {
			return nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather adds what is due to b, as far as it has room.
func (w *worker) gather(ctx context.Context, b *batch) error {
	d := w.d
	d.mu.Lock()
	from, to := max(w.due, w.read+1), d.routed
	w.due, w.holds = 0, true
	d.mu.Unlock()

	upto, err := w.find(ctx, b, from, to)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !w.running {
		return ctx.Err()
	}
	w.read = upto
	if upto < to {
		w.due = upto + 1
	}
	if len(b.seqs) == 0 {
		w.holds, w.delivered = false, w.read
	}
	return nil
}

// passed notes that the first n events of b are delivered. If these are not all, what follows is to
// be looked at again.
func (w *worker) passed(b batch, n int) {
	d := w.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if !w.running {
		return
	}
	if n < len(b.seqs) {
		w.read = b.seqs[n-1]
		w.due = w.read + 1
	}
	w.delivered, w.holds = w.read, false
	w.health = position{lastDelivery: now()}
	w.nextAttempt = 0
	w.moved = true
	token(d.unsaved)
	w.worth = w.delivered
	if w.taken += n; w.taken >= tellAfter {
		token(d.untold)
	}
}

// failed notes that an attempt has failed, and when the next one is due.
func (w *worker) failed(class string, wait time.Duration) {
	d := w.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if !w.running {
		return
	}
	h := &w.health
	if h.failingSince == 0 {
		h.failingSince = now()
	}
	h.attempts++
	h.lastError = class
	w.nextAttempt = 0
	if wait > 0 {
		w.nextAttempt = now() + wait.Milliseconds()
	}
	w.moved = true
	token(d.unsaved)
}
