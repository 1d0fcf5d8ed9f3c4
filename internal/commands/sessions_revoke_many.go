package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// sessionsToldEach is up to how many sessions of a user are told of one by one.
const sessionsToldEach = 100

// RevokeManySessions ends all sessions of each of a list of users. Done are those who
// exist, whether they had sessions or not.
func (c *Commands) RevokeManySessions(ctx context.Context, call Call, userIDs []string) (done Done, did Bulk, err error) {
	done, err = c.bulk(ctx, call, userIDs, func() {}, func(t *projections.Tables, id string) []eventlog.Event {
		u, ok := t.User(id)
		if !ok {
			return nil
		}
		sessions := t.Sessions(id)
		if len(sessions) > sessionsToldEach {
			return c.sessionsEnded(call, t, u)
		}
		var events []eventlog.Event
		for _, s := range sessions {
			events = append(events, c.sessionEnded(call, t, u, s)...)
		}
		return events
	})
	if err != nil {
		return done, did, err
	}
	did = Bulk{Done: []string{}, Skipped: []string{}}
	for _, id := range distinct(userIDs) {
		if _, ok := done.Tables.User(id); ok {
			did.Done = append(did.Done, id)
		} else {
			did.Skipped = append(did.Skipped, id)
		}
	}
	return done, did, nil
}
