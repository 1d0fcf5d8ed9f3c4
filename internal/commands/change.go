package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"dashd/eventlog"
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
}

// change decides about a project's tables, one command of a project at a time,
// appends the events in one block, and waits for the fold. decide sees tables that hold
// everything proposed before. It returns no events if there is nothing to do.
//
// A repeat of a call that carries an Idempotency-Key is not decided again: it finds
// the first one's events. Under the same key another request is refused.
func (c *Commands) change(ctx context.Context, call Call, decide func(*projections.Tables) ([]eventlog.Event, error)) (Done, error) {
	leave, err := c.enter(ctx, call.Project)
	if err != nil {
		return Done{}, err
	}
	defer leave()
	seq, err := c.o.Settle(ctx)
	if err != nil {
		return Done{}, fmt.Errorf("settle: %w", waiting(err))
	}
	for range attempts {
		if err := c.settled(ctx, call, seq); err != nil {
			return Done{}, err
		}
		if repeat, err := c.repeats(call); repeat || err != nil {
			return c.done(call, true), err
		}
		events, err := decide(c.o.Dash.Image().Tables(call.Project))
		if err != nil || len(events) == 0 {
			return c.done(call, false), err
		}
		call.sign(events)
		results, err := c.o.Appender.Append(ctx, events)
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
		return c.done(call, false), nil
	}
	return Done{}, errors.New("an event is in the log but not in the image")
}

// enter waits for the turn of a command of a project.
func (c *Commands) enter(ctx context.Context, project string) (leave func(), err error) {
	turn, _ := c.turns.LoadOrStore(project, make(chan struct{}, 1))
	select {
	case turn.(chan struct{}) <- struct{}{}:
		return func() { <-turn.(chan struct{}) }, nil
	case <-ctx.Done():
		return nil, waiting(ctx.Err())
	}
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

func (c *Commands) done(call Call, repeat bool) Done {
	image := c.o.Dash.Image()
	return Done{Tables: image.Tables(call.Project), Seq: image.Seq(), Repeat: repeat}
}

// eventID is the id of the nth event of a call with an Idempotency-Key.
func (c Call) eventID(n int) string {
	return derive("call", c.By.KeyID, c.Project, c.IdempotencyKey, strconv.Itoa(n))
}

// sign gives the events of a call their ids, and notes in the first what was asked.
func (c Call) sign(events []eventlog.Event) {
	if c.IdempotencyKey == "" {
		return
	}
	for i := range events {
		events[i].ID, events[i].GivenID = c.eventID(i), true
	}
	first := events[0].Metadata
	note, _ := json.Marshal(c.Request) // a string always has a JSON text
	events[0].Metadata = append(append(append(first[:len(first)-1:len(first)-1], `,"request":`...), note...), '}')
}

// repeats reports whether a call under this Idempotency-Key was executed before.
func (c *Commands) repeats(call Call) (bool, error) {
	if call.IdempotencyKey == "" {
		return false, nil
	}
	seq, ok, err := c.o.Log.FindID(call.Project, call.eventID(0))
	if err != nil || !ok {
		return false, err
	}
	rec, err := c.o.Log.Read(seq)
	if err != nil {
		return false, err
	}
	if asked, _ := eventlog.MetadataText(rec.Metadata, "request"); asked != call.Request {
		return false, errs.New(errs.Conflict, "IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key was used for another request")
	}
	return true, nil
}
