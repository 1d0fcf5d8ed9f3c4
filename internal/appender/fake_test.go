package appender_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/appender"
	"dashd/internal/errs"
)

// fate is what becomes of a proposal.
type fate int

const (
	written      fate = iota // and said so
	refused                  // a certain no
	lost                     // outcome unknown; it is nowhere
	writtenQuiet             // outcome unknown; it is in the log
)

var (
	errRefused = errs.New(errs.Busy, "REFUSED", "refused")
	errUnknown = errs.New(errs.Unavailable, appender.CodeOutcomeUnknown, "unknown")
	errFollows = errs.New(errs.Unavailable, "NOT_LEADER", "follower")
)

// cluster is raft and the log of a node in a few obvious lines.
type cluster struct {
	mu       sync.Mutex
	records  []eventlog.Record
	term     uint64 // 0: it does not lead
	pending  int64
	blocks   []int // events per block proposed, whatever became of it
	lastTime int64
	turn     chan struct{}       // closed when the last proposal has its outcome
	given    map[[16]byte]uint64 // seq by hash
	unsorted bool                // a block's ReceivedAt was before an earlier block's

	// fates is asked for each proposal, in order; nil: written.
	fates func(n int) fate
	// lookingUp, if set, is called at each Lookup.
	lookingUp func()
	// delay, if set, is called before each proposal is applied.
	delay func()
	// gate, if set, holds each proposal until something is received from it.
	gate chan struct{}
}

func newCluster() *cluster { return &cluster{term: 1, given: map[[16]byte]uint64{}} }

func (c *cluster) Term() (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.term == 0 {
		return 0, errFollows
	}
	return c.term, nil
}

func (c *cluster) Propose(_ context.Context, term uint64, sealed []byte) (func() (store.Applied, error), error) {
	b, err := block.Open(sealed)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if term != c.term {
		return nil, errFollows
	}
	f := written
	if c.fates != nil {
		f = c.fates(len(c.blocks))
	}
	c.blocks = append(c.blocks, b.Len())
	c.unsorted = c.unsorted || b.ReceivedAt < c.lastTime
	c.lastTime = max(c.lastTime, b.ReceivedAt)
	turn, done := c.turn, make(chan struct{})
	c.turn = done
	return func() (store.Applied, error) {
		if c.gate != nil {
			<-c.gate
		}
		if c.delay != nil {
			c.delay()
		}
		if turn != nil {
			<-turn // raft applies in order
		}
		defer close(done)
		switch f {
		case refused:
			return store.Applied{}, errRefused
		case lost:
			return store.Applied{}, errUnknown
		}
		applied, err := c.apply(b)
		if f == writtenQuiet {
			return store.Applied{}, errUnknown
		}
		return applied, err
	}, nil
}

func (c *cluster) apply(b block.Block) (store.Applied, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := uint64(len(c.records)) + 1
	for i := range b.Len() {
		e, err := b.Event(i)
		if err != nil {
			return store.Applied{}, err
		}
		if e.GivenID {
			c.given[block.IDHash(e.Project, e.ID)] = first + uint64(i)
		}
		c.records = append(c.records, eventlog.Record{Seq: first + uint64(i), ReceivedAt: b.ReceivedAt, Event: e})
	}
	return store.Applied{First: first, Last: uint64(len(c.records)), ReceivedAt: b.ReceivedAt}, nil
}

func (c *cluster) Lookup(hash [16]byte) (uint64, bool, error) {
	if c.lookingUp != nil {
		c.lookingUp()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	seq, ok := c.given[hash]
	return seq, ok, nil
}

func (c *cluster) Read(seq uint64) (eventlog.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq == 0 || seq > uint64(len(c.records)) {
		return eventlog.Record{}, errors.New("no such seq")
	}
	return c.records[seq-1], nil
}

func (c *cluster) LastReceived() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.records) == 0 {
		return 0
	}
	return c.records[len(c.records)-1].ReceivedAt
}

func (c *cluster) Pending() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// proposed returns the number of events of each block proposed so far.
func (c *cluster) proposed() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.blocks...)
}

func (c *cluster) ids() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.records {
		out = append(out, r.ID)
	}
	return out
}

const day = int64(1_790_000_000_000)

// run starts an appender on c; stop ends it and waits.
func run(t testing.TB, c *cluster, o appender.Options) (a *appender.Appender, stop func()) {
	t.Helper()
	o.NodeID = "node-1"
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	if o.Now == nil {
		o.Now = func() int64 { return day }
	}
	a = appender.New(c, c, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return a, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// event is one whose producer chose its id, unless id is empty.
func event(id, about string) eventlog.Event {
	return eventlog.Event{
		ID: id, GivenID: id != "", Project: "p", Type: "user.joined", Time: day, Key: about,
		UserID: about, Personal: eventlog.Personal{Metadata: []byte(`{}`)},
	}
}

// events are n without an id.
func events(n int) []eventlog.Event {
	out := make([]eventlog.Event, n)
	for i := range out {
		out[i] = event("", fmt.Sprintf("user-%d", i))
	}
	return out
}

// answer is what a call of Append returned.
type answer struct {
	results []appender.Result
	err     error
}

// send calls Append in a goroutine.
func send(a *appender.Appender, events ...eventlog.Event) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		results, err := a.Append(context.Background(), events)
		out <- answer{results, err}
	}()
	return out
}

func wantResults(t *testing.T, got answer, want ...appender.Result) {
	t.Helper()
	if got.err != nil {
		t.Errorf("Append: %v; want %+v", got.err, want)
		return
	}
	if fmt.Sprint(got.results) != fmt.Sprint(want) {
		t.Errorf("Append\n got %+v\nwant %+v", got.results, want)
	}
}

func wantError(t *testing.T, got answer, want error) {
	t.Helper()
	if !errors.Is(got.err, want) {
		t.Errorf("Append = %+v, %v; want the error %q", got.results, got.err, want)
	}
}
