package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// DirectoryToken asks for a new credential of a directory.
type DirectoryToken struct {
	OrganizationID, ProviderID string
	RevokePrevious             bool           // the others stop working
	Credential                 CredentialWish // by default with the scopes of the newest one in use
}

// IssueDirectoryToken gives a directory another credential.
func (c *Commands) IssueDirectoryToken(ctx context.Context, call Call, cmd DirectoryToken) (done Done, issued IssuedCredential, err error) {
	if err := cmd.Credential.check(c.o.Now()); err != nil {
		return Done{}, issued, err
	}
	id, token := newCredential(call)
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := directory(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil {
			return nil, err
		}
		if d.Status != projections.DirectoryActive {
			return nil, refuse(errs.Conflict, "Directory sync connection is not active")
		}
		previous, scopes := usable(d, c.o.Now()), DirectoryScopes
		if len(previous) > 0 {
			scopes = previous[len(previous)-1].Scopes
		}
		if !cmd.RevokePrevious && len(previous) >= maxCredentials {
			return nil, refuse(errs.Conflict, "Directory sync connection has reached the maximum of %d active credentials", maxCredentials)
		}
		events := []eventlog.Event{c.credentialIssued(call, o, d, id, token, cmd.Credential, scopes)}
		if cmd.RevokePrevious {
			for _, v := range previous {
				events = append(events, c.credentialRevoked(call, o, d, v.CredentialID))
			}
		}
		return events, nil
	})
	if done.Repeat {
		token = ""
	}
	issued = IssuedCredential{CredentialID: id, Token: token}
	if err == nil {
		if d, ok := done.Tables.Directory(cmd.OrganizationID, cmd.ProviderID); ok {
			issued.ConnectionID = d.ConnectionID
		}
	}
	return done, issued, err
}
