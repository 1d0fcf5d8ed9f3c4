package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// DirectoryCreate asks for a SCIM connection of an organization.
type DirectoryCreate struct {
	OrganizationID, ProviderID string
	OwnerID                    string // a member of the organization; may be empty
	Credential                 CredentialWish
	Pairing                    *Pairing // its protocol is that of the provider
}

// CreateDirectory makes a directory with one credential. An organization has one that is
// active; after the end of it the same provider can be connected again.
func (c *Commands) CreateDirectory(ctx context.Context, call Call, cmd DirectoryCreate) (Done, IssuedCredential, error) {
	d := projections.Directory{
		ConnectionID:         "ba_scim_connection_" + call.newID("connection"),
		ProviderID:           cmd.ProviderID,
		ProvisioningDomainID: "dash_scim_domain_" + derive("scim domain", call.Project, cmd.OrganizationID),
	}
	id, token := newCredential(call)
	if err := cmd.Credential.check(c.o.Now()); err != nil {
		return Done{}, IssuedCredential{}, err
	}
	done, err := c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, ok := t.Organization(cmd.OrganizationID)
		if !ok {
			return nil, refuse(errs.NotFound, "Target organization not found")
		}
		if err := directoryOwner(t, o, cmd.OwnerID); err != nil {
			return nil, err
		}
		if err := directoryFree(t, o, cmd.ProviderID); err != nil {
			return nil, err
		}
		pairing, err := cmd.pairing(t, o)
		if err != nil {
			return nil, err
		}
		at := projections.Time(c.o.Now())
		return []eventlog.Event{
			c.aboutDirectory(call, eventlog.DirectoryCreated, o, d, nil, data{
				"connectionId", d.ConnectionID, "provisioningDomainId", d.ProvisioningDomainID, "status", projections.DirectoryActive,
				"pairing", pairing, "pairingEnforced", pairing != nil, "createdAt", at, "updatedAt", at,
			}),
			c.credentialIssued(call, o, d, id, token, cmd.Credential, DirectoryScopes),
		}, nil
	})
	if done.Repeat {
		token = ""
	}
	return done, IssuedCredential{d.ConnectionID, id, token}, err
}

// directoryOwner refuses somebody who cannot own a directory of an organization.
func directoryOwner(t *projections.Tables, o projections.Organization, userID string) error {
	if userID == "" {
		return nil
	}
	if _, ok := t.User(userID); !ok {
		return refuse(errs.Invalid, "Owner identity not found")
	}
	if _, ok := t.MemberOf(o.ID, userID); !ok {
		return refuse(errs.Forbidden, "You are not a member of the organization")
	}
	return nil
}

// directoryFree refuses a second active directory.
func directoryFree(t *projections.Tables, o projections.Organization, providerID string) error {
	if d, ok := t.Directory(o.ID, providerID); ok && d.Status == projections.DirectoryActive {
		return refuse(errs.Conflict, "This organization already has a directory sync connection for the requested provider")
	}
	for _, d := range t.Directories(o.ID) {
		if d.Status == projections.DirectoryActive {
			return refuse(errs.Conflict, "This organization already has an active directory sync connection")
		}
	}
	return nil
}

// pairing is the pairing that is asked for, with the protocol of its provider.
func (cmd *DirectoryCreate) pairing(t *projections.Tables, o projections.Organization) (*Pairing, error) {
	if cmd.Pairing == nil {
		return nil, nil
	}
	_, p, err := ssoProvider(t, o.ID, cmd.Pairing.SSOProviderID)
	if err != nil {
		return nil, err
	}
	if asked := cmd.Pairing.Protocol; asked != "" && asked != protocolOf(p) {
		return nil, refuse(errs.Invalid, "The protocol of the SSO provider is %s", protocolOf(p))
	}
	return &Pairing{p.ProviderID, protocolOf(p), cmd.Pairing.ExternalIDSource}, nil
}
