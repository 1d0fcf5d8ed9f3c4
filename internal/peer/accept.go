package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"dashd/internal/errs"
)

// After a failure to accept (no file descriptors, say) the port waits so long, and
// twice as long after each more.
const (
	acceptPause    = 5 * time.Millisecond
	maxAcceptPause = time.Second
	// warnInterval is how often the refusal of one node is logged as more than a detail.
	warnInterval = time.Minute
)

// accept begins a handshake for each connection until the port stops.
func (p *Port) accept(ctx context.Context, wg *sync.WaitGroup) {
	pause := acceptPause
	for {
		raw, err := p.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.o.Log.Warn("cluster port cannot accept", "err", err)
			if !sleep(ctx, pause) {
				return
			}
			pause = min(2*pause, maxAcceptPause)
			continue
		}
		pause = acceptPause
		c := &conn{port: p, inward: true}
		c.attach(raw)
		done, ok := p.begin(c, addrOf(raw))
		if !ok {
			c.kill()
			continue
		}
		wg.Go(func() { p.welcome(ctx, c, done) })
	}
}

// begin takes a place for a handshake, if there is one. done gives it back, and is told
// whether a member has come.
func (p *Port) begin(c *conn, from netip.Addr) (done func(member bool), ok bool) {
	if p.track(c) != nil {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.known[from]
	if p.handshaking[from] >= maxHandshakesAddress || !known && p.handshakes >= maxHandshakes {
		delete(p.conns, c)
		return nil, false
	}
	p.handshaking[from]++
	if !known {
		p.handshakes++
	}
	return func(member bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.handshaking[from]--; p.handshaking[from] == 0 {
			delete(p.handshaking, from)
		}
		if !known {
			p.handshakes--
		}
		if member {
			p.know(from)
		}
	}, true
}

// know remembers that a member is at an address. p.mu is held.
func (p *Port) know(at netip.Addr) {
	if _, known := p.known[at]; !known && len(p.known) >= maxKnown {
		clear(p.known) // those who are still there come again
	}
	p.known[at] = struct{}{}
}

// addrOf is where the other end of a connection is.
func addrOf(c net.Conn) netip.Addr {
	return c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
}

// welcome brings an accepted connection to whom it is for, or closes it. It ends when
// ctx does.
func (p *Port) welcome(ctx context.Context, c *conn, done func(member bool)) {
	err := p.receive(ctx, c)
	done(err == nil && c.protocol != protocolJoin)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, p.handshake)
		defer cancel()
		err = p.queueOf(c.protocol).give(ctx, c)
	}
	if err != nil {
		p.drop(c)
		p.logRefusal(c, err)
	}
}

func (p *Port) queueOf(protocol string) *queue {
	switch protocol {
	case protocolRaft:
		return p.raft
	case protocolHTTP:
		return p.members
	default:
		return p.joiners
	}
}

// receive does the accepting side's part of the handshake. No byte behind it is read.
func (p *Port) receive(ctx context.Context, c *conn) error {
	ctx, cancel := context.WithTimeout(ctx, p.handshake)
	defer cancel()
	unwatch := context.AfterFunc(ctx, c.kill)
	defer unwatch()
	t := tls.Server(c.raw, &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: p.serverConfig})
	if err := t.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	state := t.ConnectionState()
	c.Conn, c.protocol = t, state.NegotiatedProtocol
	if c.protocol == protocolJoin {
		return p.enlist(c, Member{}, time.Time{})
	}
	if err := p.answerHello(c, &state); err != nil {
		return err
	}
	if c.protocol == protocolRaft {
		c.limit = maxRequest
	}
	if !unwatch() {
		return context.Cause(ctx)
	}
	return nil
}

// answerHello reads the other's hello, checks it, and answers with this node's or with
// a refusal.
func (p *Port) answerHello(c *conn, state *tls.ConnectionState) error {
	theirs, err := readHello(c.Conn)
	if err != nil {
		return err
	}
	own, err := p.own()
	if err != nil {
		return err
	}
	if err := p.checkHello(c, own, state, theirs, x509.ExtKeyUsageClientAuth); err != nil {
		_, _ = c.Conn.Write(appendRefusal(nil, errs.Message(err)))
		// A reset would take the refusal with it: the other side would never learn why.
		_ = c.Conn.CloseWrite()
		_, _ = c.Conn.Read(make([]byte, 1))
		return err
	}
	mine, err := p.hello(state, accepted)
	if err != nil {
		return err
	}
	_, err = c.Conn.Write(mine.append(nil))
	return err
}

// hello is this node's on a connection.
func (p *Port) hello(state *tls.ConnectionState, side string) (hello, error) {
	b, err := binding(state, side)
	return hello{Member: p.o.Self, Version: p.o.Version, Binding: b}, err
}

// checkHello checks what the other side says against what its certificate says and
// against the members. From then on Recheck knows the connection.
func (p *Port) checkHello(c *conn, own *issued, state *tls.ConnectionState, theirs hello, usage x509.ExtKeyUsage) error {
	leaf := state.PeerCertificates[0]
	m, err := own.verify(leaf, usage, p.o.Now())
	if err != nil {
		return err
	}
	side := dialed
	if !c.inward {
		side = accepted
	}
	want, err := binding(state, side)
	switch {
	case err != nil:
		return err
	case theirs.Binding != want:
		return errs.New(errs.Unauthorized, CodeRefused, "the hello is of another connection")
	case theirs.Member != m:
		return errs.New(errs.Unauthorized, CodeRefused, "the hello names node %s of cluster %s in incarnation %s, the certificate node %s of cluster %s in incarnation %s",
			theirs.Node, theirs.Cluster, theirs.Incarnation, m.Node, m.Cluster, m.Incarnation)
	case m.Node == p.o.Self.Node:
		return errs.New(errs.Forbidden, CodeRefused, "the other side is node %s itself", m.Node)
	}
	// First in the list, then admitted: a removal between the two finds it there.
	if err := p.enlist(c, m, leaf.NotAfter); err != nil {
		return err
	}
	return p.o.Admit(m)
}

// logRefusal logs why a connection was closed: anybody can cause it, so it is a detail,
// unless it was a node's, whose hello fitted its certificate.
func (p *Port) logRefusal(c *conn, err error) {
	level := slog.LevelDebug
	p.mu.Lock()
	node := c.member.Node
	if now := p.o.Now(); node != "" && now.Sub(p.warned[node]).Abs() >= warnInterval {
		p.warned[node] = now
		level = slog.LevelWarn
	}
	p.mu.Unlock()
	p.o.Log.Log(context.Background(), level, "connection refused", "protocol", c.protocol, "node", node, "err", err)
}
