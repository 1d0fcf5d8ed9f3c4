package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// DirectoryUnpair asks that a directory no longer depends on an SSO provider.
type DirectoryUnpair struct {
	OrganizationID, ProviderID string
}

// UnpairDirectory ends the pairing of a directory. One that was unpaired stays as it is.
func (c *Commands) UnpairDirectory(ctx context.Context, call Call, cmd DirectoryUnpair) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := directory(t, cmd.OrganizationID, cmd.ProviderID)
		switch {
		case err != nil:
			return nil, err
		case d.Pairing == nil && d.UnpairedAt != 0:
			return nil, nil
		case d.Pairing == nil:
			return nil, refuse(errs.Conflict, "Directory sync connection is not paired")
		}
		return []eventlog.Event{c.unpaired(call, o, d)}, nil
	})
}

// unpaired says that a directory is not paired any more.
func (c *Commands) unpaired(call Call, o projections.Organization, d projections.Directory) eventlog.Event {
	at := projections.Time(c.o.Now())
	return c.aboutDirectory(call, eventlog.DirectoryUnpaired, o, d, data{"ssoProviderId", pairingOf(d).SSOProviderID}, data{
		"pairing", nil, "pairingEnforced", false, "unpairedAt", at, "unpairedBy", call.Actor, "updatedAt", at,
	})
}
