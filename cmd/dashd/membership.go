package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"dashd/internal/cluster"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/node"
	"dashd/internal/peer"
	"dashd/internal/refusals"
	"dashd/internal/seal"
	"dashd/projections"
)

// membership is this node's part in forming the cluster: it lets nodes in, and tells the
// others where it is. It implements httpapi.Membership.
type membership struct {
	log      *slog.Logger
	dir      string
	address  string // at which the others reach this node's cluster port
	node     *node.Node
	access   *projections.Follower
	commands *commands.Commands
	sealer   *seal.Sealer
	refusals *refusals.Recorder
	client   *http.Client // to members
	// credentials are those of this node's port.
	credentials *peer.Credentials
	// joins holds a token while a join is being decided: of those who knock, one at a time is
	// let to what makes the log grow.
	joins chan struct{}
}

// joinPatience is how long a node that joins waits for a leader and its answer.
const joinPatience = 20 * time.Second

// run keeps this node's address in the log and its certificate good, until ctx ends.
func (m *membership) run(ctx context.Context) error {
	if m == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.announce(ctx) })
	g.Go(func() error { return m.credentials.Renew(ctx, peer.Renewal{Log: m.log, Issue: m.issueOwn}) })
	return g.Wait()
}

// begin gives the cluster its authority and its first member, on the leader of a cluster
// that has none, and gives that member its certificate.
func (m *membership) begin(ctx context.Context) error {
	id := m.node.Identity()
	first := projections.Node{ID: id.NodeID, Incarnation: id.Incarnation, Address: m.address}
	err := m.commands.BeginCluster(ctx, id.ClusterID, first, func() (certDER, seed []byte, err error) {
		ca, err := peer.NewCA(id.ClusterID, time.Now())
		if err != nil {
			return nil, nil, err
		}
		return ca.CertDER(), ca.Seed(), nil
	})
	if err != nil || m.credentials.Ready() {
		return err
	}
	request, err := m.credentials.Request()
	if err != nil {
		return err
	}
	cert, authority, err := m.issueOwn(ctx, request)
	if err != nil {
		return err
	}
	return m.credentials.Install(cert, authority)
}

// issue makes a certificate for a member. Every node can: each has the cluster's key.
func (m *membership) issue(who peer.Member, csrDER []byte) (certDER, caDER []byte, err error) {
	cert, seed, err := m.access.Image().OpenCA(m.sealer)
	if err != nil {
		return nil, nil, err
	}
	defer clear(seed)
	ca, err := peer.ParseCA(cert, seed)
	if err != nil {
		return nil, nil, err
	}
	certDER, err = ca.Issue(who, csrDER, time.Now())
	return certDER, cert, err
}

// issueOwn is issue for this node: a peer.Renewal's.
func (m *membership) issueOwn(_ context.Context, csrDER []byte) (certDER, caDER []byte, err error) {
	id := m.node.Identity()
	return m.issue(peer.Member{Cluster: id.ClusterID, Node: id.NodeID, Incarnation: id.Incarnation}, csrDER)
}

// joiners serves nodes that have no certificate yet.
func (m *membership) joiners() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+joinPath, m.serveJoin)
	return mux
}

// members adds what members ask to a mux.
func (m *membership) members(mux *http.ServeMux) {
	mux.HandleFunc("POST "+joinedPath, m.serveJoinLeading)
	mux.HandleFunc("POST "+movePath, m.serveMove)
}

// NodeID implements httpapi.Membership.
func (m *membership) NodeID() string { return m.node.Identity().NodeID }

// ClusterStatus implements httpapi.Membership.
func (m *membership) ClusterStatus(ctx context.Context) any { return m.node.ClusterStatus(ctx) }

// JoinToken implements httpapi.Membership: the token names members, this node first.
func (m *membership) JoinToken(id string, secret [sha256.Size]byte) (string, error) {
	image := m.access.Image()
	cert, ok := image.CA()
	if !ok {
		return "", projections.ErrNoCA
	}
	t := peer.Token{ID: id, Secret: secret, Cluster: image.ClusterID(), CA: peer.Fingerprint(cert), Addresses: []string{m.address}}
	for _, n := range image.Members() {
		if n.ID != m.NodeID() && len(t.Addresses) < maxJoinAddresses {
			t.Addresses = append(t.Addresses, n.Address)
		}
	}
	text := t.String() // "": one of the addresses is none
	at, err := netip.ParseAddrPort(m.address)
	if text == "" || err == nil && at.Addr().IsUnspecified() {
		return "", errs.New(errs.Conflict, "NO_ADDRESS", "other nodes cannot reach this one at %s; start it with --advertise and the address at which they can", m.address)
	}
	return text, nil
}

// maxJoinAddresses is how many a token names: enough to find one that answers.
const maxJoinAddresses = 8

// transferPatience is how long to wait until it is known who leads after a transfer.
const transferPatience = 3 * time.Second

// Transfer implements httpapi.Membership.
func (m *membership) Transfer(ctx context.Context, to string) (leader string, err error) {
	err = m.node.Transfer(ctx, to)
	gone := errs.CodeOf(err) == cluster.CodeNotLeader // it has lost the lead meanwhile, which is what was wanted
	if err != nil && !(gone && to == "") {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, transferPatience)
	defer cancel()
	for {
		changed := m.node.Cluster.Changed()
		if id, _ := m.node.Cluster.Leader(); id != "" && id != m.NodeID() {
			return id, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", nil
		}
	}
}

