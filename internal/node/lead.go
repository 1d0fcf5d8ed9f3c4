package node

import (
	"context"
	"time"

	"dashd/internal/appender"
	"dashd/internal/cluster"
	"dashd/internal/errs"
)

const (
	// giveWayEvery is how often a node that should not lead looks for one that may. It is longer
	// than contactEvery: or nodes that all have just become unfit would pass the lead round until they
	// have heard that of one another.
	giveWayEvery = time.Second
	// handOver is how long the duties of the leader may take to write down how far they are.
	handOver = time.Second
)

// CodeDiskLow is the code of writes refused for want of disk space.
const CodeDiskLow = appender.CodeDiskLow

// proposer is the cluster while there is room on the disk.
type proposer struct {
	*cluster.Cluster
	n *Node
}

// Term refuses before anything has been proposed. If another node can take the lead, it is about
// to, and what waits for a leader goes there.
func (p proposer) Term() (uint64, error) {
	term, err := p.Cluster.Term()
	if err != nil || !p.n.diskLow.Load() {
		return term, err
	}
	if p.n.successor() != "" {
		return 0, errs.New(errs.Unavailable, cluster.CodeNotLeader, "the disk of this node is nearly full: it gives the lead away")
	}
	return 0, errs.New(errs.Unavailable, CodeDiskLow, "the disk of the leading node is nearly full; nothing was written")
}

// successor is a voter that answers and that nothing speaks against; "" if there is none.
func (n *Node) successor() string {
	members := n.Cluster.Members()
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	best, head := "", uint64(0)
	for _, m := range members {
		p := n.contacts.peers[m.ID]
		if !m.Voter || p == nil || p.at.IsZero() || p.failed != nil || p.Unfit != "" {
			continue
		}
		if best == "" || p.Applied > head {
			best, head = m.ID, p.Applied
		}
	}
	return best
}

// giveWay gives the lead away, as long as this node should not have it and another voter may, until
// ctx ends. A node that may not lead can still be elected: it cannot tell raft, whose other voters would
// wait for it. So it leads for a moment; and it goes on if there is nobody else, for a cluster without
// a leader answers nothing.
func (n *Node) giveWay(ctx context.Context) error {
	tick := time.NewTicker(giveWayEvery)
	defer tick.Stop()
	for {
		if why := n.unfit(); why != "" && n.Leads() {
			if to := n.successor(); to != "" {
				err := n.Transfer(ctx, to)
				n.log.Warn("this node gives the lead away", "why", why, "to", to, "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Transfer gives the lead to a voter, see [cluster.Cluster.Transfer], after the duties of the leader
// have written down how far they are.
func (n *Node) Transfer(ctx context.Context, to string) error {
	if n.BeforeTransfer != nil && n.Leads() && n.HasOthers() {
		telling, stop := context.WithTimeout(ctx, handOver)
		n.BeforeTransfer(telling)
		stop()
	}
	return n.Cluster.Transfer(ctx, to)
}
