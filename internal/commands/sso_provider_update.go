package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// SSOProviderUpdate asks for other settings of an identity provider. What is absent stays
// as it is.
type SSOProviderUpdate struct {
	OrganizationID, ProviderID string
	Domain                     *string
	Protocol                   string // empty: that of the one config given, or the stored one
	OIDC                       *OIDCConfig
	SAML                       *SAMLConfig
}

// UpdateSSOProvider changes an SSO provider. Another domain has to be proved anew. Who
// issues the identities can only be changed while no account depends on it.
func (c *Commands) UpdateSSOProvider(ctx context.Context, call Call, cmd SSOProviderUpdate) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, p, err := ssoProvider(t, cmd.OrganizationID, cmd.ProviderID)
		if err != nil {
			return nil, err
		}
		var set data
		var changed []string
		if cmd.Domain != nil && *cmd.Domain != p.Domain {
			set, changed = otherDomain(p, *cmd.Domain), append(changed, "domain")
			p.Domain = *cmd.Domain
		}
		config, err := c.otherConfig(call, t, p, cmd)
		if err != nil {
			return nil, err
		}
		if config != nil {
			set = append(set, config.columns()...)
			changed = append(changed, "issuer", "oidcConfig", "samlConfig")
			p.OIDCConfig, p.SAMLConfig = config.oidc, config.saml
		}
		if len(set) == 0 {
			return nil, refuse(errs.Invalid, "No fields provided for update")
		}
		e := c.aboutProvider(call, eventlog.SSOProviderUpdated, o, p, data{"updatedFields", changed}, set)
		if config != nil {
			e.Sealed = c.o.Sealer.Box(ssoObject(call.Project, p.ID), config.secrets.encode())
		}
		return []eventlog.Event{e}, nil
	})
}

// otherDomain are the columns that a change of the domain changes. A token that is
// waiting to be used may be used for the other domain.
func otherDomain(p projections.SSOProvider, domain string) data {
	set := data{"domain", domain, "domainVerified", false, "domainMisses", 0}
	if p.DomainVerified {
		set = append(set, "verificationToken", nil, "verificationExpires", nil)
	}
	return set
}

// otherConfig is the config that is asked for, nil if none is.
func (c *Commands) otherConfig(call Call, t *projections.Tables, p projections.SSOProvider, cmd SSOProviderUpdate) (*providerConfig, error) {
	stored := protocolOf(p)
	protocol := cmd.Protocol
	switch {
	case protocol != "":
	case cmd.OIDC != nil && cmd.SAML == nil:
		protocol = OIDC
	case cmd.SAML != nil && cmd.OIDC == nil:
		protocol = SAML
	default:
		protocol = stored
	}
	if protocol == stored && (protocol == OIDC && cmd.OIDC == nil || protocol == SAML && cmd.SAML == nil) {
		return nil, nil
	}
	known, err := c.openConfig(call.Project, p)
	if err != nil {
		return nil, err
	}
	if protocol != stored {
		known = &storedConfig{}
	}
	config, err := newConfig(protocol, cmd.OIDC, cmd.SAML, known)
	if err != nil {
		return nil, err
	}
	if (protocol != stored || config.issuer != p.Issuer) && len(t.AccountsOfProvider(p.ProviderID)) > 0 {
		return nil, refuse(errs.Conflict, "Cannot change SSO provider identity fields while linked accounts exist")
	}
	return &config, nil
}
