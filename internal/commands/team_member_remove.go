package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// TeamMemberRemove asks that a user leaves a team.
type TeamMemberRemove struct {
	OrganizationID, TeamID, UserID string
}

// RemoveTeamMember takes a user out of a team; he stays in the organization.
func (c *Commands) RemoveTeamMember(ctx context.Context, call Call, cmd TeamMemberRemove) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, found, err := team(t, cmd.OrganizationID, cmd.TeamID)
		if err != nil {
			return nil, err
		}
		u, known := t.User(cmd.UserID)
		if _, ok := t.TeamMember(found.ID, cmd.UserID); !known || !ok {
			return nil, refuse(errs.NotFound, "User not found or is not a member of this team")
		}
		return []eventlog.Event{c.aboutTeamMember(call, eventlog.TeamMemberRemoved, o, found, u, nil)}, nil
	})
}
