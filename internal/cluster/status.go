package cluster

import (
	"github.com/hashicorp/raft"
)

// Status is what there is to say about this node's place in the cluster.
type Status struct {
	Identity
	State       string // Leader, Follower, Candidate or Shutdown
	Term        uint64
	Ready       bool   // it leads and has applied everything of earlier terms
	LeaderID    string // "" if unknown
	LastIndex   uint64 // last raft entry on disk
	CommitIndex uint64
	Applied     uint64 // last raft entry given to the event log
	Servers     []Server
}

// Server is a member of the cluster.
type Server struct {
	ID, Address string
	Voter       bool
}

// Status answers from memory.
func (c *Cluster) Status() Status {
	_, leader := c.raft.LeaderWithID()
	_, err := c.Term()
	s := Status{
		Identity:    c.Node.Identity(),
		State:       c.raft.State().String(),
		Term:        c.raft.CurrentTerm(),
		Ready:       err == nil,
		LeaderID:    string(leader),
		LastIndex:   c.raft.LastIndex(),
		CommitIndex: c.raft.CommitIndex(),
		Applied:     c.Events.Applied().Index,
	}
	for _, m := range c.raft.GetConfiguration().Configuration().Servers {
		s.Servers = append(s.Servers, Server{string(m.ID), string(m.Address), m.Suffrage == raft.Voter})
	}
	return s
}