// Able implements httpapi.Membership: a majority of the voters that would be left must have
// answered lately, or what remains could decide nothing, not even to take the node back.
func (m *membership) Able(rest []projections.Node) error {
	left := map[string]bool{}
	for _, n := range rest {
		left[n.ID] = true
	}
	voters, alive := 0, 0
	for _, n := range m.node.ClusterStatus(context.Background()).Nodes {
		if !left[n.ID] || n.Role == "non-voter" {
			continue
		}
		voters++
		if n.State == "ok" {
			alive++
		}
	}
	switch {
	case voters == 0:
		return errs.New(errs.Conflict, "NO_MAJORITY", "no other node has a vote yet; wait until one has caught up")
	case alive < voters/2+1:
		return errs.New(errs.Conflict, "NO_MAJORITY", "without this node %d of %d voters would answer, and that is no majority; start the others first", alive, voters)
	}
	return nil
}

// join lets a node in, on the leader. What would be refused behind the event that uses the token
// up is refused before it.
func (m *membership) join(ctx context.Context, q *joinRequest) (*joinAnswer, error) {
	if len(q.Secret) != sha256.Size {
		return nil, errs.New(errs.Invalid, "BAD_REQUEST", "the secret of a join token has %d bytes", sha256.Size)
	}
	if err := peer.CheckRequest(q.Request); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "the request to join holds no certificate request of a node")
	}
	err := m.commands.JoinNode(ctx, commands.NodeJoin{
		TokenID: q.TokenID, Secret: [sha256.Size]byte(q.Secret), Node: q.Node, Incarnation: q.Incarnation, Address: q.Address,
	})
	if err != nil {
		return nil, err
	}
	image := m.access.Image()
	a := &joinAnswer{Format: joinFormat, ClusterID: image.ClusterID()}
	who := peer.Member{Cluster: a.ClusterID, Node: q.Node, Incarnation: q.Incarnation}
	if a.Certificate, a.Authority, err = m.issue(who, q.Request); err != nil {
		return nil, err
	}
	key, err := seal.ReadKey(filepath.Join(m.dir, seal.KeyFile))
	if err != nil {
		return nil, err
	}
	a.ClusterKey = key[:]
	for _, n := range image.Members() {
		a.Members = append(a.Members, joinedAt{n.ID, n.Address})
	}
	m.log.Info("node let in", "node", q.Node, "address", q.Address, "version", q.Version)
	return a, nil
}

// serveJoin serves POST /join, to whom has no certificate yet: here if this node leads, else at
// the leader. Who is refused for his token is in the audit trail.
func (m *membership) serveJoin(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), joinPatience)
	defer cancel()
	answer, err := m.letIn(ctx, w, r)
	if err != nil {
		m.noteRefusal(r, err)
	}
	m.answer(w, answer, err)
}

func (m *membership) letIn(ctx context.Context, w http.ResponseWriter, r *http.Request) (*joinAnswer, error) {
	q, body, err := readJoin(w, r)
	if err != nil {
		return nil, err
	}
	select { // before the log is asked for anything
	case m.joins <- struct{}{}:
		defer func() { <-m.joins }()
	case <-ctx.Done():
		return nil, errs.New(errs.Busy, "BUSY", "other nodes are joining; try again")
	}
	for {
		here, err := m.node.WaitLeader(ctx)
		if err != nil {
			return nil, err
		}
		var a *joinAnswer
		if here {
			a, err = m.join(ctx, q)
		} else {
			a, err = m.joinAtLeader(ctx, body)
		}
		// Nothing has been done, or what has been is known when it is repeated.
		if err == nil || errs.KindOf(err) != errs.Unavailable || ctx.Err() != nil {
			return a, err
		}
		if err := pause(ctx, joinPause); err != nil {
			return nil, err
		}
	}
}

// readJoin reads a request to join.
func readJoin(w http.ResponseWriter, r *http.Request) (q *joinRequest, body []byte, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxJoinBody))
	if err != nil {
		return nil, nil, errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "the request to join cannot be read")
	}
	q, err = parseJoin(body)
	return q, body, err
}

// joinPause is between two tries to reach who leads.
const joinPause = 100 * time.Millisecond

// joinAtLeader hands a request on.
func (m *membership) joinAtLeader(ctx context.Context, body []byte) (*joinAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, joinedPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := m.node.Do(req)
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "NO_LEADER", "the node that leads cannot be reached")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxJoinAnswer))
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "NO_LEADER", "the node that leads has not answered")
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusedJoin(resp.StatusCode, text)
	}
	return parseJoined(text)
}

// serveJoinLeading serves POST /peer/join, to members, on the leader.
func (m *membership) serveJoinLeading(w http.ResponseWriter, r *http.Request) {
	q, _, err := readJoin(w, r)
	if err != nil {
		m.answer(w, nil, err)
		return
	}
	answer, err := m.join(r.Context(), q)
	m.answer(w, answer, err)
}

// answer writes what has become of a request to join or to move.
func (m *membership) answer(w http.ResponseWriter, a any, err error) {
	status := http.StatusOK
	if err != nil {
		if errs.KindOf(err) == errs.Internal {
			m.log.Error("a request of another node failed", "err", err)
		}
		status, a = http.StatusForbidden, refusalOf(err) // its kind says the rest
		if passes(err) {
			status = http.StatusServiceUnavailable // another node may know more
		}
	}
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings and bytes
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who is gone asks again
}

// noteRefusal records a join that was refused for its token.
func (m *membership) noteRefusal(r *http.Request, err error) {
	var why *commands.JoinRefused
	if !errors.As(err, &why) {
		return
	}
	n := commands.Refusal{Method: r.Method, Route: joinPath, Reason: why.Reason}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		n.Peer = from.Addr().Unmap().WithZone("")
	}
	m.refusals.Note(n)
}
