package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// MemberRole asks for another role of a member.
type MemberRole struct {
	OrganizationID, MemberID string
	Role                     string
}

// ChangeMemberRole gives a member another role. The only owner stays one. Nothing is
// appended if he has the role already.
func (c *Commands) ChangeMemberRole(ctx context.Context, call Call, cmd MemberRole) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		if err := c.o.Organizations.checkRole(cmd.Role); err != nil {
			return nil, err
		}
		o, m, err := member(t, cmd.OrganizationID, cmd.MemberID, "")
		if err != nil {
			return nil, err
		}
		if m.Role == cmd.Role {
			return nil, nil
		}
		if cmd.Role != roleOwner && onlyOwner(t, m) {
			return nil, refuse(errs.Invalid, "You cannot leave the organization without an owner")
		}
		u, _ := t.User(m.UserID) // of whom no more than the id may be known
		return []eventlog.Event{c.aboutMember(call, eventlog.MemberRoleChanged, o, m, u,
			data{"newRole", cmd.Role, "oldRole", m.Role})}, nil
	})
}
