package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// CompleteTwoFactor makes a user need the second factor that he has begun to set up.
func (c *Commands) CompleteTwoFactor(ctx context.Context, call Call, userID string) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, userID)
		if err != nil {
			return nil, err
		}
		if u.TwoFactorEnabled {
			return nil, alreadyEnabled()
		}
		row, ok := t.TwoFactor(u.ID)
		if !ok {
			return nil, errs.New(errs.Invalid, "TWO_FACTOR_SETUP_NOT_PENDING", "Two-factor authentication setup has not been started")
		}
		e := c.aboutUser(call, eventlog.TwoFactorEnabled, u, nil, data{"pending", false})
		e.Sealed = row.Sealed // it is bound to the user, not to the event
		return []eventlog.Event{e}, nil
	})
}
