package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/appender"
	"dashd/internal/errs"
)

const (
	// The time between two tries doubles from pause to maxPause.
	pause    = 5 * time.Millisecond
	maxPause = 250 * time.Millisecond
)

// append appends events here or at the leader, and tries again what may be: see the table in doc.go.
func (r *Relay) append(ctx context.Context, from sender, events []eventlog.Event) ([]appender.Result, error) {
	if len(events) == 0 {
		return nil, nil
	}
	t := &try{relay: r, ctx: ctx, from: from, events: events}
	if r.leader.Leads() {
		results, err := r.local.Append(ctx, events)
		if err == nil {
			return results, nil
		}
		if t.failed(err) {
			return nil, t.err
		}
	}
	return t.again()
}

// try is an append that is tried until it succeeds. Only its goroutine uses it.
type try struct {
	relay  *Relay
	ctx    context.Context // of the append
	from   sender
	events []eventlog.Event
	body   []byte // the request, once it is needed
	err    error  // what is known after the tries that failed
}

// again goes on trying while there is time.
func (t *try) again() ([]appender.Result, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.relay.o.Patience)
	defer cancel()
	for wait := pause; ; wait = min(2*wait, maxPause) {
		here, err := t.relay.leader.WaitLeader(ctx)
		if err != nil {
			return nil, t.gaveUp(err)
		}
		results, err := t.once(ctx, here)
		if err == nil {
			return results, nil // whatever became of earlier tries
		}
		if t.failed(err) {
			return nil, t.err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, t.gaveUp(ctx.Err())
		}
	}
}

// failed notes why a try failed, and reports whether it was the last.
func (t *try) failed(err error) (last bool) {
	if errs.CodeOf(t.err) != appender.CodeOutcomeUnknown {
		t.err = err // else an earlier try may have written the events, whatever became of this one
	}
	switch errs.CodeOf(err) {
	case appender.CodeNotLeader, appender.CodeShuttingDown:
		return false
	case appender.CodeOutcomeUnknown:
		return t.ctx.Err() != nil || !t.repeatable()
	}
	return true
}

// gaveUp is the error when there is no time left.
func (t *try) gaveUp(err error) error {
	if code := errs.CodeOf(t.err); code != "" && code != appender.CodeNotLeader {
		return t.err // it says more
	}
	if errs.CodeOf(err) == appender.CodeShuttingDown {
		return err
	}
	return errs.Wrap(errors.Join(err, t.err), errs.Unavailable, appender.CodeNotLeader, "the cluster has no leader; nothing was written: try again")
}

// repeatable reports whether the log takes each event once, however often it is sent.
func (t *try) repeatable() bool {
	return !slices.ContainsFunc(t.events, func(e eventlog.Event) bool { return !e.GivenID })
}

// once tries it once.
func (t *try) once(ctx context.Context, here bool) ([]appender.Result, error) {
	if here {
		// A copy, for those of an earlier try may still belong to the appender.
		return t.relay.local.Append(t.ctx, slices.Clone(t.events))
	}
	if t.body == nil {
		if err := t.encode(); err != nil {
			return nil, err
		}
	}
	if t.repeatable() { // to a leader that is gone, no answer comes: leave time for the next one
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.relay.o.Patience/2)
		defer cancel()
	}
	return t.send(ctx)
}

// encode makes the request. The ids and the salts that it gives to events are theirs in every try.
func (t *try) encode() (err error) {
	if len(t.events) > block.GroupEvents {
		return errs.New(errs.TooLarge, appender.CodeTooLarge, "%d events at once; at most %d are taken", len(t.events), block.GroupEvents)
	}
	if err := t.relay.local.Identify(t.events); err != nil {
		return err
	}
	t.body, err = encodeRequest(t.relay.o.NodeID, t.relay.local.Now(), t.from, t.events)
	return err
}

// send sends the request to the leader.
func (t *try) send(ctx context.Context) ([]appender.Result, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, Path, bytes.NewReader(t.body))
	if err != nil {
		return nil, fmt.Errorf("append request: %w", err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	answer, err := t.relay.leader.Do(req)
	if err != nil {
		if errs.CodeOf(err) == appender.CodeNotLeader {
			return nil, err
		}
		return nil, unknown(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, unknown(err)
	}
	if answer.StatusCode != http.StatusOK {
		refused, err := decodeRefusal(text)
		if err != nil {
			return nil, unknown(fmt.Errorf("status %d: %w", answer.StatusCode, err))
		}
		return nil, refused
	}
	results, err := decodeResults(text, len(t.events))
	if err != nil {
		return nil, unknown(err)
	}
	return results, nil
}

// unknown is the outcome of what was sent and has no answer.
func unknown(cause error) error {
	return errs.Wrap(cause, errs.Unavailable, appender.CodeOutcomeUnknown,
		"the leading node did not answer; the events may be written: send them again with the same ids")
}
