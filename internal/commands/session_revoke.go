package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// SessionRevoke asks for the end of a session.
type SessionRevoke struct {
	ID     string
	UserID string // if set, the session must be his
}

// RevokeSession ends a session.
func (c *Commands) RevokeSession(ctx context.Context, call Call, cmd SessionRevoke) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		s, ok := t.Session(cmd.ID)
		if !ok || cmd.UserID != "" && cmd.UserID != s.UserID {
			return nil, refuse(errs.NotFound, "Session not found")
		}
		return c.sessionEnded(call, t, holder(t, s), s), nil
	})
}

// holder is the user whose session s is: with his id only, if there is no row of him.
func holder(t *projections.Tables, s projections.Session) projections.User {
	u, ok := t.User(s.UserID)
	if !ok {
		u.ID = s.UserID
	}
	return u
}
