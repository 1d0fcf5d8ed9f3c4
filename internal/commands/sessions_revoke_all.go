package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// RevokeAllSessions ends all sessions of a user.
func (c *Commands) RevokeAllSessions(ctx context.Context, call Call, userID string) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, userID)
		if err != nil {
			return nil, err
		}
		return c.sessionsEnded(call, t, u), nil
	})
}
