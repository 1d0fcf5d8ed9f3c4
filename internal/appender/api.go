package appender

import (
	"context"
	"log/slog"

	"dashd/eventlog"
	"dashd/eventlog/store"
)

// Result is what became of one event.
type Result struct {
	Seq       uint64
	Duplicate bool // the same id and content was there already, at Seq
	Conflict  bool // the same id with other content is at Seq; this event was not written
}

// Proposer hands a sealed block to raft. It returns once raft has it; wait returns once this
// node's FSM has applied it, or why that is not known (an *errs.Error of kind Unavailable).
type Proposer interface {
	Propose(ctx context.Context, block []byte) (wait func() (store.Applied, error), err error)
}

// Log is what the appender asks of the store.
type Log interface {
	Lookup(hash [16]byte) (seq uint64, ok bool, err error)
	Read(seq uint64) (eventlog.Record, error)
	LastReceived() int64
	Pending() int64
}

// Options of New.
type Options struct {
	NodeID string
	Log    *slog.Logger
	Now    func() int64 // ms; the one clock
	// MaxWaiting bounds the bytes of events waiting (default 64 MiB): beyond, Append answers errs.Busy.
	MaxWaiting int64
}

// Appender groups events into blocks and proposes them.
type Appender struct{}

// New returns an appender; Run must be running for Append to return.
func New(log Log, p Proposer, o Options) *Appender { panic("skeleton") }

// Run works until ctx ends; then it refuses new events, and waits for those in flight.
func (a *Appender) Run(ctx context.Context) error { panic("skeleton") }

// Append makes checked events durable, all in one block and in order, and returns one result for
// each. When it returns a nil error, everything it says is durable on a majority and readable
// here. Ids, salts are filled in for events that lack them. At most block.GroupEvents events.
func (a *Appender) Append(ctx context.Context, events []eventlog.Event) ([]Result, error) {
	panic("skeleton")
}

// Now is the time to stamp on events: ms, never less than an earlier block's ReceivedAt.
func (a *Appender) Now() int64 { panic("skeleton") }
