package httpapi

import (
	"context"
	"sync"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/appender"
	"dashd/internal/display"
)

const (
	// batchEvents and batchBytes bound one append: it is one part of one block,
	// and a block is at most block.MaxBytes.
	batchEvents = block.GroupEvents
	batchBytes  = block.MaxBytes / 8 * 7 // of events as they weigh; what they take is less
	// eventOverhead is counted for what an event takes beside its text.
	eventOverhead = 192
)

// batcher appends a stream of events of one project in order, in pieces. One
// piece is on its way to the log while the next is parsed, so memory is bounded
// by two pieces whatever the length of the stream.
type batcher struct {
	append func([]eventlog.Event) ([]appender.Result, error)
	admit  func(*eventlog.Event)
	// done is called for each event in order, once it is durable; at is the
	// event's position in the request.
	done func(at int, id string, r appender.Result)

	next    piece
	onWay   piece
	outcome chan outcome // of onWay; nil if nothing is on its way
}

type piece struct {
	events []eventlog.Event
	at     []int
	bytes  int
}

type outcome struct {
	results []appender.Result
	err     error
}

func (s *Server) newBatcher(r *request, done func(int, string, appender.Result)) *batcher {
	// What a client that went away has sent is stored, and a try that breaks off
	// leaves nothing in doubt.
	ctx := context.WithoutCancel(r.Context())
	store := func(events []eventlog.Event) ([]appender.Result, error) {
		return s.Appender.AppendFor(ctx, r.principal, events)
	}
	return &batcher{append: store, admit: s.admit(r), done: done}
}

// admit returns what makes a checked event one of the sender's project, with its place
// and without what this server does not store.
func (s *Server) admit(r *request) func(*eventlog.Event) {
	return func(ev *eventlog.Event) {
		ev.Project = r.principal.Project
		if len(s.Settings.Redact) > 0 {
			ev.Metadata = eventlog.Redact(ev.Metadata, s.Settings.Redact)
		}
		display.Keep(ev)
		if s.Places != nil {
			s.Places.Locate(ev)
		}
	}
}

// add takes a checked event. An error is that of an earlier piece.
func (b *batcher) add(at int, ev eventlog.Event) error {
	b.admit(&ev)
	size := weight(&ev)
	if len(b.next.events) == batchEvents || b.next.bytes+size > batchBytes && len(b.next.events) > 0 {
		if err := b.send(); err != nil {
			return err
		}
	}
	b.next.reserve()
	b.next.events = append(b.next.events, ev)
	b.next.at = append(b.next.at, at)
	b.next.bytes += size
	return nil
}

// roomy keeps slices with room for the events of a full piece, half a megabyte
// each: to make and clear them for each batch is a tenth of its cost.
var roomy = sync.Pool{New: func() any {
	s := make([]eventlog.Event, 0, batchEvents)
	return &s
}}

// reserve makes room for an event. Few batches are of a middling size: growing in
// big steps copies less.
func (p *piece) reserve() {
	if len(p.events) < cap(p.events) {
		return
	}
	n := max(16, 8*len(p.events))
	if n < batchEvents {
		p.events = append(make([]eventlog.Event, 0, n), p.events...)
		return
	}
	p.events = append(*roomy.Get().(*[]eventlog.Event), p.events...)
}

// release gives the room back, once nobody refers to the events.
func (p *piece) release() {
	if cap(p.events) == batchEvents {
		clear(p.events)
		room := p.events[:0]
		roomy.Put(&room)
	}
	*p = piece{}
}

// weight bounds what an event adds to a block.
func weight(e *eventlog.Event) int {
	return eventOverhead + len(e.ID) + len(e.Type) + len(e.UserID) + len(e.SessionID) + len(e.OrganizationID) +
		len(e.ActorID) + len(e.Key) + len(e.Metadata) + 2*len(e.IPAddress) + len(e.UserAgent) + len(e.City) +
		len(e.Region) + len(e.Country) + len(e.Message) + len(e.Origin.Type) + len(e.Origin.DisplayName) + len(e.Origin.RawIP)
}

// send puts the next piece on its way, once the one before has arrived.
func (b *batcher) send() error {
	if err := b.wait(); err != nil {
		return err
	}
	b.onWay, b.next = b.next, piece{}
	b.outcome = make(chan outcome, 1)
	go func(events []eventlog.Event) { // ends with Append, for which wait waits
		results, err := b.append(events)
		b.outcome <- outcome{results, err}
	}(b.onWay.events)
	return nil
}

// wait waits for the piece that is on its way, and reports its events.
func (b *batcher) wait() error {
	if b.outcome == nil {
		return nil
	}
	o := <-b.outcome
	b.outcome = nil
	return b.report(&b.onWay, o)
}

// report tells of each event of a piece. Only after a success does the appender
// not refer to the events any more.
func (b *batcher) report(p *piece, o outcome) error {
	if o.err != nil {
		return o.err
	}
	for i, r := range o.results {
		b.done(p.at[i], p.events[i].ID, r)
	}
	p.release()
	return nil
}

// finish appends what is left and waits for everything.
func (b *batcher) finish() error {
	if err := b.wait(); err != nil || len(b.next.events) == 0 {
		return err
	}
	results, err := b.append(b.next.events)
	return b.report(&b.next, outcome{results, err})
}
