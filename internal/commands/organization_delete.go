package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// DeleteOrganization deletes an organization. Its members, teams, invitations, SSO
// providers, directories and log drains go with it, and no session has it as its
// active one any more: the fold of the one event does all of that.
func (c *Commands) DeleteOrganization(ctx context.Context, call Call, id string) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, err := organization(t, id)
		if err != nil {
			return nil, err
		}
		return []eventlog.Event{c.organizationDeleted(call, o)}, nil
	})
}

func (c *Commands) organizationDeleted(call Call, o projections.Organization) eventlog.Event {
	return c.aboutOrganization(call, eventlog.OrganizationDeleted, o, nil, nil)
}
