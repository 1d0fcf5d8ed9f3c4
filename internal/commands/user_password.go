package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// UserPassword asks for another password of a user, or for his first.
type UserPassword struct {
	ID             string
	Password       string
	RevokeSessions bool
}

// SetPassword gives a user a password.
func (c *Commands) SetPassword(ctx context.Context, call Call, cmd UserPassword) (Done, error) {
	hash, err := c.hashPassword(ctx, cmd.Password)
	if err != nil {
		return Done{}, err
	}
	account := call.newID("account")
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, cmd.ID)
		if err != nil {
			return nil, err
		}
		var events []eventlog.Event
		id := passwordAccount(t, u.ID)
		if id == "" {
			id = account
			events = append(events, c.passwordLinked(call, u, id, hash))
		}
		changed := c.aboutUser(call, eventlog.UserPasswordChanged, u, data{"accountId", id, "providerId", credentialProvider}, nil)
		changed.Sealed = c.passwordBox(call, id, hash)
		events = append(events, changed)
		if cmd.RevokeSessions {
			events = append(events, c.sessionsEnded(call, t, u)...)
		}
		return events, nil
	})
}

// passwordAccount is the account that is a user's password, "" if he has none.
func passwordAccount(t *projections.Tables, userID string) string {
	for _, a := range t.Accounts(userID) {
		if a.ProviderID == credentialProvider {
			return a.ID
		}
	}
	return ""
}
