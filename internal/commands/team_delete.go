package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// TeamDelete asks that a team goes.
type TeamDelete struct {
	OrganizationID, TeamID string
}

// DeleteTeam deletes a team; its members stay in the organization.
func (c *Commands) DeleteTeam(ctx context.Context, call Call, cmd TeamDelete) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, found, err := team(t, cmd.OrganizationID, cmd.TeamID)
		if err != nil {
			return nil, err
		}
		if c.o.Organizations.KeepLastTeam && len(t.Teams(o.ID)) == 1 {
			return nil, refuse(errs.Invalid, "Cannot remove the last team in the organization")
		}
		return []eventlog.Event{c.aboutTeam(call, eventlog.TeamDeleted, o, found, nil)}, nil
	})
}
