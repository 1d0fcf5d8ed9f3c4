package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"dashd/internal/cluster"
	"dashd/internal/errs"
)

const (
	// dutyEvery is how often the leader looks whether raft's configuration is what the log says.
	dutyEvery = time.Second
	// A node gets a vote once it has been no more than closeEntries behind for closeFor: from
	// then on the cluster needs it.
	closeEntries = 100
	closeFor     = 10 * time.Second
)

// ClusterStatus is the cluster as one of its nodes sees it.
type ClusterStatus struct {
	ClusterID string       `json:"clusterId"`
	Leader    string       `json:"leader"` // node id; empty if none is known
	Term      uint64       `json:"term"`
	AskedOf   string       `json:"askedOf"` // the node that answers
	Nodes     []NodeStatus `json:"nodes"`   // in the order of raft's configuration
}

// NodeStatus is one node of a cluster as another sees it.
type NodeStatus struct {
	ID      string `json:"nodeId"`
	Address string `json:"address"` // of its cluster port
	Role    string `json:"role"`    // leader, voter, or non-voter: one that is catching up
	State   string `json:"state"`   // ok, catching up, or unreachable
	Version string `json:"version,omitempty"`
	Head    uint64 `json:"head"`         // last seq of its log
	Dash    uint64 `json:"dash"`         // last seq its tables hold
	Applied uint64 `json:"appliedIndex"` // last raft entry it has applied
	Lag     uint64 `json:"lag"`          // events behind the longest log that is known
	// LastContactMs is how long ago it answered last, and SkewMs its clock less that of
	// the node that answers. -1: it has not answered.
	LastContactMs int64 `json:"lastContactMs"`
	SkewMs        int64 `json:"skewMs"`
}

// ClusterStatus answers from memory.
func (n *Node) ClusterStatus(context.Context) ClusterStatus {
	self, raft := n.Identity(), n.Cluster.Status()
	s := ClusterStatus{ClusterID: self.ClusterID, Leader: raft.Leader, Term: raft.Term, AskedOf: self.NodeID}
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	head := n.Store.Head() // once, or events that come meanwhile would make its lag negative
	longest := head
	for _, p := range n.contacts.peers {
		longest = max(longest, p.Head)
	}
	for _, m := range raft.Servers {
		v := NodeStatus{ID: m.ID, Address: m.Address, LastContactMs: -1, Role: "non-voter", State: "unreachable"}
		switch {
		case m.ID == raft.Leader:
			v.Role = "leader"
		case m.Voter:
			v.Role = "voter"
		}
		if m.ID == self.NodeID {
			v.Version, v.Head, v.Dash, v.Applied = n.network.Version, head, n.Dash.Seq(), n.Store.Applied().Index
			v.LastContactMs, v.State = 0, "ok"
		} else if p := n.contacts.peers[m.ID]; p != nil && !p.at.IsZero() {
			v.Version, v.Head, v.Dash, v.Applied = p.Version, p.Head, p.contact.Dash, p.Applied
			v.LastContactMs, v.SkewMs = time.Since(p.at).Milliseconds(), p.offset.Milliseconds()
			if p.failed == nil {
				v.State = "ok"
			}
		}
		if v.Lag = longest - v.Head; v.State == "ok" && !m.Voter {
			v.State = "catching up"
		}
		s.Nodes = append(s.Nodes, v)
	}
	return s
}

// watchLag notes since when a node has been close behind the log. contacts.mu is held.
func (n *Node) watchLag(p *peer) {
	switch near := p.Applied+closeEntries >= n.Store.Applied().Index; {
	case !near:
		p.close = time.Time{}
	case p.close.IsZero():
		p.close = time.Now()
	}
}

// caughtUp reports whether a node may be given a vote.
func (c *contacts) caughtUp(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[id]
	return p != nil && p.failed == nil && !p.close.IsZero() && time.Since(p.close) >= closeFor
}

// keepMembers brings raft's configuration to what the log says of the members, while this
// node leads, until ctx ends. A node that was removed ends, once raft does without it.
func (n *Node) keepMembers(ctx context.Context) error {
	var now standing
	var why string // what was due was not done when it was last tried
	tick := time.NewTicker(dutyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if row, ok := n.Access.Image().Node(n.Identity().NodeID); ok && row.Removed() && !n.IsMember(n.Identity().NodeID) {
			return removed()
		}
		term, err := n.Cluster.Term()
		if err != nil {
			continue
		}
		now.see(term, n.Cluster.Members(), n.Cluster.LastIndex())
		said := why
		why = ""
		if err := n.changeOne(ctx, &now); err != nil {
			why = err.Error()
		}
		if why != "" && why != said && ctx.Err() == nil {
			n.log.Info("the cluster's configuration has not been changed; it will be tried again", "why", why)
		}
	}
}

