package httpapi

import (
	"errors"
	"net/netip"

	"dashd/internal/commands"
	"dashd/projections"
)

// refused is a refusal for a credential, with what the audit trail says of it. It is
// answered as err is.
type refused struct {
	reason commands.RefusalReason
	whose  projections.Principal // as far as it is known beside the request's own principal
	err    error
}

// because gives a refusal its reason.
func because(reason commands.RefusalReason, err error) error {
	return &refused{reason: reason, err: err}
}

func (e *refused) Error() string { return e.err.Error() }

// Unwrap returns what is answered.
func (e *refused) Unwrap() error { return e.err }

// noteRefusal records that a request to a route was refused, if it was for the credential;
// what a command refuses, it refuses to anybody. Nothing the caller wrote is recorded.
func (s *Server) noteRefusal(r *request, pattern string, err error) {
	if s.Refusals == nil {
		return
	}
	n := commands.Refusal{Method: r.Method, Route: pattern, Key: r.principal.KeyID, Project: r.principal.Project}
	n.User, _ = r.ofUser()
	if n.User != "" {
		n.Key = "" // he has none
	}
	var why *refused
	var bad *projections.BadKey
	switch {
	case errors.As(err, &why):
		n.Reason = why.reason
		if why.whose.KeyID != "" {
			n.Key, n.Project = why.whose.KeyID, why.whose.Project
		}
	case errors.As(err, &bad):
		n.Reason, n.Key, n.Project = commands.RevokedKey, bad.KeyID, bad.Project
		if errors.Is(err, projections.ErrExpiredKey) {
			n.Reason = commands.ExpiredKey
		}
	case errors.Is(err, projections.ErrUnknownKey):
		n.Reason = commands.WrongKey
	default:
		return
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		n.Peer = from.Addr().Unmap().WithZone("")
	}
	s.Refusals.Note(n)
}
