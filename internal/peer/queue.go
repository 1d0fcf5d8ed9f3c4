package peer

import (
	"context"
	"net"
	"sync"

	"dashd/internal/errs"
)

// queue is a net.Listener of connections that the port has accepted already.
type queue struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newQueue(addr net.Addr) *queue {
	return &queue{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give hands c to the next Accept, if there is one before ctx ends.
func (q *queue) give(ctx context.Context, c *conn) error {
	select {
	case q.conns <- c:
		return nil
	case <-q.closed:
	case <-ctx.Done():
	}
	return errs.New(errs.Unavailable, "", "nobody takes connections of %s", c.protocol)
}

// Accept waits for a connection.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Connections that were accepted stay.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

// Addr is the port's address.
func (q *queue) Addr() net.Addr { return q.addr }
