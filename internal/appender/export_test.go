package appender

import "dashd/eventlog"

// Bound is what the appender takes the encoding of events to need at most.
func Bound(events []eventlog.Event) int {
	n := groupOverhead
	for i := range events {
		n += textBytes(&events[i]) + eventOverhead
	}
	return n
}

// Limits of what is taken into a block.
const (
	Slots        = slots
	WorthSlot    = worthSlot
	EncodeEvents = encodeEvents
)
