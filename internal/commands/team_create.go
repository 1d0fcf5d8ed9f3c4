package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// TeamCreate asks for a team of an organization. Several may have the same name.
type TeamCreate struct {
	OrganizationID string
	Name           string
}

// CreateTeam makes a team without members. The id is that of the team, also for a
// repeat.
func (c *Commands) CreateTeam(ctx context.Context, call Call, cmd TeamCreate) (done Done, id string, err error) {
	id = call.newID("team")
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, err := organization(t, cmd.OrganizationID)
		if err != nil {
			return nil, err
		}
		if most := c.o.Organizations.MaxTeams; most > 0 && len(t.Teams(o.ID)) >= most {
			return nil, refuse(errs.Invalid, "Maximum number of teams (%d) reached for this organization", most)
		}
		team := projections.Team{ID: id, Name: cmd.Name}
		return []eventlog.Event{c.aboutTeam(call, eventlog.TeamCreated, o, team, data{"name", cmd.Name})}, nil
	})
	return done, id, err
}

// aboutTeam makes an event of an organization's stream about one of its teams.
func (c *Commands) aboutTeam(call Call, t eventlog.Type, o projections.Organization, team projections.Team, set data) eventlog.Event {
	return c.aboutOrganization(call, t, o, data{"teamId", team.ID, "teamName", team.Name}, set)
}

// team finds the organization and the team a command is about.
func team(t *projections.Tables, organizationID, teamID string) (projections.Organization, projections.Team, error) {
	o, known := t.Organization(organizationID)
	found, ok := t.Team(teamID)
	if !known || !ok || found.OrganizationID != o.ID {
		return o, found, refuse(errs.NotFound, "Team not found or does not belong to this organization")
	}
	return o, found, nil
}
