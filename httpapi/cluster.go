package httpapi

import (
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/projections"
)

// Membership is the cluster that this node is in, for those who look after it.
type Membership interface {
	// NodeID is this node's.
	NodeID() string
	// ClusterStatus is what this node knows of the others, as a JSON value.
	ClusterStatus(ctx context.Context) any
	// JoinToken is the text of a join token, for an operator to carry to the new node.
	JoinToken(id string, secret [sha256.Size]byte) (string, error)
	// Transfer gives the lead of this node to another, any if to is "", and returns which one
	// has it, "" if that is not known yet.
	Transfer(ctx context.Context, to string) (leader string, err error)
	// Able says why the cluster could not go on if only these members were left: nil if it can.
	Able(rest []projections.Node) error
}

// membership is s.Membership, if this node can have company.
func (s *Server) membership() (Membership, error) {
	if s.Membership == nil {
		return nil, errs.New(errs.Conflict, "NO_CLUSTER", "this node has no cluster port")
	}
	return s.Membership, nil
}

// clusterStatus serves GET /v1/cluster.
func (s *Server) clusterStatus(w http.ResponseWriter, r *request) error {
	m, err := s.membership()
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m.ClusterStatus(r.Context()))
}

// joinTokenAsked is the body of POST /v1/cluster/join-tokens.
type joinTokenAsked struct {
	ExpiresIn int64 `json:"expiresIn"` // s; 0: commands.DefaultJoinLifetime
}

// joinTokenMade is its answer, the only place where the token stands.
type joinTokenMade struct {
	ID        string    `json:"id"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// createJoinToken serves POST /v1/cluster/join-tokens.
func (s *Server) createJoinToken(w http.ResponseWriter, r *request) error {
	m, err := s.membership()
	if err != nil {
		return err
	}
	var asked joinTokenAsked
	if err := s.readOptionalJSON(w, r, &asked); err != nil {
		return err
	}
	if asked.ExpiresIn < 0 || asked.ExpiresIn > maxJoinSeconds {
		asked.ExpiresIn = maxJoinSeconds + 1 // refused as what it is
	}
	id, secret, expires, err := s.Commands.CreateJoinToken(r.Context(), r.principal, time.Duration(asked.ExpiresIn)*time.Second)
	if err != nil {
		return err
	}
	text, err := m.JoinToken(id, secret)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusOK, joinTokenMade{id, text, expires})
}

// maxJoinSeconds keeps a lifetime in seconds from overflowing. Commands know the real bound.
const maxJoinSeconds = 365 * 24 * 3600

// transferAsked is the body of POST /v1/cluster/transfer.
type transferAsked struct {
	To string `json:"to"` // node id; "": any that fits
}

// transferred is its answer.
type transferred struct {
	From   string `json:"from"`
	Leader string `json:"leader"` // "": not known yet
}

// transferLead serves POST /v1/cluster/transfer, on the leader. It answers once that leads no more.
func (s *Server) transferLead(w http.ResponseWriter, r *request) error {
	m, err := s.membership()
	if err != nil {
		return err
	}
	var asked transferAsked
	if err := s.readOptionalJSON(w, r, &asked); err != nil {
		return err
	}
	done := transferred{From: m.NodeID(), Leader: asked.To} // who leads already, unless it is transferred
	err = s.Commands.TransferLeadership(r.Context(), r.principal, done.From, asked.To, func(ctx context.Context, to string) (err error) {
		done.Leader, err = m.Transfer(ctx, to)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, done)
}

// removeNode serves DELETE /v1/cluster/nodes/:id, on the leader. When it answers, the nodes that
// have folded the event refuse the removed one. The leader itself gives the lead away first:
// those who follow would refuse it before another leads.
func (s *Server) removeNode(w http.ResponseWriter, r *request) error {
	m, err := s.membership()
	if err != nil {
		return err
	}
	id := r.params.ByName("id")
	if id == m.NodeID() {
		return s.leadAway(r, m)
	}
	node, err := s.Commands.RemoveNode(r.Context(), r.principal, id, m.Able)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, node)
}

// leadAway makes another node the leader, to which the request goes next. Nothing has been written.
func (s *Server) leadAway(r *request, m Membership) error {
	if err := s.Commands.MayRemove(r.principal, m.NodeID(), m.Able); err != nil {
		return err
	}
	if _, err := m.Transfer(r.Context(), ""); err != nil {
		return err
	}
	return errs.New(errs.Unavailable, appender.CodeNotLeader, "another node leads now; send the request again")
}

// readOptionalJSON reads a JSON body, if there is one.
func (s *Server) readOptionalJSON(w http.ResponseWriter, r *request, v any) error {
	if r.ContentLength == 0 {
		return nil
	}
	return s.readJSON(w, r, v)
}
