package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"dashd/internal/errs"
)

const (
	handshakeLimit = 5 * time.Second
	// Handshakes at a time, and of one address: whoever can reach the port may begin
	// one. An address at which a member was found has places of its own, so that a
	// flood from elsewhere does not keep members apart.
	maxHandshakes        = 512
	maxHandshakesAddress = 256
	// maxKnown is how many addresses of members are remembered.
	maxKnown = 256
	// Accepted connections of one member, and of all that join.
	maxRaftConns    = 32
	maxHTTPConns    = 192
	maxJoinConns    = 16
	recheckInterval = time.Minute
	// stopLimit is what requests that are being answered get when the port stops.
	stopLimit = 5 * time.Second
)

// Options of Listen. Log, Self and Credentials are required.
type Options struct {
	Log *slog.Logger
	// Self is this node. As long as Credentials have no certificate in its name,
	// nothing is accepted or dialed.
	Self Member
	// Version of the program, told to the others.
	Version     string
	Credentials *Credentials
	Now         func() time.Time // nil: time.Now
	// Admit says whether a member may talk to this node: nil, or why not, which the
	// other is told. It is called from any goroutine, once for each connection and
	// again by Recheck; nil admits every holder of a certificate.
	Admit func(Member) error
	// Members answers requests of members, of up to 64 MiB. The answer may take as long
	// as it wants; time limits are the handler's. Nil: there are none.
	Members http.Handler
	// Joiners answers requests of nodes that have no certificate yet: anybody who can
	// reach the port. A request has 64 KiB and 15 s, an answer 60 s. Nil: there are none.
	Joiners http.Handler
}

// Port is this node's cluster port. Its methods may be called from any goroutine.
type Port struct {
	o       Options
	ln      net.Listener
	raft    *queue
	members *queue
	joiners *queue
	client  *http.Client
	// handshake bounds TLS and hello together, and how long a connection waits to be
	// taken by raft.
	handshake time.Duration
	// recheck is how often open connections are looked at again.
	recheck time.Duration

	mu          sync.Mutex
	closed      bool
	silent      bool
	conns       map[*conn]struct{}
	slots       map[slot]int
	handshakes  int // of addresses that are not known
	handshaking map[netip.Addr]int
	known       map[netip.Addr]struct{} // at which members were found
	warned      map[string]time.Time    // when a node's refusal was last logged as such
}

// A slot is what accepted connections are counted by.
type slot struct{ node, protocol string }

// Listen opens the port. Connections are accepted once Serve runs; Close must be
// called in any case.
func Listen(addr string, o Options) (*Port, error) {
	if err := o.Self.check(); err != nil {
		return nil, fmt.Errorf("open the cluster port: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Admit == nil {
		o.Admit = func(Member) error { return nil }
	}
	o.Version = printable(o.Version, maxVersion)
	ln, err := (&net.ListenConfig{KeepAliveConfig: keepAlive, Control: setTimeout}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("open the cluster port: %w", err)
	}
	p := &Port{
		o:           o,
		ln:          ln,
		raft:        newQueue(ln.Addr()),
		members:     newQueue(ln.Addr()),
		joiners:     newQueue(ln.Addr()),
		handshake:   handshakeLimit,
		recheck:     recheckInterval,
		conns:       map[*conn]struct{}{},
		slots:       map[slot]int{},
		handshaking: map[netip.Addr]int{},
		known:       map[netip.Addr]struct{}{},
		warned:      map[string]time.Time{},
	}
	p.client = p.newClient()
	return p, nil
}

// Addr is the address that the port listens at.
func (p *Port) Addr() net.Addr { return p.ln.Addr() }

// Raft returns the listener of raft's connections. Each has passed everything, and its
// other end is a member. There is one such listener; closed, it refuses raft for good.
func (p *Port) Raft() net.Listener { return p.raft }

// Serve accepts connections until ctx ends or Close is called, and then returns nil.
// Requests that are being answered get five seconds then; connections of raft, and
// those that were dialed, stay until Close.
func (p *Port) Serve(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	members, joiners := p.memberServer(requests), p.joinServer(requests)
	wg.Go(func() { _ = members.Serve(p.members) })
	wg.Go(func() { _ = joiners.Serve(p.joiners) })

	ctx, stop := context.WithCancel(ctx)
	wg.Go(func() { p.recheckEach(ctx) })
	unlisten := context.AfterFunc(ctx, func() { _ = p.ln.Close() })
	defer unlisten()
	p.accept(ctx, &wg)
	stop()

	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	for _, s := range []*http.Server{members, joiners} {
		if s.Shutdown(grace) != nil {
			_ = s.Close()
		}
	}
	return nil
}

// Close closes the port and every connection. Serve and calls that wait for a
// connection return.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	err := p.ln.Close()
	for _, q := range []*queue{p.raft, p.members, p.joiners} {
		_ = q.Close()
	}
	p.endAll((*conn).leave)
	p.client.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the cluster port: %w", err)
	}
	return nil
}

