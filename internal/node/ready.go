package node

import (
	"context"

	"dashd/internal/cluster"
)

// Identity says which node of which cluster this is.
func (n *Node) Identity() cluster.Identity { return n.file.Identity() }

// WaitReady waits until this node leads and has applied all that was committed
// before: until it takes writes.
func (n *Node) WaitReady(ctx context.Context) error { return n.Cluster.WaitLead(ctx) }

// Settle returns a seq that covers everything that was acknowledged anywhere, or
// proposed here, before the call.
func (n *Node) Settle(ctx context.Context) (uint64, error) {
	if err := n.Cluster.Barrier(ctx); err != nil {
		return 0, err
	}
	return n.Store.Head(), nil
}

// NotReady returns nil if this node can take and answer requests, or a sentence
// for each reason why not.
func (n *Node) NotReady() []string {
	var why []string
	if n.Failure() != nil {
		why = append(why, "the storage of this node has failed")
	}
	if s := n.Cluster.Status(); s.Leader == "" {
		why = append(why, "the cluster has no leader")
	} else if s.Leader == n.Identity().NodeID && !s.Ready {
		why = append(why, "this node is about to lead")
	}
	return append(why, n.troubles()...)
}
