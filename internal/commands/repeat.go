package commands

import (
	"encoding/binary"
	"encoding/hex"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/seal"
)

// A call with an Idempotency-Key leaves its mark in the log: the ids of its events
// derive from who called and the key, and its first event says what was asked. Both
// are MACs under the cluster key. So no producer can put an event where a call will look
// for its own, and nobody can find out a short text of the request, such as a
// password, by trying.

// eventID is the id of the nth event of a call with an Idempotency-Key.
func (c *Commands) eventID(call Call, n int) string {
	return c.mark(call, append(binary.BigEndian.AppendUint32([]byte("event"), uint32(n)), call.IdempotencyKey...))
}

// asked stands for the request of a call.
func (c *Commands) asked(call Call) string {
	return c.mark(call, append([]byte("asked"), call.Request...))
}

func (c *Commands) mark(call Call, text []byte) string {
	sum := c.o.Sealer.MAC(seal.Object{Class: seal.Request, Project: call.Project, ID: call.By.KeyID}, text)
	return hex.EncodeToString(sum[:])
}

// sign gives the events of a call with an Idempotency-Key its mark.
func (c *Commands) sign(call Call, events []eventlog.Event) {
	if call.IdempotencyKey == "" {
		return
	}
	for i := range events {
		events[i].ID, events[i].GivenID = c.eventID(call, i), true
	}
	note(&events[0], "request", c.asked(call))
}

// unneeded is the mark of a call with an Idempotency-Key that finds nothing to do. Without it, a copy of the
// request that is still on its way, from a client that has tried elsewhere since, would be executed when there is
// something to do again, after its answer.
func (c *Commands) unneeded(call Call) []eventlog.Event {
	if call.IdempotencyKey == "" {
		return nil
	}
	return []eventlog.Event{c.fact(call, eventlog.DashdCommandUnneeded, nil, nil)}
}

// earlier returns the events of an earlier call under the same Idempotency-Key, nil if
// there was none. It refuses the key if it was used for another request.
func (c *Commands) earlier(call Call) ([]eventlog.Event, error) {
	if call.IdempotencyKey == "" {
		return nil, nil
	}
	var events []eventlog.Event
	for {
		seq, ok, err := c.o.Log.FindID(call.Project, c.eventID(call, len(events)))
		if err != nil || !ok {
			return events, err
		}
		rec, err := c.o.Log.Read(seq)
		if err != nil {
			return nil, err
		}
		if events = append(events, rec.Event); len(events) > 1 {
			continue
		}
		if asked, _ := eventlog.MetadataText(rec.Metadata, "request"); asked != c.asked(call) {
			return nil, errs.New(errs.Conflict, "IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key was used for another request")
		}
	}
}
