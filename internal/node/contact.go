package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dashd/internal/cluster"
)

const (
	// contactEvery is how often a node asks each of the others how it is.
	contactEvery = 500 * time.Millisecond
	// contactTimeout is how long an answer may take. A later one says nothing of the present.
	contactTimeout = 3 * time.Second
	// maxContact bounds an answer.
	maxContact = 16 << 10
)

// contact is what a node says of itself to another.
type contact struct {
	Node      string `json:"nodeId"`
	Version   string `json:"version"`
	Clock     int64  `json:"clock"` // ms
	Head      uint64 `json:"head"`
	Persisted uint64 `json:"persisted"`
	Applied   uint64 `json:"appliedIndex"`
	Dash      uint64 `json:"dash"` // last seq the dashboard's tables hold
	// Committed is the last raft entry that it has and knows to be committed.
	Committed uint64 `json:"committedIndex"`
	// Unfit is why the node should not lead; "" if it may.
	Unfit string `json:"unfit,omitempty"`
	// Term is the newest raft term that the node has heard of. Leads says that it leads in that one,
	// for all it knows, and did when it looked at Head.
	Term  uint64 `json:"term"`
	Leads bool   `json:"leads"`
	// Chain is the chain hash at the seq that was asked for, in hex; "" if it is not known.
	Chain string `json:"chain,omitempty"`
}

// peer is what this node knows of another.
type peer struct {
	contact
	asking bool          // an answer is awaited
	at     time.Time     // of the last answer; zero: none since the start
	asked  time.Time     // when the question was sent that it answers
	delay  time.Duration // of it
	offset time.Duration // its clock less this node's
	close  time.Time     // since when it has been close behind the log; zero: it is not
	failed error         // why the last question was not answered
}

// contacts holds what the other nodes have said. The zero value is ready.
type contacts struct {
	mu    sync.Mutex
	peers map[string]*peer // by node id
	fresh freshness
	check divergence
}

// keepContact asks the other nodes how they are until ctx ends.
func (n *Node) keepContact(ctx context.Context) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	tick := time.NewTicker(contactEvery)
	defer tick.Stop()
	for {
		self := n.Identity().NodeID
		members := n.Cluster.Members()
		n.contacts.keep(members)
		for _, m := range members {
			if m.ID != self && n.contacts.mayAsk(m.ID) {
				asking.Go(func() { n.ask(ctx, m) })
			}
		}
		n.markOwn()
		n.checkChain(len(members))
		n.SetSkew(n.contacts.skew())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// keep forgets nodes that are no members any more.
func (c *contacts) keep(members []cluster.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.peers
	c.peers = make(map[string]*peer, len(members))
	for _, m := range members {
		if c.peers[m.ID] = old[m.ID]; c.peers[m.ID] == nil {
			c.peers[m.ID] = &peer{}
		}
	}
}

// mayAsk reports whether a node is not being asked already, and marks it.
func (c *contacts) mayAsk(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[id]
	if p.asking {
		return false
	}
	p.asking = true
	return true
}

// ask asks a node and notes what it says.
func (n *Node) ask(ctx context.Context, m cluster.Server) {
	c := &n.contacts
	seq := c.chainWanted()
	sent, clock := time.Now(), n.cfg.Now()
	said, err := n.question(ctx, m.Address, seq)
	delay := time.Since(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[m.ID]
	if p == nil {
		return // it has been removed meanwhile
	}
	p.asking = false
	if err == nil && said.Node != m.ID {
		err = fmt.Errorf("node %s answers at its address", said.Node)
	}
	if err != nil {
		// An error of this side may say the same of the other node.
		if strings.Contains(err.Error(), "node "+n.Identity().NodeID+" "+RemovedReason) {
			n.fail(removed())
		}
		if p.failed == nil {
			n.log.Info("a node does not answer", "node", m.ID, "err", err)
		}
		p.failed = err
		p.close = time.Time{}
		return
	}
	if p.failed != nil {
		n.log.Info("a node answers again", "node", m.ID)
	}
	p.failed, p.contact, p.at, p.asked, p.delay = nil, said, time.Now(), sent, delay
	p.offset = offsetOf(time.Duration(said.Clock-clock)*time.Millisecond, delay)
	n.confirm()
	if said.Chain != "" {
		c.check.said(m.ID, seq, said.Chain)
	}
	n.watchLag(p)
}

// offsetOf is the least that another clock can be off, which was read some time within delay after this one and was
// ahead of it by so much: an answer that was long on its way does not say that a clock is wrong.
func offsetOf(ahead, delay time.Duration) time.Duration {
	switch {
	case ahead < 0:
		return ahead
	case ahead > delay:
		return ahead - delay
	}
	return 0
}

// skew is how far this node's clock is from the one in the middle of all clocks. Of two
// clocks nobody can tell which is wrong: then it is the other's.
func (c *contacts) skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	offsets := []time.Duration{0}
	for _, p := range c.peers {
		if !p.at.IsZero() && p.failed == nil {
			offsets = append(offsets, p.offset)
		}
	}
	if len(offsets) < 3 {
		return 0
	}
	slices.Sort(offsets)
	return -offsets[(len(offsets)-1)/2]
}

// question asks the node at an address how it is, and for its chain hash at seq, if that
// is not 0.
func (n *Node) question(ctx context.Context, address string, seq uint64) (said contact, err error) {
	ctx, cancel := context.WithTimeout(ctx, contactTimeout)
	defer cancel()
	query := url.Values{"chain": {strconv.FormatUint(seq, 10)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/peer/contact?"+query.Encode(), nil)
	if err != nil {
		return said, err
	}
	resp, err := n.network.Client.Do(req)
	if err != nil {
		return said, err
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, maxContact)
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(body)
		return said, fmt.Errorf("%s %s", resp.Status, text)
	}
	return said, json.NewDecoder(body).Decode(&said)
}

// ownContact is what this node says of itself.
func (n *Node) ownContact() contact {
	term, err := n.Cluster.Term() // before the head: what leaders before had acknowledged is in it
	c := contact{
		Node: n.Identity().NodeID, Version: n.network.Version, Clock: n.cfg.Now(),
		Head: n.Store.Head(), Persisted: n.Store.PersistedSeq(), Applied: n.Store.Applied().Index, Dash: n.Dash.Seq(),
		Committed: n.Cluster.CommitIndex(), Unfit: n.unfit(), Term: n.Cluster.CurrentTerm(),
	}
	c.Leads = err == nil && term == c.Term
	return c
}

// serveContact serves GET /peer/contact.
func (n *Node) serveContact(w http.ResponseWriter, r *http.Request) {
	c := n.ownContact()
	if seq, _ := strconv.ParseUint(r.URL.Query().Get("chain"), 10, 64); seq != 0 {
		if chain, ok := n.Store.ChainAt(seq); ok {
			c.Chain = hex.EncodeToString(chain[:])
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(c) // who asked asks again
}
