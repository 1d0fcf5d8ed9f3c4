package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"time"

	"dashd/internal/errs"
)

// DialRaft opens a connection to the raft of the member at addr, or, if addr is
// "<node>@<address>", of that node and no other: what one member has written must not
// count as another's because an address has passed on. When it returns, both sides have
// shown who they are. Its errors have code PEER_UNREACHABLE, PEER_REFUSED or
// PEER_NOT_READY.
func (p *Port) DialRaft(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	node, at, named := strings.Cut(addr, "@")
	if !named {
		node, at = "", addr
	}
	c, err := p.dial(ctx, at, node, protocolRaft)
	if err != nil {
		return nil, err
	}
	c.limit = maxAnswer
	return c, nil
}

// dial opens a connection to the member at addr, which must be the node, if one is named.
func (p *Port) dial(ctx context.Context, addr, node, protocol string) (*conn, error) {
	own, err := p.own()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.handshake)
	defer cancel()
	c := &conn{port: p, protocol: protocol, cancel: cancel}
	if err := p.track(c); err != nil {
		return nil, err
	}
	if err := p.introduce(ctx, c, own, addr, node); err != nil {
		p.drop(c)
		code := errs.CodeOf(err)
		if code == "" {
			code = CodeUnreachable
		}
		return nil, errs.Wrap(err, errs.Unavailable, code, "no connection to the node at %s", addr)
	}
	p.mu.Lock()
	p.know(addrOf(c))
	p.mu.Unlock()
	return c, nil
}

// introduce does the dialing side's part of the handshake.
func (p *Port) introduce(ctx context.Context, c *conn, own *issued, addr, node string) error {
	raw, err := (&net.Dialer{KeepAliveConfig: keepAlive, Control: setTimeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	c.attach(raw)
	unwatch := context.AfterFunc(ctx, c.kill)
	defer unwatch()
	t := tls.Client(raw, p.clientConfig(own, c.protocol))
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	c.Conn = t
	state := t.ConnectionState()
	mine, err := p.hello(&state, dialed)
	if err != nil {
		return err
	}
	if _, err := t.Write(mine.append(nil)); err != nil {
		return err
	}
	theirs, err := readHello(t)
	if err != nil {
		return err
	}
	if err := p.checkHello(c, own, &state, theirs, x509.ExtKeyUsageServerAuth); err != nil {
		return errs.Wrap(err, errs.Unavailable, CodeRefused, "this node refuses the other")
	}
	if node != "" && node != theirs.Node {
		return errs.New(errs.Unavailable, CodeRefused, "node %s answers there, not node %.80q", theirs.Node, node)
	}
	if !unwatch() {
		return context.Cause(ctx)
	}
	return nil
}
