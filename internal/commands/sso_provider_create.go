package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// SSOProviderCreate asks for an identity provider of an organization.
type SSOProviderCreate struct {
	OrganizationID string
	ProviderID     string
	Domain         string // may be a list, with commas between
	Protocol       string // OIDC or SAML: the config of it must be there
	UserID         string // who makes it: an owner or admin; empty: the oldest owner
	OIDC           *OIDCConfig
	SAML           *SAMLConfig
}

// CreateSSOProvider makes an SSO provider, and a token to prove its domain with.
func (c *Commands) CreateSSOProvider(ctx context.Context, call Call, cmd SSOProviderCreate) (Done, error) {
	config, err := newConfig(cmd.Protocol, cmd.OIDC, cmd.SAML, nil)
	if err != nil {
		return Done{}, err
	}
	p := projections.SSOProvider{
		ID: call.newID("sso provider"), ProviderID: cmd.ProviderID, Domain: cmd.Domain, SAMLConfig: config.saml,
	}
	box := c.o.Sealer.Box(ssoObject(call.Project, p.ID), config.secrets.encode())
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, err := organization(t, cmd.OrganizationID)
		if err != nil {
			return nil, err
		}
		by, err := creator(t, o, cmd.UserID)
		if err != nil {
			return nil, err
		}
		if len(t.SSOProvidersBy(by.UserID)) >= maxProviders {
			return nil, refuse(errs.Forbidden, "You have reached the maximum number of SSO providers")
		}
		if err := checkProviderID(t, p.ProviderID); err != nil {
			return nil, err
		}
		set := append(config.columns(), "id", p.ID, "domain", p.Domain, "userId", by.UserID, "createdAt", projections.Time(c.o.Now()))
		e := c.aboutProvider(call, eventlog.SSOProviderCreated, o, p, nil, append(set, c.newVerification()...))
		e.Sealed = box
		return []eventlog.Event{e}, nil
	})
}

// newVerification are the columns of a new token that proves a domain.
func (c *Commands) newVerification() data {
	return data{
		"verificationToken", randomText(verificationLength),
		"verificationExpires", projections.Time(c.o.Now() + verificationLife.Milliseconds()),
	}
}
