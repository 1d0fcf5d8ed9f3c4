package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// Ban says how somebody is banned.
type Ban struct {
	Reason       string           // may be empty
	Expires      projections.Time // zero: never; one that has passed bans nobody
	KeepSessions bool
}

// BanUser bans a user. A ban replaces an earlier one.
func (c *Commands) BanUser(ctx context.Context, call Call, id string, ban Ban) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, id)
		if err != nil {
			return nil, err
		}
		return c.userBanned(call, t, u, ban), nil
	})
}

func (c *Commands) userBanned(call Call, t *projections.Tables, u projections.User, ban Ban) []eventlog.Event {
	events := []eventlog.Event{c.aboutUser(call, eventlog.UserBanned, u, data{
		"banned", true, "banReason", projections.Text(ban.Reason), "banExpires", ban.Expires,
	}, nil)}
	if ban.KeepSessions {
		return events
	}
	return append(events, c.sessionsEnded(call, t, u)...)
}
