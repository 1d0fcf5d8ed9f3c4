package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// UserDelete asks for the end of a user.
type UserDelete struct {
	ID    string
	Force bool // also if he is the only owner of an organization
}

// DeleteUser deletes a user and what belongs to him: sessions, accounts, the second
// factor, memberships, invitations he has sent, SSO providers he has made.
func (c *Commands) DeleteUser(ctx context.Context, call Call, cmd UserDelete) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, cmd.ID)
		if err != nil {
			return nil, err
		}
		if !cmd.Force && lastOwner(t, u.ID, nil) {
			return nil, refuse(errs.Invalid, "You cannot leave the organization without an owner")
		}
		return c.userDeleted(call, t, u), nil
	})
}

// lastOwner reports whether an organization would have no owner without a user, and
// without those who go with him.
func lastOwner(t *projections.Tables, userID string, going map[string]bool) bool {
	for _, m := range t.Memberships(userID) {
		if hasRole(m.Role, roleOwner) && !hasOwnerBut(t, m.OrganizationID, userID, going) {
			return true
		}
	}
	return false
}

func hasOwnerBut(t *projections.Tables, organizationID, userID string, going map[string]bool) bool {
	for m := range t.Members(organizationID) {
		if m.UserID != userID && !going[m.UserID] && hasRole(m.Role, roleOwner) {
			return true
		}
	}
	return false
}

// userDeleted says that a user is gone, after what goes with him.
func (c *Commands) userDeleted(call Call, t *projections.Tables, u projections.User) []eventlog.Event {
	events := c.sessionsEnded(call, t, u)
	for _, a := range t.Accounts(u.ID) {
		events = append(events, c.accountUnlinked(call, u, a))
	}
	for _, m := range t.Memberships(u.ID) {
		o, ok := t.Organization(m.OrganizationID)
		if !ok {
			o.ID = m.OrganizationID
		}
		events = append(events, c.aboutMember(call, eventlog.MemberRemoved, o, m, u, data{"role", m.Role}))
	}
	return append(events, c.aboutUser(call, eventlog.UserDeleted, u, nil, nil))
}
