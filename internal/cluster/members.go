package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"dashd/internal/errs"
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
	return outcome(c.await(change()))
}

// Transfer gives the lead to a voter: the one named, or the one that has most of the log.
// It returns once this node has stopped leading, or why it leads on.
func (c *Cluster) Transfer(ctx context.Context, to string) error {
	future, err := c.transfer(to)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- c.await(future) }() // ends within an election timeout
	select {
	case err := <-done:
		switch {
		case errors.Is(err, raft.ErrNotLeader):
			return notLeader(err)
		case err != nil:
			return errs.Wrap(err, errs.Unavailable, CodeNoSuccessor, "no other node has taken the lead")
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("transfer of the lead: %w", ctx.Err())
	}
}

func (c *Cluster) transfer(to string) (raft.Future, error) {
	voters := 0
	for _, m := range c.raft.GetConfiguration().Configuration().Servers {
		switch {
		case m.Suffrage != raft.Voter:
		case string(m.ID) != to:
			voters++
		case string(m.ID) == c.Node.Identity().NodeID:
			return nil, errs.New(errs.Conflict, CodeNoSuccessor, "node %s leads already", to)
		default:
			return c.raft.LeadershipTransferToServer(m.ID, m.Address), nil
		}
	}
	switch {
	case to != "":
		return nil, errs.New(errs.NotFound, CodeNoSuccessor, "there is no voter %q", to)
	case voters < 2:
		return nil, errs.New(errs.Conflict, CodeNoSuccessor, "there is no other voter")
	}
	return c.raft.LeadershipTransfer(), nil
}
