package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"dashd/internal/appender"
	"dashd/internal/cluster"
	"dashd/internal/errs"
)

// retryEvery is how soon a leader that did not answer is asked again.
const retryEvery = 50 * time.Millisecond

// Leads reports whether this node takes writes: it leads and has applied all that was
// committed before.
func (n *Node) Leads() bool {
	_, err := n.Cluster.Term()
	return err == nil
}

// WaitLeader waits until this node leads (here) or knows another one that does. A node whose parts stop
// waits for nobody.
func (n *Node) WaitLeader(ctx context.Context) (here bool, err error) {
	for {
		changed := n.Cluster.Changed()
		if n.Leads() {
			return true, nil
		}
		if id, _ := n.Cluster.Leader(); id != "" && id != n.Identity().NodeID {
			return false, nil
		}
		select {
		case <-changed:
		case <-n.failed:
			return false, noLeader(n.failure)
		case <-n.ending:
			return false, errs.New(errs.Unavailable, appender.CodeShuttingDown, "this node is shutting down")
		case <-ctx.Done():
			return false, noLeader(ctx.Err())
		}
	}
}

func noLeader(why error) error {
	return errs.Wrap(why, errs.Unavailable, cluster.CodeNotLeader, "the cluster has no leader; nothing was written")
}

// Do sends a request to the node that leads, over the cluster port. Only the path and the
// query of its URL count. An error with the code NOT_LEADER says that nothing was sent; any
// other one, that the leader may have got the request.
func (n *Node) Do(req *http.Request) (*http.Response, error) {
	id, address := n.Cluster.Leader()
	if id == "" || id == n.Identity().NodeID || n.network.Client == nil {
		return nil, noLeader(errors.New("no other node leads"))
	}
	var sent atomic.Bool
	req = req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	}))
	req.URL.Scheme, req.URL.Host, req.Host, req.RequestURI = "https", address, "", ""
	resp, err := n.network.Client.Do(req)
	if err != nil && !sent.Load() {
		return nil, noLeader(err)
	}
	return resp, err
}

// ReadIndex returns a seq that covers everything acknowledged anywhere before the call, whatever
// clocks and pauses do: with strong, by an entry of the log behind that; else by a majority that has
// not heard of another leader. It asks the leader, and waits for one.
func (n *Node) ReadIndex(ctx context.Context, strong bool) (uint64, error) {
	for {
		here, err := n.WaitLeader(ctx)
		if err != nil {
			return 0, err
		}
		changed := n.Cluster.Changed()
		var seq uint64
		if here {
			seq, err = n.readIndex(ctx, strong)
		} else {
			seq, err = n.askReadIndex(ctx, strong)
		}
		if err == nil {
			return seq, nil
		}
		select { // whoever leads next
		case <-changed:
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return 0, noLeader(err)
		}
	}
}

// readIndex is ReadIndex of a node that leads.
func (n *Node) readIndex(ctx context.Context, strong bool) (uint64, error) {
	if strong {
		return n.Settle(ctx)
	}
	term, err := n.Cluster.Term() // before the head: what leaders before had acknowledged is in it
	if err != nil {
		return 0, err
	}
	if !n.HasOthers() {
		return n.Store.Head(), nil // nobody else can lead without this node's vote
	}
	// A follower may have applied, and shown, what this node knows to be committed and has not applied yet.
	index, err := n.Cluster.Committed()
	if err != nil {
		return 0, err
	}
	if err := n.Cluster.Verify(ctx, term); err != nil {
		return 0, err
	}
	if err := n.Store.WaitApplied(ctx, index); err != nil {
		return 0, err
	}
	return n.Store.Head(), nil
}

// readIndexAnswer is the answer of POST /peer/readindex.
type readIndexAnswer struct {
	Seq uint64 `json:"seq"`
}

func (n *Node) askReadIndex(ctx context.Context, strong bool) (uint64, error) {
	query := url.Values{}
	if strong {
		query.Set("strong", "1")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "/peer/readindex?"+query.Encode(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := n.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer readIndexAnswer
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxContact)) // so that the connection is used again
		return 0, fmt.Errorf("the leader answers %s", resp.Status)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxContact)).Decode(&answer)
	return answer.Seq, err
}

func (n *Node) serveReadIndex(w http.ResponseWriter, r *http.Request) {
	seq, err := n.readIndex(r.Context(), r.URL.Query().Get("strong") != "")
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(readIndexAnswer{seq})
}

// PeerHandler answers other nodes. Whoever reaches it is a member.
func (n *Node) PeerHandler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /peer/contact", n.serveContact)
	mux.HandleFunc("POST /peer/readindex", n.serveReadIndex)
	mux.HandleFunc("GET /peer/parts", n.serveParts)
	return mux
}
