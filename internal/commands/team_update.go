package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// TeamUpdate asks for another name of a team. An empty one changes nothing but the
// time of the last change.
type TeamUpdate struct {
	OrganizationID, TeamID string
	Name                   string
}

// UpdateTeam changes a team.
func (c *Commands) UpdateTeam(ctx context.Context, call Call, cmd TeamUpdate) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, found, err := team(t, cmd.OrganizationID, cmd.TeamID)
		if err != nil {
			return nil, err
		}
		var set data
		if cmd.Name != "" {
			found.Name, set = cmd.Name, data{"name", cmd.Name}
		}
		return []eventlog.Event{c.aboutTeam(call, eventlog.TeamUpdated, o, found, set)}, nil
	})
}
