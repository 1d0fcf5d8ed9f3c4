package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// AccountUnlink asks that a user can no longer sign in in one of his ways.
type AccountUnlink struct {
	UserID     string
	ProviderID string
	AccountID  string // that of the row
}

// UnlinkAccount deletes an account. The only one a user has stays.
func (c *Commands) UnlinkAccount(ctx context.Context, call Call, cmd AccountUnlink) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, cmd.UserID)
		if err != nil {
			return nil, err
		}
		a, ok := t.Account(cmd.AccountID)
		if !ok || a.UserID != u.ID || a.ProviderID != cmd.ProviderID {
			return nil, refuse(errs.NotFound, "Account not found")
		}
		if len(t.Accounts(u.ID)) == 1 {
			return nil, refuse(errs.Invalid, "Cannot unlink the last account. This would lock the user out.")
		}
		return []eventlog.Event{c.accountUnlinked(call, u, a)}, nil
	})
}
