package cluster

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/hashicorp/raft"
)

// Stream carries raft's connections to and from other nodes, which are known to be
// members: raft itself asks nobody who he is.
type Stream interface {
	net.Listener
	Dial(address string, timeout time.Duration) (net.Conn, error)
}

// layer is a Stream as raft wants it.
type layer struct {
	Stream
	address string // at which others reach this node
}

// Dial connects to another node.
func (l layer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return l.Stream.Dial(string(address), timeout)
}

// Addr is what raft tells others of this node.
func (l layer) Addr() net.Addr { return advertised(l.address) }

type advertised string

func (advertised) Network() string  { return "tcp" }
func (a advertised) String() string { return string(a) }

// openTransport makes the transport of the configuration, unless there is one.
func (c *Cluster) openTransport(id raft.ServerID) {
	switch {
	case c.Transport != nil:
	case c.Stream == nil:
		address := raft.ServerAddress(c.Address)
		if address == "" {
			address = raft.ServerAddress(id)
		}
		_, c.Transport = raft.NewInmemTransportWithTimeout(address, transportTimeout)
	default:
		c.Transport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream:  layer{c.Stream, c.Address},
			MaxPool: transportPool,
			// No pipeline: it would go on sending to a follower whose disk hangs.
			MaxRPCsInFlight:         1,
			Timeout:                 transportTimeout,
			Logger:                  newLogger(c.Log),
			MsgpackUseNewTimeFormat: true,
			ServerAddressProvider:   named{c},
		})
	}
}

// named has raft dial a node by its name too: its messages do not say whom they are for, and an
// address may have passed on to another member.
type named struct{ c *Cluster }

// ServerAddr is the address of a member to dial, as node@host:port; that of this node, which
// raft tells others, without a name.
func (n named) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if string(id) == n.c.Node.Identity().NodeID {
		return raft.ServerAddress(n.c.Address), nil
	}
	if r := n.c.running.Load(); r != nil {
		for _, m := range r.GetConfiguration().Configuration().Servers {
			if m.ID == id {
				return raft.ServerAddress(string(id) + "@" + string(m.Address)), nil
			}
		}
	}
	return "", errors.New("it is not known to be a member")
}

// closeTransport closes what openTransport has made.
func (c *Cluster) closeTransport() error {
	if closer, ok := c.Transport.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
