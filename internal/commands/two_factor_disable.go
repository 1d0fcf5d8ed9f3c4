package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// DisableTwoFactor takes a user's second factor away. If he has none, it changes nothing
// and is no error.
func (c *Commands) DisableTwoFactor(ctx context.Context, call Call, userID string) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, userID)
		if err != nil {
			return nil, err
		}
		if _, exists := t.TwoFactor(u.ID); !exists && !u.TwoFactorEnabled {
			return nil, nil
		}
		return []eventlog.Event{c.aboutUser(call, eventlog.TwoFactorDisabled, u, nil, nil)}, nil
	})
}
