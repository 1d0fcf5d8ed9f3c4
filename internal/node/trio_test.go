package node_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"dashd/eventlog"
	"dashd/internal/cluster"
	"dashd/internal/kv"
	"dashd/internal/node"
)

// trio is a cluster of three nodes in one bubble, with a network in memory.
type trio struct {
	t     *testing.T
	nodes [3]*member
}

// member is a node of a trio, with its disk and its clock.
type member struct {
	*running
	trio      *trio
	address   string
	transport *transport
	free      atomic.Uint64
	fast      atomic.Int64 // ms by which its clock is ahead
	silent    atomic.Bool
	silences  atomic.Int32
	held      atomic.Pointer[hold]
	// What comes of another node's log comes slowly, or not at all.
	slow, stalled atomic.Bool
}

// transport is raft's in memory, without what dashd has switched off.
type transport struct {
	*raft.InmemTransport
	answers atomic.Pointer[answers] // nil: they come at once
}

func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, answer *raft.AppendEntriesResponse) error {
	err := t.InmemTransport.AppendEntries(id, target, args, answer)
	if a := t.answers.Load(); a != nil {
		a.hold(id, args)
	}
	return err
}

func (*transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// hold is work that does not end before it is released.
type hold struct {
	work     string
	begun    sync.Once
	waiting  chan struct{} // closed when such work has begun
	released chan struct{}
}

func newHold(work string) *hold {
	return &hold{work: work, waiting: make(chan struct{}), released: make(chan struct{})}
}

// wait holds such work.
func (h *hold) wait(work string) {
	if h.work != work {
		return
	}
	select {
	case <-h.released:
		return
	default:
	}
	h.begun.Do(func() { close(h.waiting) })
	<-h.released
}

func (h *hold) release() { close(h.released) }

// hang makes work of a name hang from now on.
func (m *member) hang(work string) *hold {
	h := newHold(work)
	m.held.Store(h)
	return h
}

// storage implements node.Config.Storage.
func (m *member) storage(work string) {
	if h := m.held.Load(); h != nil {
		h.wait(work)
	}
}

// Watermarks of trios, in bytes.
const (
	plenty  = 500
	tooLow  = 150
	nothing = 99
)

// inTrio runs a test against three nodes of a cluster.
func inTrio(t *testing.T, test func(t *testing.T, c *trio)) {
	t.Helper()
	dirs := [3]string{t.TempDir(), t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		c := &trio{t: t}
		for i := range c.nodes {
			c.nodes[i] = &member{trio: c, address: fmt.Sprintf("n%d.test:1", i)}
			c.nodes[i].free.Store(plenty)
		}
		c.nodes[0].open(dirs[0], "")
		first := c.nodes[0]
		if err := first.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		term, err := first.Cluster.Term()
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range c.nodes[1:] {
			m.open(dirs[i+1], first.Identity().ClusterID)
			c.connect()
			if err := first.Cluster.AddVoter(term, m.Identity().NodeID, m.address); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range c.nodes {
			if err := m.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second) // they have heard of one another
		test(t, c)
		for _, m := range c.nodes {
			m.stop()
		}
		for _, m := range c.nodes {
			<-m.closed
		}
	})
}

// open starts a node; it joins a cluster if one is named.
func (m *member) open(dir, clusterID string) {
	t := m.trio.t
	t.Helper()
	_, inmem := raft.NewInmemTransportWithTimeout(raft.ServerAddress(m.address), time.Second)
	m.transport = &transport{InmemTransport: inmem}
	n, err := node.Open(t.Context(), node.Config{
		Now: func() int64 { return time.Now().UnixMilli() + m.fast.Load() },
		Dir: dir, Database: kv.Options{MinFree: 1}, Storage: m.storage, Silence: m.silence,
		Watermarks: node.Watermarks{Alarm: kv.Watermark{Bytes: 300}, Refuse: kv.Watermark{Bytes: 200}, Stop: kv.Watermark{Bytes: 100}},
		Space:      func(string) (kv.Space, error) { return kv.Space{Free: m.free.Load(), Total: 1000}, nil },
		Prepare: func() (err error) {
			if clusterID != "" {
				_, err = cluster.JoinNodeFile(dir, clusterID)
			}
			return err
		},
		Connect: func(cluster.Identity) (node.Network, error) {
			return node.Network{Address: m.address, Transport: m.transport, Client: &http.Client{Transport: m}, Version: "test"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.running = &running{Node: n, t: t, stop: cancel, ended: make(chan error, 1), closed: make(chan struct{})}
	go func() { // inTrio waits for it
		m.ended <- n.Run(ctx)
		m.silence(true) // a process that has ended
		close(m.closed)
	}()
}

// connect connects all transports but those of nodes that are silent.
func (c *trio) connect() {
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			switch {
			case a == b || a.transport == nil || b.transport == nil:
			case a.silent.Load() || b.silent.Load():
				a.transport.Disconnect(b.transport.LocalAddr())
			default:
				a.transport.Connect(b.transport.LocalAddr(), b.transport.InmemTransport)
			}
		}
	}
}

// silence implements node.Config.Silence.
func (m *member) silence(on bool) {
	if on {
		m.silences.Add(1)
	}
	m.silent.Store(on)
	m.trio.connect()
}

var errUnreachable = errors.New("unreachable")

// RoundTrip brings a request to the node at its host.
func (m *member) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, to := range m.trio.nodes {
		if to.address == r.URL.Host && to.running != nil && !to.silent.Load() && !m.silent.Load() {
			w := httptest.NewRecorder()
			r := r.Clone(r.Context())
			if r.Body == nil {
				r.Body = http.NoBody
			}
			to.PeerHandler().ServeHTTP(w, r)
			resp := w.Result()
			switch {
			case r.URL.Path != "/peer/parts":
			case m.slow.Load():
				resp.Body = trickle{resp.Body, r.Context()}
			case m.stalled.Load():
				resp.Body = stall{resp.Body, r.Context()}
			}
			return resp, nil
		}
	}
	return nil, errUnreachable
}

// leader is the node that leads, or nil.
func (c *trio) leader() *member {
	for _, m := range c.nodes {
		if !m.silent.Load() && m.Leads() {
			return m
		}
	}
	return nil
}

// await waits until a condition holds, in virtual time.
func (c *trio) await(most time.Duration, what string, holds func() bool) time.Duration {
	c.t.Helper()
	begun := time.Now()
	for !holds() {
		if time.Since(begun) > most {
			c.t.Fatalf("not after %v: %s", most, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(begun)
}

// append appends an event at the node.
func (m *member) append(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := m.Appender.Append(ctx, []eventlog.Event{event(id)})
	return err
}
