package commands

import (
	"context"
	"errors"
	"fmt"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/projections"
)

// Dash is the image the commands to a project's tables are decided against: a
// *projections.DashFollower.
type Dash interface {
	Image() *projections.DashImage
	Wait(ctx context.Context, seq uint64) error
}

// Done is the state after a command: what it did is in Tables.
type Done struct {
	Tables *projections.Tables
	Seq    uint64 // Tables are as of it
	Repeat bool   // an earlier call under the same Idempotency-Key did it
	// Events are those of the command, or of the call that it repeats: what it did,
	// also if later ones have undone it. They must not be changed.
	Events []eventlog.Event
}

// change decides about a project's tables, one command of a project at a time,
// appends the events in one block, and waits for the fold. decide sees tables that hold
// everything proposed before. It returns no events if there is nothing to do. It may
// be called more than once, and only before change returns.
//
// A repeat of a call that carries an Idempotency-Key is not decided again: it finds
// the first one's events, one of type DashdCommandUnneeded if there was nothing to do. Under
// the same key another request is refused. A refusal leaves no mark.
//
// Cancelling ctx stops the waiting, not an append that is under way.
func (c *Commands) change(ctx context.Context, call Call, decide func(*projections.Tables) ([]eventlog.Event, error)) (Done, error) {
	turn, err := c.enter(ctx, call.Project)
	if err != nil {
		return Done{}, err
	}
	defer turn.leave()
	seq, term, err := c.settle(ctx)
	if err != nil {
		return Done{}, err
	}
	for range attempts {
		if err := c.settled(ctx, call, seq); err != nil {
			return Done{}, err
		}
		if first, err := c.earlier(call); err != nil || first != nil {
			return c.done(call, first, true), err
		}
		events, err := decide(c.o.Dash.Image().Tables(call.Project))
		if err == nil && len(events) == 0 {
			events = c.unneeded(call)
		}
		if err != nil || len(events) == 0 {
			return c.done(call, nil, false), err
		}
		if err := fit(events); err != nil {
			return Done{}, err
		}
		c.sign(call, events)
		results, err := turn.append(ctx, c.o.Appender, term, events)
		if err != nil {
			return Done{}, fmt.Errorf("append: %w", waiting(err))
		}
		taken := false
		for _, r := range results {
			seq = max(seq, r.Seq)
			taken = taken || r.Duplicate || r.Conflict
		}
		if taken {
			continue // the same call came in by another way: see it
		}
		if err := c.o.Dash.Wait(ctx, seq); err != nil {
			return Done{}, fmt.Errorf("wait for the fold of seq %d: %w", seq, waiting(err))
		}
		return c.done(call, events, false), nil
	}
	return Done{}, errors.New("an event is in the log but not in the image")
}

// settled waits until the images hold everything up to seq, and checks that the
// operator's key still is good: it may have been revoked since it was presented.
func (c *Commands) settled(ctx context.Context, call Call, seq uint64) error {
	if err := c.o.Access.Wait(ctx, seq); err != nil {
		return fmt.Errorf("wait for the fold of seq %d: %w", seq, waiting(err))
	}
	if err := c.o.Dash.Wait(ctx, seq); err != nil {
		return fmt.Errorf("wait for the fold of seq %d: %w", seq, waiting(err))
	}
	return c.o.Access.Image().Recheck(call.By, c.o.Now())
}

func (c *Commands) done(call Call, events []eventlog.Event, repeat bool) Done {
	image := c.o.Dash.Image()
	return Done{Tables: image.Tables(call.Project), Seq: image.Seq(), Repeat: repeat, Events: events}
}

// fit refuses a command whose events the log cannot hold. What is too long is something
// that was asked for: dashd's own texts are short.
func fit(events []eventlog.Event) error {
	for i := range events {
		if n := len(events[i].Metadata); n > eventlog.MaxMetadataLen {
			return errs.New(errs.TooLarge, appender.CodeTooLarge, "this would take an event of %d bytes; at most %d fit", n, eventlog.MaxMetadataLen)
		}
	}
	return nil
}

// turn is the right to decide about a project's tables. One holds it at a time.
type turn struct {
	taken chan struct{}
	lent  bool // an append still holds it
}

// enter waits for the turn.
func (c *Commands) enter(ctx context.Context, project string) (*turn, error) {
	taken, _ := c.turns.LoadOrStore(project, make(chan struct{}, 1))
	t := &turn{taken: taken.(chan struct{})}
	select {
	case t.taken <- struct{}{}:
		return t, nil
	case <-ctx.Done():
		return nil, waiting(ctx.Err())
	}
}

// leave gives the turn to the next.
func (t *turn) leave() {
	if !t.lent {
		<-t.taken
	}
}

// append appends events. If ctx ends first, the turn is taken until their outcome
// is known: events that wait for their block are neither in the tables nor covered by
// Settle, and what is decided next has to see them.
func (t *turn) append(ctx context.Context, to Appender, term uint64, events []eventlog.Event) ([]appender.Result, error) {
	var results []appender.Result
	var err error
	known := make(chan struct{})
	go func() { // ends with the append, at the latest when the appender stops
		defer close(known)
		results, err = to.AppendIn(context.WithoutCancel(ctx), term, events)
	}()
	select {
	case <-known:
		return results, err
	case <-ctx.Done():
		t.lent = true
		go func() {
			<-known
			<-t.taken
		}()
		return nil, ctx.Err()
	}
}
