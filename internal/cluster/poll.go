package cluster

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// poll asks the voters whether one of them has heard of a newer term than that in which this node leads. A
// majority that has not, after the poll began, cannot have elected another leader before. Raft's
// own question counts members without a vote, and answers to messages from before it.
type poll struct {
	term uint64
	news chan struct{} // capacity 1: somebody has answered

	mu     sync.Mutex
	agreed map[raft.ServerID]bool // who had not heard of a newer term
}

// heard notes what a node answers to a message that was sent in a term while the poll was going on. nil: none was.
func (p *poll) heard(id raft.ServerID, term, answered uint64) {
	if p == nil || term != p.term || answered != term {
		return
	}
	p.mu.Lock()
	p.agreed[id] = true
	p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default: // it has been said
	}
}

// majority reports whether most voters agree; self does.
func (p *poll) majority(servers []raft.Server, self raft.ServerID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	voters, agree := 0, 0
	for _, s := range servers {
		if s.Suffrage != raft.Voter {
			continue
		}
		voters++
		if s.ID == self || p.agreed[s.ID] {
			agree++
		}
	}
	return 2*agree > voters
}

// confirm returns nil if no other node had been elected when it was called. One call at a time.
func (c *Cluster) confirm() error {
	p := &poll{term: c.lead.Load(), news: make(chan struct{}, 1), agreed: make(map[raft.ServerID]bool)}
	c.poll.Store(p)
	defer c.poll.Store(nil)
	// This makes raft send heartbeats at once; those who answer them agree, or the poll waits for the next. Raft's
	// own answer is not waited for: there is none if a voter that it counts on is removed meanwhile.
	c.raft.VerifyLeader()
	again := time.NewTicker(kick) // for a change of the voters, of which nobody tells
	defer again.Stop()
	for {
		changed := c.Changed()
		if c.lead.Load() != p.term || c.raft.CurrentTerm() != p.term {
			return errOtherTerm
		}
		if p.majority(c.raft.GetConfiguration().Configuration().Servers, raft.ServerID(c.Node.Identity().NodeID)) {
			return nil
		}
		select {
		case <-p.news:
		case <-changed:
		case <-again.C:
		case <-c.down:
			return errStopping
		case <-c.Failed:
			return errStorage
		}
	}
}
