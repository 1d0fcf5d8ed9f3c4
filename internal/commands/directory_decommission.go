package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// DirectoryDecommission asks for the end of a directory.
type DirectoryDecommission struct {
	OrganizationID, ProviderID string
}

// DecommissionDirectory ends a directory at once: none of its credentials opens anything any
// more. The row stays, and a directory that has ended stays as it is.
func (c *Commands) DecommissionDirectory(ctx context.Context, call Call, cmd DirectoryDecommission) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := directory(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil || d.Status == projections.DirectoryDecommissioned {
			return nil, err
		}
		at := projections.Time(c.o.Now())
		return []eventlog.Event{c.aboutDirectory(call, eventlog.DirectoryDecommissioned, o, d, nil, data{
			"status", projections.DirectoryDecommissioned, "decommissionedAt", at, "updatedAt", at,
		})}, nil
	})
}
