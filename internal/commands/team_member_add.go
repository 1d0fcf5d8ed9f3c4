package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// TeamMemberAdd asks that a member of an organization joins one of its teams.
type TeamMemberAdd struct {
	OrganizationID, TeamID, UserID string
}

// AddTeamMember puts a member of an organization into a team.
func (c *Commands) AddTeamMember(ctx context.Context, call Call, cmd TeamMemberAdd) (Done, error) {
	id := call.newID("team member")
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, found, err := team(t, cmd.OrganizationID, cmd.TeamID)
		if err != nil {
			return nil, err
		}
		u, known := t.User(cmd.UserID)
		if _, ok := t.MemberOf(o.ID, cmd.UserID); !known || !ok {
			return nil, refuse(errs.Invalid, "User not found or is not a member of this organization")
		}
		if _, ok := t.TeamMember(found.ID, u.ID); ok {
			return nil, refuse(errs.Invalid, "User is already a member of this team")
		}
		if most := c.o.Organizations.MaxTeamMembers; most > 0 && t.TeamMemberCount(found.ID) >= most {
			return nil, refuse(errs.Invalid, "Maximum number of team members (%d) reached for this team", most)
		}
		return []eventlog.Event{c.aboutTeamMember(call, eventlog.TeamMemberAdded, o, found, u, data{"id", id})}, nil
	})
}

// aboutTeamMember makes an event of an organization's stream about a member of one of
// its teams.
func (c *Commands) aboutTeamMember(call Call, t eventlog.Type, o projections.Organization, team projections.Team, u projections.User, set data) eventlog.Event {
	e := c.aboutOrganization(call, t, o,
		data{"teamId", team.ID, "teamName", team.Name, "userId", u.ID, "memberName", u.Name}, set)
	e.UserID = u.ID
	return e
}
