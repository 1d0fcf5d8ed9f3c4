package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/projections"
)

// Bulk says what became of each of a list of things.
type Bulk struct {
	Done    []string
	Skipped []string // they do not exist, or must not be touched
}

// What the events of one block of a bulk command may take, with room to spare: so that
// what is counted here need not be exact.
const (
	bulkEvents = block.GroupEvents
	bulkBytes  = block.MaxBytes * 3 / 4
	eventBytes = 512 // beside the metadata
)

// bulk executes a command on each of a list of things, in one block if what it does
// fits into one, else in several, one after the other. decide returns the events for
// one thing, none if it is to be skipped; begin is called before the first one of a block.
//
// If it fails halfway, Done holds the events of the blocks before, and the error says
// how far it came. The same call again goes on from there if it has an
// Idempotency-Key; without one it finds what is done already not to be there.
func (c *Commands) bulk(ctx context.Context, call Call, ids []string, begin func(), decide func(*projections.Tables, string) []eventlog.Event) (Done, error) {
	ids = distinct(ids)
	var all Done
	all.Repeat = true
	for n, rest := 0, ids; n == 0 || len(rest) > 0; n++ {
		taken := 0
		done, err := c.change(ctx, call.part(n), func(t *projections.Tables) (events []eventlog.Event, err error) {
			begin()
			if events, taken = fill(t, rest, decide); len(events) == 0 {
				events = c.unneeded(call)
			}
			if len(events) > 0 && call.IdempotencyKey != "" {
				note(&events[0], "targets", taken)
			}
			return events, nil
		})
		if err != nil {
			return all, halfway(err, len(ids)-len(rest), len(ids))
		}
		if done.Repeat {
			taken = targets(done.Events)
		}
		all.Tables, all.Seq, all.Repeat = done.Tables, done.Seq, all.Repeat && done.Repeat
		all.Events = append(all.Events, done.Events...)
		rest = rest[min(taken, len(rest)):]
	}
	return all, nil
}

// fill decides about as many things as fit into a block, at least one.
func fill(t *projections.Tables, ids []string, decide func(*projections.Tables, string) []eventlog.Event) (events []eventlog.Event, taken int) {
	size := 0
	for _, id := range ids {
		more := decide(t, id)
		for i := range more {
			size += len(more[i].Metadata) + eventBytes
		}
		if taken > 0 && (len(events)+len(more) > bulkEvents || size > bulkBytes) {
			break
		}
		events = append(events, more...)
		taken++
	}
	return events, taken
}

// targets is how many things a part of an earlier call was about.
func targets(events []eventlog.Event) int {
	var first struct{ Targets int }
	_ = json.Unmarshal(events[0].Metadata, &first) // bulk wrote it
	return first.Targets
}

// part is the nth of the calls that a bulk command consists of.
func (c Call) part(n int) Call {
	if n > 0 && c.IdempotencyKey != "" {
		c.IdempotencyKey += "\x00" + strconv.Itoa(n) // no header holds this
	}
	return c
}

// halfway says how far a bulk command came before it failed.
func halfway(err error, n, of int) error {
	var e *errs.Error
	if n == 0 || !errors.As(err, &e) {
		return err
	}
	code := e.Code
	if code == appender.CodeNotLeader {
		code = appender.CodeOutcomeUnknown // that says that nothing was written, and something was
	}
	return errs.Wrap(err, e.Kind, code, "%s (%d of %d were done before)", e.Message, n, of)
}

// distinct returns the ids without repetitions, in order.
func distinct(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	var once []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once
}

// outcome is what became of things: those whose stream has an event of the type were
// done.
func outcome(ids []string, events []eventlog.Event, t eventlog.Type) Bulk {
	about := make(map[string]bool)
	for i := range events {
		if events[i].Type == t {
			about[events[i].Key] = true
		}
	}
	b := Bulk{Done: []string{}, Skipped: []string{}}
	for _, id := range distinct(ids) {
		if about[id] {
			b.Done = append(b.Done, id)
		} else {
			b.Skipped = append(b.Skipped, id)
		}
	}
	return b
}

// note adds a member to an event's metadata, which is not empty.
func note(e *eventlog.Event, name string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // values are strings and numbers
	}
	open := e.Metadata[: len(e.Metadata)-1 : len(e.Metadata)-1]
	e.Metadata = fmt.Appendf(open, `,%q:%s}`, name, text)
}
