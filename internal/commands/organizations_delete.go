package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// DeleteOrganizations deletes each of a list of organizations, as DeleteOrganization
// does. Those that do not exist are skipped.
func (c *Commands) DeleteOrganizations(ctx context.Context, call Call, ids []string) (Done, Bulk, error) {
	done, err := c.bulk(ctx, call, ids, func() {}, func(t *projections.Tables, id string) []eventlog.Event {
		o, ok := t.Organization(id)
		if !ok {
			return nil
		}
		return []eventlog.Event{c.organizationDeleted(call, o)}
	})
	return done, outcome(ids, done.Events, eventlog.OrganizationDeleted), err
}
