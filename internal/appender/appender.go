package appender

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
)

// Codes of the errors of Append, besides those of the Proposer. All but CodeOutcomeUnknown mean that nothing was
// written.
const (
	CodeBusy           = "BUSY"
	CodeTooLarge       = "TOO_LARGE"
	CodeOutcomeUnknown = "OUTCOME_UNKNOWN"
	CodeShuttingDown   = "SHUTTING_DOWN"
	CodeDiskLow        = "DISK_LOW"   // the disk of the node that leads is nearly full
	CodeNotLeader      = "NOT_LEADER" // nothing was written: this node does not lead, or not in the term that was asked for
)

// Result is what became of one event.
type Result struct {
	Seq uint64
	// Duplicate says that the same id and content was there already, at Seq. An event that brings the salt of the
	// one that is there is that one, sent twice by a node that did not hear the answer: no duplicate.
	Duplicate bool
	Conflict  bool // the same id with other content is at Seq; this event was not written
}

// Proposer hands sealed blocks to raft.
type Proposer interface {
	// Term is the term in which this node leads. All that was committed in
	// earlier terms is in the log of this node. The error is of kind Unavailable.
	Term() (uint64, error)
	// Propose returns once raft has the block; an error means that it never will.
	// In any other term than the given one the block is refused. wait returns once
	// this node's log has the block, or why that is not known; it is called once.
	Propose(ctx context.Context, term uint64, block []byte) (wait func() (store.Applied, error), err error)
}

// Log is what the appender asks of the store.
type Log interface {
	Lookup(hash [16]byte) (seq uint64, ok bool, err error)
	Read(seq uint64) (eventlog.Record, error)
	LastReceived() int64
	Pending() int64
}

// Options of New.
type Options struct {
	NodeID string // at most 255 bytes
	Log    *slog.Logger
	Now    func() int64 // ms; the one clock
	// MaxWaiting bounds the bytes of events waiting (default 64 MiB): beyond, Append answers errs.Busy.
	MaxWaiting int64
	// MaxPending is the number of bytes the log may hold that are not persisted
	// (default 64 MiB): beyond, requests wait.
	MaxPending int64
	// Behind reports whether what follows the log is too far behind for more events: then
	// Append answers errs.Busy. It is asked for each request, from any goroutine; nil: never.
	Behind func() bool
}

// Appender groups events into blocks and proposes them.
type Appender struct {
	log      Log
	proposer Proposer
	opts     Options
	stamp    atomic.Int64  // the latest time Now has returned
	wake     chan struct{} // capacity 1: something waits, or all is refused

	mu      sync.Mutex
	queue   []*request
	held    int64 // memory of the requests in queue
	bytes   int   // what they add to a block, at most
	refused error // of new requests; set once

	ids table

	// Only Run's goroutine.
	inFlight int
	finished chan struct{} // one for each block whose outcome is known
	turn     chan struct{} // closed when the last formed block is with raft, or never will be
}

// New returns an appender; Run must be running for Append to return.
func New(log Log, p Proposer, o Options) *Appender {
	const mib = 1 << 20
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 64 * mib
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 64 * mib
	}
	turn := make(chan struct{})
	close(turn)
	return &Appender{
		log:      log,
		proposer: p,
		opts:     o,
		wake:     make(chan struct{}, 1),
		ids:      table{entries: make(map[[16]byte]entry)},
		finished: make(chan struct{}, slots),
		turn:     turn,
	}
}

// Now is the time to stamp on events: ms, never less than an earlier block's
// ReceivedAt or an earlier result.
func (a *Appender) Now() int64 {
	now := max(a.opts.Now(), a.log.LastReceived())
	for {
		last := a.stamp.Load()
		if now <= last {
			return last
		}
		if a.stamp.CompareAndSwap(last, now) {
			return now
		}
	}
}

// Append makes checked events durable, all in one block and in order, and returns
// one result for each. When it returns a nil error, everything it says is durable
// on a majority and readable here. Ids and salts are filled in for events that
// lack them. At most block.GroupEvents events.
//
// The events belong to the appender during the call, with the bytes they refer to,
// and after an error for ever: nobody may change them then. The end of ctx stops the
// waiting and not the write: the error then is of kind Unavailable, outcome unknown.
func (a *Appender) Append(ctx context.Context, events []eventlog.Event) ([]Result, error) {
	return a.AppendIn(ctx, 0, events)
}

// Term is the term in which this node leads, for AppendIn.
func (a *Appender) Term() (uint64, error) { return a.proposer.Term() }

// AppendIn is Append for events that were decided on: they are written while this node leads in the given term,
// so that no other leader has decided anything between, or not at all (NOT_LEADER). 0: in whatever term.
func (a *Appender) AppendIn(ctx context.Context, term uint64, events []eventlog.Event) ([]Result, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if len(events) > block.GroupEvents {
		return nil, errs.New(errs.TooLarge, CodeTooLarge, "%d events at once; at most %d are taken", len(events), block.GroupEvents)
	}
	// Cheaper to say before the work of encoding than after it.
	if err := a.room(0); err != nil {
		return nil, err
	}
	if err := a.followed(); err != nil {
		return nil, err
	}
	r, err := a.prepare(events)
	if err != nil {
		return nil, err
	}
	r.term = term
	if err := a.enqueue(r); err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		if r.err != nil {
			return nil, r.err
		}
		return r.results, nil
	case <-ctx.Done():
		return nil, errs.Wrap(ctx.Err(), errs.Unavailable, CodeOutcomeUnknown,
			"the request ended before the outcome was known; the same ids may be sent again")
	}
}

// room says why n more bytes of events cannot wait now.
func (a *Appender) room(n int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.roomLocked(n)
}

func (a *Appender) roomLocked(n int64) error {
	if a.refused != nil {
		return a.refused
	}
	// A request is never refused for its own size: it may wait alone.
	if len(a.queue) > 0 && a.held+n > a.opts.MaxWaiting {
		return errs.New(errs.Busy, CodeBusy, "too many events are waiting to be written; try again later")
	}
	return nil
}

// followed says why no more may be appended before what follows the log has come nearer. A node that does
// not lead has another answer.
func (a *Appender) followed() error {
	if a.opts.Behind == nil || !a.opts.Behind() {
		return nil
	}
	if _, err := a.proposer.Term(); err != nil {
		return err
	}
	return errs.New(errs.Busy, CodeBusy, "the node has yet to work through the events it has; try again later")
}

func (a *Appender) enqueue(r *request) error {
	a.mu.Lock()
	err := a.roomLocked(r.memory)
	if err == nil {
		a.queue = append(a.queue, r)
		a.held += r.memory
		a.bytes += r.bytes
	}
	a.mu.Unlock()
	if err == nil {
		a.signal()
	}
	return err
}

func (a *Appender) signal() {
	select {
	case a.wake <- struct{}{}:
	default: // it is awake
	}
}

// refuse makes Append answer err from now on.
func (a *Appender) refuse(err error) {
	a.mu.Lock()
	a.refused = err
	a.mu.Unlock()
	a.signal()
}

var errOtherTerm = errs.Wrap(errors.New("the term has ended"), errs.Unavailable, CodeNotLeader, "this node no longer leads the cluster")

var errShuttingDown = errs.Wrap(errors.New("appender stopped"), errs.Unavailable, CodeShuttingDown, "this node is shutting down")
