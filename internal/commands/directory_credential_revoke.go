package commands

import (
	"context"
	"slices"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// DirectoryCredentialRevoke asks that one credential of a directory opens nothing any more.
type DirectoryCredentialRevoke struct {
	OrganizationID, ProviderID, CredentialID string
}

// RevokeDirectoryCredential revokes a credential, also one that has expired. One that is revoked
// stays as it is.
func (c *Commands) RevokeDirectoryCredential(ctx context.Context, call Call, cmd DirectoryCredentialRevoke) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := directory(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(d.Credentials, func(v projections.DirectoryCredential) bool { return v.CredentialID == cmd.CredentialID })
		switch {
		case i < 0:
			return nil, refuse(errs.NotFound, "Directory sync credential not found")
		case d.Credentials[i].Status == projections.CredentialRevoked:
			return nil, nil
		}
		return []eventlog.Event{c.credentialRevoked(call, o, d, cmd.CredentialID)}, nil
	})
}
