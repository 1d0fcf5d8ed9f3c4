package relay

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/projections"
)

// Leader finds the node that leads: a *node.Node.
type Leader interface {
	// Leads reports whether this node does.
	Leads() bool
	// WaitLeader returns once a leader is known, and whether it is this node. An error is
	// that of ctx, or says why there will be none.
	WaitLeader(ctx context.Context) (here bool, err error)
	// Do sends a request to the leader's cluster port. An error with code NOT_LEADER means that it
	// was never sent.
	Do(r *http.Request) (*http.Response, error)
}

// Access is the image that keys are checked by: a *projections.Follower.
type Access interface {
	Image() *projections.AccessImage
	Wait(ctx context.Context, seq uint64) error
}

// Options of New. All are required but those that say otherwise.
type Options struct {
	Log    *slog.Logger
	Access Access
	Now    func() int64 // ms
	// NodeID is this node's; the leader's log names it.
	NodeID string
	// Patience is how long events wait for a leader and its answer; 0: 10 s.
	Patience time.Duration
}

// patience is the recommended Options.Patience.
const patience = 10 * time.Second

// Path is where the leader takes appends: ServeAppend is to be mounted there.
const Path = "/peer/append"

// Relay appends events, here or at the leader. It is safe for concurrent use.
type Relay struct {
	local  *appender.Appender
	leader Leader
	o      Options
	log    *slog.Logger
}

// New returns a relay of this node's appender.
func New(local *appender.Appender, leader Leader, o Options) *Relay {
	if o.Patience <= 0 {
		o.Patience = patience
	}
	return &Relay{local: local, leader: leader, o: o, log: o.Log.With("component", "relay")}
}

// Now is the time to stamp on events, see [appender.Appender.Now].
func (r *Relay) Now() int64 { return r.local.Now() }

// Append appends what this node reports by itself: events of the types that [FromNode] lists, of the
// reserved project. Else it is as AppendFor.
func (r *Relay) Append(ctx context.Context, events []eventlog.Event) ([]appender.Result, error) {
	return r.append(ctx, sender{kind: byNode}, events)
}

// AppendFor appends events that by has sent, of by's project, as [appender.Appender.Append] does, wherever the
// leader is. When it returns a nil error, everything it says is durable on a majority of the nodes; it may
// not be readable on this one yet.
func (r *Relay) AppendFor(ctx context.Context, by projections.Principal, events []eventlog.Event) ([]appender.Result, error) {
	if !by.Can(scopeWrite) {
		return nil, lacksScope()
	}
	from := sender{kind: byOperator, access: r.o.Access.Image().Seq()}
	if by.KeyHash != (projections.KeyHash{}) {
		from.kind, from.key = byKey, by.KeyHash
	}
	return r.append(ctx, from, events)
}
