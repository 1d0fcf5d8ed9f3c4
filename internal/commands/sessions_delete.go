package commands

import (
	"context"
	"encoding/json"
	"slices"

	"dashd/eventlog"
	"dashd/projections"
)

// SessionsDelete asks for the end of sessions: those of a user, those of a list, or, if
// both are given, those of the list that are the user's.
type SessionsDelete struct {
	UserID string
	IDs    []string // nil: all of the user's
}

// DeleteSessions ends sessions, and says how many. What is not there is passed over.
func (c *Commands) DeleteSessions(ctx context.Context, call Call, cmd SessionsDelete) (done Done, n int, err error) {
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		if cmd.IDs == nil {
			u, ok := t.User(cmd.UserID)
			if !ok {
				u.ID = cmd.UserID
			}
			return c.sessionsEnded(call, t, u), nil
		}
		var events []eventlog.Event
		for i, id := range cmd.IDs {
			s, ok := t.Session(id)
			if !ok || cmd.UserID != "" && cmd.UserID != s.UserID || slices.Contains(cmd.IDs[:i], id) {
				continue
			}
			events = append(events, c.sessionEnded(call, t, holder(t, s), s)...)
		}
		return events, nil
	})
	return done, sessionsIn(done.Events), err
}

// sessionsIn counts the sessions that events have ended.
func sessionsIn(events []eventlog.Event) (n int) {
	for i := range events {
		switch events[i].Type {
		case eventlog.SessionRevoked:
			n++
		case eventlog.SessionRevokedAll:
			var all struct{ SessionCount int }
			_ = json.Unmarshal(events[i].Metadata, &all) // sessionsEnded wrote it
			n += all.SessionCount
		}
	}
	return n
}
