package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/internal/outbound"
	"dashd/internal/seal"
	"dashd/projections"
)

// Appender takes what is decided here, on the node that leads: an *appender.Appender.
type Appender interface {
	// Term is the term in which this node leads.
	Term() (uint64, error)
	// AppendIn appends events in the given term, or not at all.
	AppendIn(ctx context.Context, term uint64, events []eventlog.Event) ([]appender.Result, error)
}

// Reports takes what is not decided by anybody, on any node: a *relay.Relay, or an *appender.Appender if
// there is one node.
type Reports interface {
	Append(ctx context.Context, events []eventlog.Event) ([]appender.Result, error)
}

// Access is the image commands are decided against: a *projections.Follower.
type Access interface {
	Image() *projections.AccessImage
	Wait(ctx context.Context, seq uint64) error
}

// Log is the part of eventlog/store.Store in which a repeat finds what it did, and
// commands find events by their time.
type Log interface {
	FindID(project, id string) (seq uint64, ok bool, err error)
	Read(seq uint64) (eventlog.Record, error)
	ReceivedSince(t int64) (seq uint64, err error)
}

// Options of New. All are required; the zero value of rules is the recommended one.
type Options struct {
	Appender Appender
	Reports  Reports
	Access   Access
	Dash     Dash
	Log      Log
	Sealer   *seal.Sealer
	Now      func() int64 // ms
	// Organizations are the rules for organizations.
	Organizations Organizations
	// Resolver looks for the records that prove domains.
	Resolver outbound.Resolver
	// Settle returns a seq that covers everything proposed before the call, by
	// this leader or the ones before it: a barrier, then the head of the log.
	Settle func(ctx context.Context) (uint64, error)
}

// Commands executes commands. It is safe for concurrent use.
type Commands struct {
	o     Options
	turn  chan struct{} // holds one token while a command of the reserved project is being decided
	turns sync.Map      // by project: the same for the commands to its tables

	hashers chan struct{} // one token for each password that is being hashed
	hashees atomic.Int32  // those, and the ones that wait for it
}

// New returns the commands of a node.
func New(o Options) *Commands {
	return &Commands{o: o, turn: make(chan struct{}, 1), hashers: make(chan struct{}, hashers)}
}

// decision looks at an image and returns the events that do what was asked, none if
// it is done already, or a refusal.
type decision func(*projections.AccessImage) ([]eventlog.Event, error)

// attempts bounds how often a command is decided again because the log knew more
// than the image: once is enough unless something is broken.
const attempts = 3

// execute decides, appends, and waits for the fold. On return the image holds
// everything the decision was about. The operator's key is checked again: it may
// have been revoked since it was presented, on this node or another.
//
// Cancelling ctx stops the waiting, not an append that is under way.
func (c *Commands) execute(ctx context.Context, by projections.Principal, decide decision) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return waiting(ctx.Err())
	}
	seq, term, err := c.settle(ctx)
	if err != nil {
		return err
	}
	for range attempts {
		if err := c.o.Access.Wait(ctx, seq); err != nil {
			return fmt.Errorf("wait for the fold of seq %d: %w", seq, waiting(err))
		}
		image := c.o.Access.Image()
		if err := image.Recheck(by, c.o.Now()); err != nil {
			return err
		}
		events, err := decide(image)
		if err != nil || len(events) == 0 {
			return err
		}
		results, err := c.o.Appender.AppendIn(ctx, term, events)
		if err != nil {
			return fmt.Errorf("append: %w", waiting(err))
		}
		taken := false
		for _, r := range results {
			seq = max(seq, r.Seq)
			taken = taken || r.Duplicate || r.Conflict
		}
		if taken {
			continue // the log knew the thing already: see it, then decide again
		}
		if err := c.o.Access.Wait(ctx, seq); err != nil {
			return fmt.Errorf("wait for the fold of seq %d: %w", seq, waiting(err))
		}
		return nil
	}
	return errors.New("an event is in the log but not in the image")
}

// settle returns a seq that covers everything decided before, and the term in which what is decided now is to be
// written: in another one, another leader may have decided something between that the image did not hold.
func (c *Commands) settle(ctx context.Context) (seq, term uint64, err error) {
	if term, err = c.o.Appender.Term(); err != nil {
		return 0, 0, fmt.Errorf("settle: %w", err)
	}
	if seq, err = c.o.Settle(ctx); err != nil {
		return 0, 0, fmt.Errorf("settle: %w", waiting(err))
	}
	return seq, term, nil
}

// waiting gives the end of a context its kind: the outcome may be unknown, and the
// command may be sent again.
func waiting(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return errs.Wrap(err, errs.Unavailable, appender.CodeOutcomeUnknown,
			"stopped waiting; the command may have been executed: send it again with the same Idempotency-Key")
	}
	return err
}

// mayUse checks that an operator holds a scope.
func mayUse(by projections.Principal, scope string) error {
	if !by.Can(scope) {
		return errs.New(errs.Forbidden, "FORBIDDEN", "this key lacks the scope %s", scope)
	}
	return nil
}

func noProject(id string) error {
	return errs.New(errs.NotFound, "PROJECT_NOT_FOUND", "no project %q", id)
}
