package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// MemberRemove asks that somebody stops being a member of an organization. Either of
// MemberID and UserID names him; if both do, they must agree.
type MemberRemove struct {
	OrganizationID   string
	MemberID, UserID string
}

// RemoveMember ends a membership, and those in the organization's teams. The only
// owner stays.
func (c *Commands) RemoveMember(ctx context.Context, call Call, cmd MemberRemove) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, m, err := member(t, cmd.OrganizationID, cmd.MemberID, cmd.UserID)
		if err != nil {
			return nil, err
		}
		u, ok := t.User(m.UserID)
		if !ok {
			return nil, refuse(errs.NotFound, "User not found or is not associated with this member")
		}
		if onlyOwner(t, m) {
			return nil, refuse(errs.Invalid, "You cannot leave the organization as the only owner")
		}
		events := []eventlog.Event{c.aboutMember(call, eventlog.MemberRemoved, o, m, u, data{"role", m.Role})}
		for _, tm := range t.TeamMemberships(u.ID) {
			if team, ok := t.Team(tm.TeamID); ok && team.OrganizationID == o.ID {
				events = append(events, c.aboutTeamMember(call, eventlog.TeamMemberRemoved, o, team, u, nil))
			}
		}
		return events, nil
	})
}

// member finds the organization and the membership a command is about. Either of
// memberID and userID names the member.
func member(t *projections.Tables, organizationID, memberID, userID string) (o projections.Organization, m projections.Member, err error) {
	notFound := refuse(errs.NotFound, "Member not found")
	o, ok := t.Organization(organizationID)
	if !ok {
		return o, m, notFound
	}
	if memberID == "" {
		m, ok = t.MemberOf(o.ID, userID)
	} else {
		m, ok = t.Member(memberID)
	}
	if !ok || m.OrganizationID != o.ID {
		return o, m, notFound
	}
	if userID != "" && userID != m.UserID {
		return o, m, refuse(errs.Invalid, "User ID mismatch")
	}
	return o, m, nil
}
