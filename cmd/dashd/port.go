package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"dashd/internal/appender"
	"dashd/internal/cluster"
	"dashd/internal/errs"
	"dashd/internal/node"
	"dashd/internal/peer"
)

// noPort is the value of --cluster for a node that no other can join.
const noPort = "off"

// clusterPort is how this node and the others reach one another.
type clusterPort struct {
	*peer.Port
	credentials *peer.Credentials
	address     string                    // at which others reach this node
	members     front                     // requests of members
	joiners     front                     // requests of nodes that want to become members
	self        atomic.Pointer[node.Node] // nil: it is not open yet
}

// openPort opens the cluster port; nil if there is none. It takes nobody in before it has
// a certificate, and answers no request before the node is open.
//
// A node that has never had a certificate does without the port if another program uses
// the address that nobody chose: it is alone anyway.
func openPort(cfg Config, credentials *peer.Credentials, id cluster.Identity, log *slog.Logger) (*clusterPort, error) {
	if credentials == nil {
		return nil, nil
	}
	p := &clusterPort{credentials: credentials}
	p.members.use(http.HandlerFunc(notYet))
	p.joiners.use(http.HandlerFunc(notYet))
	var err error
	p.Port, err = peer.Listen(cfg.Cluster, peer.Options{
		Log: log, Self: peer.Member{Cluster: id.ClusterID, Node: id.NodeID, Incarnation: id.Incarnation}, Version: version,
		Credentials: credentials, Admit: p.admit, Members: &p.members, Joiners: &p.joiners,
	})
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && cfg.Cluster == defaultCluster && !credentials.Ready():
		log.Warn("no other node can join this one: the address of its cluster port is in use", "address", cfg.Cluster)
		return nil, nil
	case err != nil:
		return nil, refuse("cannot open the cluster port at %s (%w); stop what uses the address, or choose another one with --cluster", cfg.Cluster, err)
	}
	p.address = cfg.advertised(p.Addr().String())
	return p, nil
}

// notYet answers other nodes while this one starts. It did nothing and leads nobody, as both
// relay and httpapi read it, so that what they passed on waits for whoever leads.
func notYet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(w, `{"kind":%q,"code":%q,"message":"this node is starting"}`, errs.Unavailable, appender.CodeNotLeader)
}

// network is the node's way to others through the port.
func (p *clusterPort) network() node.Network {
	if p == nil {
		return node.Network{}
	}
	return node.Network{Stream: raftStream{p.Raft(), p.Port}, Client: p.Client(), Address: p.address, Version: version}
}

// raftStream is the port as cluster.Stream.
type raftStream struct {
	net.Listener
	port *peer.Port
}

// Dial connects to another node's raft.
func (s raftStream) Dial(address string, timeout time.Duration) (net.Conn, error) {
	return s.port.DialRaft(address, timeout)
}

// admit says why a node may not talk to this one, by what this node has folded of the log. One that
// was removed is refused once raft does without it.
func (p *clusterPort) admit(m peer.Member) error {
	self := p.self.Load()
	if self == nil {
		return nil // it is of the cluster, and nothing more is known yet
	}
	row, known := self.Access.Image().Node(m.Node)
	switch {
	case !known: // it has joined, and this node has yet to read of it
		return nil
	case row.Removed() && !self.IsMember(m.Node):
		return errs.New(errs.Forbidden, "NODE_REMOVED", "node %s "+node.RemovedReason, m.Node)
	case row.Incarnation != m.Incarnation:
		return errs.New(errs.Forbidden, "NODE_CHANGED", "node %s is not the one that joined under this id", m.Node)
	}
	return nil
}

// serve serves the port, if there is one, until ctx ends, and closes connections of nodes
// that have been removed.
func (p *clusterPort) serve(ctx context.Context) error {
	if p == nil {
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx) }()
	seen, members := uint64(0), []cluster.Server(nil)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
		}
		self := p.self.Load()
		if self == nil {
			continue
		}
		seq, now := self.Access.Image().Seq(), self.Cluster.Members()
		if seq != seen || !slices.Equal(now, members) {
			seen, members = seq, now
			p.Recheck()
		}
	}
}

// silence keeps other nodes away from this one, or lets them near again.
func (p *clusterPort) silence(silent bool) {
	switch {
	case p == nil:
	case silent:
		p.Silence()
	default:
		p.Speak()
	}
}

// close closes the port, if there is one.
func (p *clusterPort) close() error {
	if p == nil {
		return nil
	}
	return p.Close()
}
