package projections

import "dashd/eventlog"

// A Projection is a table derived from the log.
type Projection interface {
	Name() string
	// Version changes with the meaning of the rows: an image of another version
	// is thrown away and folded again from the first event.
	Version() int
	// Apply folds one event. It is called in the order of the log, from one
	// goroutine, and may be called again only from the first event on, for an
	// empty image. It ignores what it does not know, and what is malformed: no event
	// stops a fold. It must not keep rec or its byte slices.
	Apply(rec *eventlog.Record)
}