// RemovedReason is in what a node tells another that it refuses because the log says that it was
// removed. That is for ever: so one node that says so is enough.
const RemovedReason = "was removed from the cluster"

func removed() error {
	return errs.Stop(errs.ExitIdentity, errors.New("this node "+RemovedReason+"; wipe its data directory before it joins again"))
}

// IsMember reports whether raft counts on a node, as far as this one knows. It may for a while after the
// log says that the node was removed: until that has been committed too, the vote of the removed
// node may be the one that is needed for it.
func (n *Node) IsMember(id string) bool {
	for _, m := range n.Cluster.Members() {
		if m.ID == id {
			return true
		}
	}
	return false
}

// standing is raft's configuration as the node that leads finds it.
type standing struct {
	term    uint64
	members []cluster.Server
	// index is not before the raft entry that made the configuration: it is the end of the log when
	// this leader saw it first.
	index uint64
}

// see notes the configuration of this moment. members were read before the end of the log was.
func (s *standing) see(term uint64, members []cluster.Server, lastIndex uint64) {
	if s.term != term || !slices.Equal(s.members, members) {
		*s = standing{term, members, lastIndex}
	}
}

// isKnown reports whether most of the nodes that would vote after a change have the configuration of
// today in their logs. Without that a change may leave no one who can be elected, although all nodes run:
// raft refuses its vote to a node that has none in the configuration that the voter knows, which may be
// from before that node got one, while the node refuses the voter for its shorter log.
func (n *Node) isKnown(s *standing, voters []string) bool {
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	know := 0
	for _, id := range voters {
		if p := n.contacts.peers[id]; id == n.Identity().NodeID || p != nil && p.Committed >= s.index {
			know++
		}
	}
	return 2*know > len(voters)
}

// change is one that raft's configuration needs, and who votes after it.
type change struct {
	voters []string
	do     func() error
}

// changeOne makes the first change that is due and need not wait for a node that lags.
func (n *Node) changeOne(ctx context.Context, s *standing) error {
	changes := n.due(ctx, s)
	for _, c := range changes {
		if n.isKnown(s, c.voters) {
			return c.do()
		}
	}
	if len(changes) > 0 {
		return errors.New("most of the nodes that would vote do not have the last change yet")
	}
	return nil
}

// due lists the changes that bring raft's configuration to what the log says.
func (n *Node) due(ctx context.Context, s *standing) (changes []change) {
	self, image := n.Identity().NodeID, n.Access.Image()
	var voters []string
	for _, m := range s.members {
		if m.Voter {
			voters = append(voters, m.ID)
		}
	}
	add := func(voters []string, do func() error) { changes = append(changes, change{voters, do}) }
	for _, m := range s.members {
		row, known := image.Node(m.ID)
		others := slices.DeleteFunc(slices.Clone(voters), func(id string) bool { return id == m.ID })
		switch {
		case !known: // from before members were events: it will be known when it is moved
		case row.Removed() && m.ID == self:
			add(voters, func() error { return n.Transfer(ctx, "") })
		case row.Removed():
			add(others, func() error {
				n.log.Info("node removed", "node", m.ID)
				return n.Cluster.Remove(s.term, m.ID)
			})
		case row.Address != m.Address && row.Address != "":
			add(voters, func() error {
				n.log.Info("node moved", "node", m.ID, "address", row.Address)
				if m.Voter {
					return n.Cluster.AddVoter(s.term, m.ID, row.Address)
				}
				return n.Cluster.AddNonvoter(s.term, m.ID, row.Address)
			})
		case !m.Voter && n.contacts.caughtUp(m.ID):
			add(append(others, m.ID), func() error {
				n.log.Info("node has caught up and gets a vote", "node", m.ID)
				return n.Cluster.AddVoter(s.term, m.ID, m.Address)
			})
		}
	}
	for _, row := range image.Nodes() {
		member := slices.ContainsFunc(s.members, func(m cluster.Server) bool { return m.ID == row.ID })
		if !member && !row.Removed() && row.Address != "" {
			add(voters, func() error {
				n.log.Info("node joins", "node", row.ID, "address", row.Address)
				return n.Cluster.AddNonvoter(s.term, row.ID, row.Address)
			})
		}
	}
	return changes
}

// GiveLead gives the lead to another voter, if this node has it and there is one: before it
// stops, so that nobody has to find out that it is gone.
func (n *Node) GiveLead(ctx context.Context) {
	if !n.Leads() {
		return
	}
	if err := n.Transfer(ctx, ""); err != nil && errs.CodeOf(err) != cluster.CodeNoSuccessor {
		n.log.Warn("the lead was not given away", "err", err)
	}
}
