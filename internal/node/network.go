package node

import (
	"net/http"

	"dashd/internal/cluster"
)

// Network is this node's way to the others. The zero value leads nowhere.
type Network struct {
	// Stream carries raft's connections, Client requests to https://<address>/peer/…, both
	// between members only.
	Stream cluster.Stream
	Client *http.Client
	// Address is the one at which other nodes reach this one, host:port.
	Address string
	// Version is that of this program, which others show.
	Version string
	// Transport carries raft's messages instead of Stream, if not nil.
	Transport cluster.Transport
}
