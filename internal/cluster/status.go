package cluster

import (
	"github.com/hashicorp/raft"
)

// Status is what there is to say about this node's place in the cluster.
type Status struct {
	State       string   `json:"state"` // Leader, Follower, Candidate or Shutdown
	Term        uint64   `json:"term"`
	Ready       bool     `json:"ready"`      // it leads and has applied everything of earlier terms
	Leader      string   `json:"leader"`     // node id; empty if unknown
	FirstIndex  uint64   `json:"firstIndex"` // oldest entry of the raft log; a node that needs an older one is given the event log
	LastIndex   uint64   `json:"lastIndex"`
	CommitIndex uint64   `json:"commitIndex"`
	Applied     uint64   `json:"appliedIndex"` // last raft entry the event log has
	Servers     []Server `json:"servers"`
}

// Server is a member of the cluster.
type Server struct {
	ID      string `json:"nodeId"`
	Address string `json:"address"`
	Voter   bool   `json:"voter"`
}

// CurrentTerm is the newest term that this node has heard of. Before it votes in one, the term is this.
func (c *Cluster) CurrentTerm() uint64 { return c.raft.CurrentTerm() }

// Status answers from memory, but for where the raft log begins.
func (c *Cluster) Status() Status {
	_, leader := c.raft.LeaderWithID()
	_, err := c.Term()
	s := Status{
		State:       c.raft.State().String(),
		Term:        c.raft.CurrentTerm(),
		Ready:       err == nil,
		Leader:      string(leader),
		LastIndex:   c.raft.LastIndex(),
		CommitIndex: c.raft.CommitIndex(),
		Applied:     c.Events.Applied().Index,
	}
	s.FirstIndex, _ = c.logs.FirstIndex() // a failure ends the node
	for _, m := range c.raft.GetConfiguration().Configuration().Servers {
		s.Servers = append(s.Servers, Server{string(m.ID), string(m.Address), m.Suffrage == raft.Voter})
	}
	return s
}
