package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// UnbanUser lifts a user's ban. If he is not banned, it changes nothing and is no
// error.
func (c *Commands) UnbanUser(ctx context.Context, call Call, id string) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, id)
		if err != nil || !u.Banned {
			return nil, err
		}
		return []eventlog.Event{c.aboutUser(call, eventlog.UserUnbanned, u, data{"banned", false}, nil)}, nil
	})
}
