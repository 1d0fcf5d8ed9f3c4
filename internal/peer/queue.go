package peer

import (
	"net"
	"sync"
	"time"
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

// give hands c to the next Accept, and returns false if there is none in time.
func (q *queue) give(c net.Conn, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case q.conns <- c:
		return true
	case <-q.closed:
	case <-t.C:
	}
	return false
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
