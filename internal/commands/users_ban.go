package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// BanUsers bans each of a list of users, as BanUser does.
func (c *Commands) BanUsers(ctx context.Context, call Call, ids []string, ban Ban) (Done, Bulk, error) {
	done, err := c.bulk(ctx, call, ids, func() {}, func(t *projections.Tables, id string) []eventlog.Event {
		u, ok := t.User(id)
		if !ok {
			return nil
		}
		return c.userBanned(call, t, u, ban)
	})
	return done, outcome(ids, done.Events, eventlog.UserBanned), err
}
