package cluster

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/raft"

	"dashd/internal/errs"
)

// giveTimeout bounds a transfer of the lead. Nothing can be proposed meanwhile.
const giveTimeout = heartbeatTimeout + kick

// reached is how far the logs of others are the same as this node's, which leads.
type reached struct {
	mu    sync.Mutex
	term  uint64 // of which the rest is
	index map[raft.ServerID]uint64
	grew  chan struct{} // closed when that changes; nil: nobody waits
}

// note notes that a node has taken everything up to an index in a term.
func (r *reached) note(id raft.ServerID, term, index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if term > r.term || r.index == nil {
		r.term, r.index = term, make(map[raft.ServerID]uint64)
	}
	if term < r.term || index <= r.index[id] {
		return
	}
	r.index[id] = index
	if r.grew != nil {
		close(r.grew)
		r.grew = nil
	}
}

// by returns how far a node has come in a term, and a channel that is closed when any has come farther.
func (r *reached) by(id raft.ServerID, term uint64) (index uint64, grew <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.term == term {
		index = r.index[id]
	}
	if r.grew == nil {
		r.grew = make(chan struct{})
	}
	return index, r.grew
}

// proposed counts the blocks whose outcome is not known yet.
type proposed struct {
	mu   sync.Mutex
	n    int
	gone chan struct{} // closed when there are none; nil: nobody waits
}

func (p *proposed) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n += n; p.n == 0 && p.gone != nil {
		close(p.gone)
		p.gone = nil
	}
}

// none returns a channel that is closed when there were none.
func (p *proposed) none() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone == nil {
		p.gone = make(chan struct{})
	}
	gone := p.gone
	if p.n == 0 {
		close(p.gone)
		p.gone = nil
	}
	return gone
}

// Transfer gives the lead to a voter: the one named, or the one that has most of the log.
// It returns once this node has stopped leading, or why it leads on.
//
// It is not raft's own: that never ends if it is tried again while the goroutine that sends entries to the voter is
// held up, and the lead is lost then. From there on raft takes nothing from a node that it takes to be giving the
// lead away, whenever that leads again.
func (c *Cluster) Transfer(ctx context.Context, to string) error {
	term := c.raft.CurrentTerm()
	if !c.leadsIn(term) {
		return notLeader(raft.ErrNotLeader)
	}
	target, err := c.target(to, term)
	if err != nil {
		return err
	}
	if !c.giving.CompareAndSwap(false, true) {
		return errs.New(errs.Unavailable, CodeNoSuccessor, "the lead is being given away already")
	}
	defer func() {
		c.giving.Store(false)
		c.tell()
	}()
	giving, cancel := context.WithTimeout(ctx, giveTimeout)
	defer cancel()
	err = c.give(giving, term, target)
	switch {
	case !c.leadsIn(term):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		err = errors.New("it took too long")
	}
	return errs.Wrap(err, errs.Unavailable, CodeNoSuccessor, "no other node has taken the lead")
}

// target chooses the voter that gets the lead of a term.
func (c *Cluster) target(to string, term uint64) (target raft.Server, err error) {
	most, others := uint64(0), 0
	for _, m := range c.raft.GetConfiguration().Configuration().Servers {
		own := string(m.ID) == c.Node.Identity().NodeID
		switch {
		case m.Suffrage != raft.Voter:
		case own && to == string(m.ID):
			return m, errs.New(errs.Conflict, CodeNoSuccessor, "node %s leads already", to)
		case to == string(m.ID):
			return m, nil
		case own:
		default:
			if others++; to == "" {
				if index, _ := c.reached.by(m.ID, term); others == 1 || index > most {
					target, most = m, index
				}
			}
		}
	}
	switch {
	case to != "":
		return target, errs.New(errs.NotFound, CodeNoSuccessor, "there is no voter %q", to)
	case others == 0:
		return target, errs.New(errs.Conflict, CodeNoSuccessor, "there is no other voter")
	}
	return target, nil
}

// give waits for what has been proposed, brings a voter to the end of this node's log and tells it to campaign,
// while nothing is proposed. It returns when this node does not lead any more, or with an error.
func (c *Cluster) give(ctx context.Context, term uint64, to raft.Server) error {
	select {
	case <-c.proposed.none():
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		index, grew := c.reached.by(to.ID, term)
		if index >= c.raft.LastIndex() {
			break
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	own := raft.ServerID(c.Node.Identity().NodeID)
	campaign := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax,
		ID:              []byte(own),
		Addr:            c.Transport.EncodePeer(own, c.Transport.LocalAddr()),
	}}
	if err := within(ctx, func() error {
		return c.Transport.TimeoutNow(to.ID, to.Address, campaign, new(raft.TimeoutNowResponse))
	}); err != nil {
		return err
	}
	for {
		changed := c.Changed()
		if !c.leadsIn(term) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leadsIn reports whether raft leads in a term.
func (c *Cluster) leadsIn(term uint64) bool {
	return c.raft.State() == raft.Leader && c.raft.CurrentTerm() == term
}

// within returns what do does, or that ctx has ended before. do ends by itself.
func within(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
