package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// MemberAdd asks that a user becomes a member of an organization.
type MemberAdd struct {
	OrganizationID, UserID string
	Role                   string // empty: member
}

// AddMember makes a user a member of an organization. The id is that of the
// membership, also for a repeat.
func (c *Commands) AddMember(ctx context.Context, call Call, cmd MemberAdd) (done Done, id string, err error) {
	if cmd.Role == "" {
		cmd.Role = roleMember
	}
	id = call.newID("member")
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		if err := c.o.Organizations.checkRole(cmd.Role); err != nil {
			return nil, err
		}
		o, err := organization(t, cmd.OrganizationID)
		if err != nil {
			return nil, err
		}
		u, ok := t.User(cmd.UserID)
		if !ok {
			return nil, userNotFound(errs.NotFound)
		}
		if _, ok := t.MemberOf(o.ID, u.ID); ok {
			return nil, alreadyMember()
		}
		return []eventlog.Event{c.memberAdded(call, o, u, id, cmd.Role)}, nil
	})
	return done, id, err
}

// memberAdded says that a user has become a member.
func (c *Commands) memberAdded(call Call, o projections.Organization, u projections.User, id, role string) eventlog.Event {
	m := projections.Member{ID: id, OrganizationID: o.ID, UserID: u.ID, Role: role}
	return c.aboutMember(call, eventlog.MemberAdded, o, m, u, data{"role", role})
}

// aboutMember makes an event of an organization's stream about one of its members. more
// is what it says about his role.
func (c *Commands) aboutMember(call Call, t eventlog.Type, o projections.Organization, m projections.Member, u projections.User, more data) eventlog.Event {
	more = append(data{"userId", m.UserID, "memberName", u.Name}, more...)
	e := c.aboutOrganization(call, t, o, append(more, "memberId", m.ID, "memberEmail", u.Email), nil)
	e.UserID = m.UserID
	return e
}
