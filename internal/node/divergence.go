package node

import (
	"encoding/hex"
	"fmt"
	"time"

	"dashd/internal/errs"
)

const (
	// The chains of the nodes are compared after so many events, or so much time with any.
	compareEvents = 64 << 10
	compareEvery  = time.Minute
)

// divergence compares this node's log with those of the others, by the chain hash at one seq
// at a time.
type divergence struct {
	seq    uint64            // 0: nothing is compared
	chain  string            // this node's, in hex
	since  time.Time         // when the comparison began
	others map[string]string // what other nodes said, by node id
}

func (d *divergence) said(node string, seq uint64, chain string) {
	if seq == d.seq && d.seq != 0 {
		d.others[node] = chain
	}
}

// chainWanted is the seq at which chains are compared now, 0 if at none.
func (c *contacts) chainWanted() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.check.seq
}

// checkChain ends the node if its log differs from what a majority of members has, or, if
// none agrees, from the leader's; and begins the next comparison when it is time.
func (n *Node) checkChain(members int) {
	if members < 2 {
		return
	}
	leader, _ := n.Cluster.Leader()
	n.contacts.mu.Lock()
	defer n.contacts.mu.Unlock()
	d := &n.contacts.check
	if why := d.verdict(members, leader); why != "" {
		n.fail(errs.Stop(errs.ExitIntegrity, fmt.Errorf("the log of this node differs from %s at seq %d; "+
			"remove the node from the cluster, wipe its directory and let it join again", why, d.seq)))
		return
	}
	at := n.Store.PersistedSeq()
	if at < d.seq+compareEvents && (at == d.seq || time.Since(d.since) < compareEvery) {
		return
	}
	if chain, ok := n.Store.ChainAt(at); ok {
		*d = divergence{seq: at, chain: hex.EncodeToString(chain[:]), since: time.Now(), others: map[string]string{}}
	}
}

// verdict says whose log this node's differs from if it is this node that must stop, or "".
func (d *divergence) verdict(members int, leader string) string {
	count := map[string]int{d.chain: 1}
	for _, chain := range d.others {
		count[chain]++
	}
	majority := members/2 + 1
	if count[d.chain] >= majority {
		return ""
	}
	for chain, n := range count {
		if chain != d.chain && n >= majority {
			return "that of the majority"
		}
	}
	// Two nodes, or two that can be reached: the leader's is the one that is acknowledged.
	if chain, ok := d.others[leader]; ok && chain != d.chain {
		return "the leader's"
	}
	return ""
}
