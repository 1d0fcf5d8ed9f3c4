package peer

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxRequest bounds what raft reads of one request: AppendEntries is at most 64
	// commands of 1 MiB and what encodes them.
	maxRequest = 80 << 20
	// maxAnswer bounds what raft reads of one answer.
	maxAnswer = 1 << 20
)

var errTooLong = errors.New("a message of raft is too long")

// conn is a connection of the port, from the moment it is dialed or accepted.
type conn struct {
	*tls.Conn // set once TLS is through
	port      *Port
	protocol  string
	inward    bool // accepted, not dialed

	// Guarded by port.mu, and immutable once the hello is through.
	member   Member
	expires  time.Time // when the other's certificate does
	enlisted bool      // member and expires are set; a slot is taken

	// limit bounds what is read between two writes; 0: no limit. Raft answers one
	// request before it reads the next, so this is a bound on its messages, whatever
	// they say of their length.
	limit int64
	read  atomic.Int64

	mu     sync.Mutex
	raw    net.Conn // nil while it is being dialed
	cancel func()   // ends the dialing
	dead   bool
}

// attach sets the connection below. It is closed at once if c was killed before.
func (c *conn) attach(raw net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = raw
	if c.dead {
		reset(raw)
	}
}

// kill resets the connection, or ends its being dialed. It waits for nobody.
func (c *conn) kill() { c.end(reset) }

// leave is kill for a node that stops: the other side reads to the end.
func (c *conn) leave() { c.end(func(raw net.Conn) { _ = raw.Close() }) }

// end closes the connection below. TLS has no say in it: it would wait for its last
// alert to be sent.
func (c *conn) end(how func(net.Conn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return
	}
	c.dead = true
	if c.cancel != nil {
		c.cancel()
	}
	if c.raw != nil {
		how(c.raw)
	}
}

// reset closes without sending what has not been sent; the other side is told at once.
func reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

// Read reads, within the limit. A connection that this side has closed is at its end:
// raft would take another error for a fault.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	if c.limit > 0 && c.read.Add(int64(n)) > c.limit {
		c.kill()
		return 0, errTooLong
	}
	return n, err
}

// Write writes, and begins a new message to be read.
func (c *conn) Write(b []byte) (int, error) {
	if c.limit > 0 {
		c.read.Store(0)
	}
	return c.Conn.Write(b)
}

// Close closes the connection and gives its place to another.
func (c *conn) Close() error {
	c.port.forget(c)
	return c.Conn.Close()
}
