package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// UsersDelete asks for the end of several users.
type UsersDelete struct {
	IDs   []string
	Force bool // also of those who are the only owner of an organization
}

// DeleteUsers deletes each of a list of users, as DeleteUser does. Who cannot be
// deleted is skipped.
func (c *Commands) DeleteUsers(ctx context.Context, call Call, cmd UsersDelete) (Done, Bulk, error) {
	var going map[string]bool
	begin := func() { going = map[string]bool{} }
	done, err := c.bulk(ctx, call, cmd.IDs, begin, func(t *projections.Tables, id string) []eventlog.Event {
		u, ok := t.User(id)
		if !ok || !cmd.Force && lastOwner(t, id, going) {
			return nil
		}
		going[id] = true
		return c.userDeleted(call, t, u)
	})
	return done, outcome(cmd.IDs, done.Events, eventlog.UserDeleted), err
}
