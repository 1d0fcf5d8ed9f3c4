package commands

import (
	"context"
	"slices"

	"dashd/eventlog"
	"dashd/projections"
)

// OrganizationsDeleted says what became of each of a list of organizations.
type OrganizationsDeleted struct {
	Deleted []string
	Skipped []string // there was none with this id
}

// DeleteOrganizations deletes each of a list of organizations, as DeleteOrganization
// does. The list may name one twice.
func (c *Commands) DeleteOrganizations(ctx context.Context, call Call, ids []string) (done Done, did OrganizationsDeleted, err error) {
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		did = OrganizationsDeleted{}
		var events []eventlog.Event
		seen := make(map[string]bool, len(ids))
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			o, ok := t.Organization(id)
			if !ok {
				did.Skipped = append(did.Skipped, id)
				continue
			}
			did.Deleted = append(did.Deleted, id)
			events = append(events, c.organizationDeleted(call, o))
		}
		return events, nil
	})
	if err == nil && done.Repeat {
		did, err = c.deletedBy(call, ids)
	}
	return done, did, err
}

// deletedBy finds out what an earlier call did to a list of organizations.
func (c *Commands) deletedBy(call Call, ids []string) (did OrganizationsDeleted, err error) {
	events, err := c.recorded(call)
	if err != nil {
		return did, err
	}
	for _, rec := range events {
		did.Deleted = append(did.Deleted, rec.OrganizationID)
	}
	for _, id := range ids {
		if !slices.Contains(did.Deleted, id) && !slices.Contains(did.Skipped, id) {
			did.Skipped = append(did.Skipped, id)
		}
	}
	return did, nil
}
