package node

import (
	"context"
	"fmt"
	"time"

	"dashd/internal/cluster"
)

// Identity says which node of which cluster this is.
func (n *Node) Identity() cluster.Identity { return n.file.Identity() }

// WaitReady waits until this node leads and has applied all that was committed before, or
// follows one that does and has what had been acknowledged by some moment during the call.
func (n *Node) WaitReady(ctx context.Context) error {
	for {
		if leads, err := n.WaitLeader(ctx); err != nil || leads {
			return err
		}
		if seq, err := n.askReadIndex(ctx, false); err == nil {
			return n.Store.Wait(ctx, seq)
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return noLeader(ctx.Err())
		}
	}
}

// Settle returns a seq that covers everything that was acknowledged anywhere, or
// proposed here, before the call.
func (n *Node) Settle(ctx context.Context) (uint64, error) {
	if err := n.Cluster.Barrier(ctx); err != nil {
		return 0, err
	}
	return n.Store.Head(), nil
}

// mostAge is how old the state of a node may be that is ready.
const mostAge = 5 * time.Second

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
	} else if age, known := n.Age(n.Store.Head()); !known {
		why = append(why, "this node has not caught up with the leader yet")
	} else if age > mostAge {
		why = append(why, fmt.Sprintf("this node is %v behind the leader", age.Round(time.Second)))
	}
	return append(why, n.troubles()...)
}
