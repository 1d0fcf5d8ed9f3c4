package cluster

import (
	"errors"

	"github.com/hashicorp/raft"
)

// CodeNoSuccessor is the code of a transfer that cannot be.
const CodeNoSuccessor = "NO_SUCCESSOR"

// Leader is the node that leads, as far as this one knows; empty if it knows none.
func (c *Cluster) Leader() (id, address string) {
	at, who := c.raft.LeaderWithID()
	return string(who), string(at)
}

// Changed returns a channel that is closed when this node wins or loses the lead, or
// learns that another has it.
func (c *Cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Members lists the nodes of raft's configuration.
func (c *Cluster) Members() (members []Server) {
	for _, m := range c.raft.GetConfiguration().Configuration().Servers {
		members = append(members, Server{string(m.ID), string(m.Address), m.Suffrage == raft.Voter})
	}
	return members
}

// LastIndex is the end of this node's raft log.
func (c *Cluster) LastIndex() uint64 { return c.raft.LastIndex() }

// CommitIndex is the last raft entry that this node has and knows to be committed.
func (c *Cluster) CommitIndex() uint64 { return c.raft.CommitIndex() }

// Committed is the last raft entry that reaches an FSM and that is known here to be committed: what any node
// has applied by now, if this node leads in a term of which Term tells, is up to there.
func (c *Cluster) Committed() (uint64, error) {
	for index := c.raft.CommitIndex(); ; index-- {
		if applied := c.Events.Applied().Index; index <= applied {
			return applied, nil
		}
		var l raft.Log
		switch err := c.entries.GetLog(index, &l); {
		case errors.Is(err, raft.ErrLogNotFound): // it has been applied meanwhile, and truncated
		case err != nil:
			return 0, err
		case l.Type != raft.LogNoop && l.Type != raft.LogBarrier:
			return index, nil
		}
	}
}

// AddNonvoter makes a node a member that takes entries and has no vote, or changes
// the address of one. This node leads in term, or nothing is done.
func (c *Cluster) AddNonvoter(term uint64, id, address string) error {
	return c.configure(term, func() raft.IndexFuture {
		return c.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(address), 0, enqueueTimeout)
	})
}

// AddVoter gives a member a vote, or changes the address of one that has it.
func (c *Cluster) AddVoter(term uint64, id, address string) error {
	return c.configure(term, func() raft.IndexFuture {
		return c.raft.AddVoter(raft.ServerID(id), raft.ServerAddress(address), 0, enqueueTimeout)
	})
}

// Remove removes a member.
func (c *Cluster) Remove(term uint64, id string) error {
	return c.configure(term, func() raft.IndexFuture {
		return c.raft.RemoveServer(raft.ServerID(id), 0, enqueueTimeout)
	})
}

// configure changes raft's configuration and waits until that is committed. Raft takes
// one change at a time.
func (c *Cluster) configure(term uint64, change func() raft.IndexFuture) error {
	if now, err := c.Term(); err != nil || now != term {
		return notLeader(errOtherTerm)
	}
	if c.giving.Load() {
		return notLeader(errGiving)
	}
	return outcome(c.await(change()))
}