// Silence makes this node look dead: every connection is reset, in both directions,
// and new ones are refused until Speak. It does not wait for anything, whatever hangs.
func (p *Port) Silence() {
	p.mu.Lock()
	p.silent = true
	p.mu.Unlock()
	p.endAll((*conn).kill)
}

// Speak ends Silence.
func (p *Port) Speak() {
	p.mu.Lock()
	p.silent = false
	p.mu.Unlock()
}

// endAll ends each connection that there is.
func (p *Port) endAll(f func(*conn)) {
	p.mu.Lock()
	conns := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		conns = append(conns, c)
	}
	p.mu.Unlock()
	for _, c := range conns {
		f(c)
		p.forget(c) // its owner may not look at it for long
	}
}

// Recheck asks Admit again for every open connection and resets those of members that
// are refused now, and those whose certificate has expired. Call it when a node was
// removed; Serve calls it each minute.
func (p *Port) Recheck() {
	now := p.o.Now()
	of := map[Member][]*conn{}
	var late []*conn
	p.mu.Lock()
	for c := range p.conns {
		if !c.enlisted || c.member == (Member{}) {
			continue
		}
		if now.After(c.expires) {
			late = append(late, c)
		} else {
			of[c.member] = append(of[c.member], c)
		}
	}
	p.mu.Unlock()
	for _, c := range late {
		p.drop(c)
	}
	for m, conns := range of {
		if err := p.o.Admit(m); err != nil {
			p.o.Log.Info("connections of a node closed", "node", m.Node, "n", len(conns), "err", err)
			for _, c := range conns {
				p.drop(c)
			}
		}
	}
}

func (p *Port) recheckEach(ctx context.Context) {
	for sleep(ctx, p.recheck) {
		p.Recheck()
	}
}

// own returns the certificate to use, or why there is none.
func (p *Port) own() (*issued, error) {
	own := p.o.Credentials.now.Load()
	if own == nil {
		return nil, errs.New(errs.Unavailable, CodeNotReady, "this node has no certificate yet")
	}
	if own.member != p.o.Self {
		return nil, errs.New(errs.Unavailable, CodeNotReady, "the certificate names node %s of cluster %s; this is node %s of cluster %s",
			own.member.Node, own.member.Cluster, p.o.Self.Node, p.o.Self.Cluster)
	}
	return own, nil
}

// track adds a connection to those that Silence and Close reset, or says why it may
// not be.
func (p *Port) track(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return errs.New(errs.Unavailable, CodeUnreachable, "the cluster port is closed")
	case p.silent:
		return errs.New(errs.Unavailable, CodeUnreachable, "this node is silent")
	}
	p.conns[c] = struct{}{}
	return nil
}

// enlist says whose connection c is. It takes a place among those of the member, if
// it was accepted.
func (p *Port) enlist(c *conn, m Member, expires time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, tracked := p.conns[c]; !tracked {
		return errs.New(errs.Unavailable, CodeUnreachable, "the connection was cut off")
	}
	s := slot{m.Node, c.protocol}
	if c.inward {
		if limit := limits[c.protocol]; p.slots[s] >= limit {
			return errs.New(errs.Busy, CodeRefused, "the node has %d connections of %s already", limit, c.protocol)
		}
		p.slots[s]++
	}
	c.member, c.expires, c.enlisted = m, expires, true
	return nil
}

var limits = map[string]int{protocolRaft: maxRaftConns, protocolHTTP: maxHTTPConns, protocolJoin: maxJoinConns}

// drop resets a connection and forgets it.
func (p *Port) drop(c *conn) {
	c.kill()
	p.forget(c)
}

// forget undoes track and enlist. It may be called again.
func (p *Port) forget(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, tracked := p.conns[c]; !tracked {
		return
	}
	delete(p.conns, c)
	if !c.enlisted || !c.inward {
		return
	}
	s := slot{c.member.Node, c.protocol}
	if p.slots[s]--; p.slots[s] == 0 {
		delete(p.slots, s)
	}
}
