package commands

import "dashd/eventlog"

// recorded returns the events that a call with this Idempotency-Key appended, in order.
func (c *Commands) recorded(call Call) ([]eventlog.Record, error) {
	var events []eventlog.Record
	for {
		seq, ok, err := c.o.Log.FindID(call.Project, c.eventID(call, len(events)))
		if err != nil || !ok {
			return events, err
		}
		rec, err := c.o.Log.Read(seq)
		if err != nil {
			return nil, err
		}
		events = append(events, rec)
	}
}
