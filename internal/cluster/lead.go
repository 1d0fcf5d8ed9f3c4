package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"
)

// Run follows the leadership and keeps the raft log short, until ctx ends.
func (c *Cluster) Run(ctx context.Context) error {
	truncating := make(chan struct{})
	go func() { // apart, because it waits for the event log to be persisted
		defer close(truncating)
		for {
			select {
			case <-c.logs.grown:
				c.truncate()
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() { <-truncating }()
	for {
		select {
		case leading := <-c.notify:
			if leading {
				c.takeLead()
			} else {
				c.setLead(0)
			}
		case <-c.seen:
			c.tell()
		case <-ctx.Done():
			c.setLead(0)
			return nil
		}
	}
}

// takeLead makes this node ready to lead: it has won an election, but may not yet
// have applied what earlier leaders committed.
func (c *Cluster) takeLead() {
	term, err := c.confirmLead()
	if err != nil {
		c.Log.Info("leadership lost before it began", "term", term, "err", err)
		return
	}
	// Before anything is acknowledged in this term, for it tells an old raft log from
	// the newest one.
	if err := c.Node.note(term, 0, false); err != nil {
		c.Fatal(err)
		return
	}
	c.setLead(term)
	c.Log.Info("leading", "term", term, "index", c.raft.AppliedIndex())
}

// confirmLead applies everything of earlier terms. Raft takes no barrier from a node that does not
// lead any more, and lets it wait; by then the node may have been elected again.
func (c *Cluster) confirmLead() (term uint64, err error) {
	for {
		term = c.raft.CurrentTerm()
		err = c.await(c.raft.Barrier(heartbeatTimeout))
		switch {
		case c.raft.State() != raft.Leader:
			return term, errors.Join(err, raft.ErrLeadershipLost) // a notification of that is on its way
		case err == nil && c.raft.CurrentTerm() == term:
			return term, nil
		case errors.Is(err, errStorage), errors.Is(err, errStopping):
			return term, err
		}
		time.Sleep(leadPause) // whatever it is, it may say so at once
	}
}

func (c *Cluster) setLead(term uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lead.Swap(term) != term {
		c.tellLocked()
	}
}

// tell wakes those who wait for a change of the leader.
func (c *Cluster) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tellLocked()
}

func (c *Cluster) tellLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Term is the term in which this node leads and has applied everything of the
// terms before; else an error of kind Unavailable.
func (c *Cluster) Term() (uint64, error) {
	if term := c.lead.Load(); term != 0 && !c.failed() {
		return term, nil
	}
	return 0, notLeader(errors.New("not ready to lead"))
}

// WaitLead waits until Term answers one.
func (c *Cluster) WaitLead(ctx context.Context) error {
	for {
		changed := c.Changed()
		if _, err := c.Term(); err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-c.Failed:
			return notLeader(errStorage)
		case <-ctx.Done():
			return notLeader(ctx.Err())
		}
	}
}

// truncate has raft note the persisted position as its snapshot and delete the
// entries before it, but for as many as a lagging node may need.
func (c *Cluster) truncate() {
	entries, bytes := c.logs.entries.Swap(0), c.logs.bytes.Swap(0)
	trailing := uint64(minTrailing)
	if entries > 0 && bytes > 0 {
		size := max(1, bytes/entries)
		trailing = min(max(uint64(c.TruncateBytes/2/size), minTrailing), maxTrailing)
	}
	conf := c.raft.ReloadableConfig()
	if conf.TrailingLogs != trailing {
		conf.TrailingLogs = trailing
		if err := c.raft.ReloadConfig(conf); err != nil {
			c.Log.Warn("raft refuses its settings", "err", err)
		}
	}
	err := c.await(c.raft.Snapshot())
	if err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) && !errors.Is(err, errStopping) {
		c.Log.Info("raft log not truncated; it will be tried again", "err", err)
	}
}
