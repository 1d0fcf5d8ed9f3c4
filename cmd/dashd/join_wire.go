package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"dashd/internal/commands"
	"dashd/internal/errs"
)

// joinFormat is the version of joinRequest and joinAnswer. A node of another format is
// refused before anything is done.
const joinFormat = 1

// joinPath is where a node without a certificate asks to be let in; joinedPath is where the
// node it asked asks the leader.
const (
	joinPath   = "/join"
	joinedPath = "/peer/join"
	movePath   = "/peer/move"
)

// maxJoinBody bounds a request, maxJoinAnswer an answer.
const (
	maxJoinBody   = 32 << 10
	maxJoinAnswer = 64 << 10
)

// joinRequest is what a node says that joins. It goes over TLS to a node whose cluster's
// authority the token names.
type joinRequest struct {
	Format      int    `json:"format"`
	Version     string `json:"version"` // of dashd, for people
	TokenID     string `json:"tokenId"`
	Secret      []byte `json:"secret"`
	Node        string `json:"nodeId"`
	Incarnation string `json:"incarnation"`
	Address     string `json:"address"` // of its cluster port, as the others reach it
	Request     []byte `json:"request"` // for a certificate (PKCS #10, DER)
}

// joinAnswer is all that the node needs to be a member. The cluster's key is in it, so it
// goes nowhere but into the answer.
type joinAnswer struct {
	Format      int        `json:"format"`
	ClusterID   string     `json:"clusterId"`
	Certificate []byte     `json:"certificate"` // of the node, DER
	Authority   []byte     `json:"authority"`   // of the cluster, DER
	ClusterKey  []byte     `json:"clusterKey"`
	Members     []joinedAt `json:"members"`
}

// joinedAt is where a member is.
type joinedAt struct {
	Node    string `json:"nodeId"`
	Address string `json:"address"`
}

// joinRefusal is an answer other than 200: an error between nodes.
type joinRefusal struct {
	Kind    string                 `json:"kind"`
	Code    string                 `json:"code,omitempty"`
	Message string                 `json:"message"`
	Reason  commands.RefusalReason `json:"reason,omitempty"` // of a commands.JoinRefused
}

// refusalOf is the form of err.
func refusalOf(err error) joinRefusal {
	f := joinRefusal{Kind: errs.KindOf(err).String(), Code: errs.CodeOf(err), Message: errs.Message(err)}
	var why *commands.JoinRefused
	if errors.As(err, &why) {
		f.Reason = why.Reason
	}
	return f
}

// passes reports whether what was refused with err may be granted when it is asked again.
func passes(err error) bool {
	kind := errs.KindOf(err)
	return kind == errs.Unavailable || kind == errs.Busy || kind == errs.Internal
}

// refusedJoin is the error that an answer other than 200 tells of. One that is none of ours
// says nothing of what has become of the request.
func refusedJoin(status int, body []byte) error {
	var f joinRefusal
	if err := json.Unmarshal(body, &f); err != nil {
		return errs.New(errs.Unavailable, "", "HTTP %d", status)
	}
	kind, known := errs.ParseKind(f.Kind)
	switch {
	case !known:
		return errs.New(errs.Unavailable, f.Code, "HTTP %d: %s", status, f.Message)
	case f.Reason != "":
		return errs.Wrap(&commands.JoinRefused{Reason: f.Reason}, kind, f.Code, "%s", f.Message)
	}
	return errs.New(kind, f.Code, "%s", f.Message)
}

// parseJoin reads a request, or says why it cannot be one.
func parseJoin(body []byte) (*joinRequest, error) {
	var q joinRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "the request to join is malformed")
	}
	if q.Format != joinFormat {
		return nil, errs.New(errs.Invalid, "JOIN_FORMAT", "the request to join has format %d, and this node knows %d: use dashd of the same version", q.Format, joinFormat)
	}
	return &q, nil
}

// parseJoined reads an answer.
func parseJoined(body []byte) (*joinAnswer, error) {
	var a joinAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("the answer to the request to join is malformed: %w", err)
	}
	if a.Format != joinFormat {
		return nil, refuse("the cluster answers in format %d, and this node knows %d: use dashd of the same version", a.Format, joinFormat)
	}
	return &a, nil
}
