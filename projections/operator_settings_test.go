package projections_test

import (
	"encoding/json"
	"strings"

	"dashd/internal/commands"
	"dashd/projections"
)

func (o *operator) settingOrder() order {
	g := o.someOrganization()
	switch o.IntN(3) {
	case 0:
		return o.providerOrder(g, anyOf(o, o.tables.SSOProviders(g.ID)))
	case 1:
		return o.directoryOrder(g, anyOf(o, o.tables.Directories(g.ID)))
	}
	return o.drainOrder(g, anyOf(o, o.tables.Drains(g.ID)))
}

func (o *operator) providerOrder(g projections.Organization, p projections.SSOProvider) order {
	oidc := &commands.OIDCConfig{
		Issuer: "https://idp.example", ClientID: "dashd", ClientSecret: pick(o.generator, "", "a secret 123", "a secret 456"),
		AuthorizationEndpoint: "https://idp.example/a", TokenEndpoint: "https://idp.example/t", JWKSEndpoint: "https://idp.example/k",
	}
	domain := pick(o.generator, "proven.example", "unproven.example", "a.proven.example,b.proven.example")
	switch o.IntN(7) {
	case 0, 1:
		cmd := commands.SSOProviderCreate{
			OrganizationID: g.ID, ProviderID: pick(o.generator, p.ProviderID, strings.ReplaceAll(o.name("idp"), " ", "-")),
			Domain: domain, Protocol: commands.OIDC, OIDC: oidc,
		}
		return an("create provider "+cmd.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.CreateSSOProvider(o.ctx(), call, cmd)
		})
	case 2:
		cmd := commands.SSOProviderUpdate{OrganizationID: g.ID, ProviderID: p.ProviderID}
		if o.IntN(2) == 0 {
			cmd.Domain = &domain
		}
		if o.IntN(2) == 0 {
			cmd.OIDC = oidc
		}
		return an("update provider "+p.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UpdateSSOProvider(o.ctx(), call, cmd)
		})
	case 3:
		cmd := commands.SSOProviderDelete{OrganizationID: g.ID, ProviderID: p.ProviderID}
		return an("delete provider "+p.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.DeleteSSOProvider(o.ctx(), call, cmd)
		})
	case 4:
		cmd := commands.SSOVerifyDomain{OrganizationID: g.ID, ProviderID: p.ProviderID}
		return an("verify domain of "+p.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.VerifySSODomain(o.ctx(), call, cmd)
			return done, err
		})
	case 5:
		cmd := commands.SSOMarkUnverified{OrganizationID: g.ID, ProviderID: p.ProviderID}
		return an("doubt domain of "+p.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.MarkSSOUnverified(o.ctx(), call, cmd)
		})
	}
	cmd := commands.SSORequestVerification{OrganizationID: g.ID, ProviderID: p.ProviderID}
	return an("ask to verify "+p.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
		return c.RequestSSOVerification(o.ctx(), call, cmd)
	})
}

func (o *operator) directoryOrder(g projections.Organization, d projections.Directory) order {
	switch o.IntN(6) {
	case 0, 1:
		cmd := commands.DirectoryCreate{OrganizationID: g.ID, ProviderID: strings.ReplaceAll(o.name("scim"), " ", "-")}
		if p := anyOf(o, o.tables.SSOProviders(g.ID)); p.ProviderID != "" && o.IntN(2) == 0 {
			cmd.Pairing = &commands.Pairing{SSOProviderID: p.ProviderID}
		}
		return an("create directory "+cmd.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.CreateDirectory(o.ctx(), call, cmd)
			return done, err
		})
	case 2:
		cmd := commands.DirectoryToken{OrganizationID: g.ID, ProviderID: d.ProviderID, RevokePrevious: o.IntN(2) == 0}
		return an("new token of directory "+d.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.IssueDirectoryToken(o.ctx(), call, cmd)
			return done, err
		})
	case 3:
		cmd := commands.DirectoryCredentialRevoke{
			OrganizationID: g.ID, ProviderID: d.ProviderID, CredentialID: anyOf(o, d.Credentials).CredentialID,
		}
		return an("revoke credential "+cmd.CredentialID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.RevokeDirectoryCredential(o.ctx(), call, cmd)
		})
	case 4:
		cmd := commands.DirectoryDecommission{OrganizationID: g.ID, ProviderID: d.ProviderID}
		return an("decommission directory "+d.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.DecommissionDirectory(o.ctx(), call, cmd)
		})
	}
	cmd := commands.DirectoryUnpair{OrganizationID: g.ID, ProviderID: d.ProviderID}
	return an("unpair directory "+d.ProviderID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
		return c.UnpairDirectory(o.ctx(), call, cmd)
	})
}

func (o *operator) drainOrder(g projections.Organization, d projections.Drain) order {
	config := json.RawMessage(`{"url":"https://hook.example/` + o.name("path")[5:] + `","headers":{"Authorization":"Bearer abc"}}`)
	switch o.IntN(5) {
	case 0, 1:
		cmd := commands.DrainCreate{
			OrganizationID: g.ID, Name: o.name("Drain"), Enabled: o.IntN(2) == 0, DestinationType: "webhook",
			EventTypes: pick(o.generator, nil, []string{"all"}, []string{"auth", "email"}), Config: config,
		}
		return an("create drain "+cmd.Name, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.CreateDrain(o.ctx(), call, cmd)
			return done, err
		})
	case 2:
		cmd := commands.DrainUpdate{OrganizationID: g.ID, ID: d.ID}
		name, enabled := o.name("Drain"), o.IntN(2) == 0
		if o.IntN(2) == 0 {
			cmd.Name = &name
		}
		if o.IntN(2) == 0 {
			cmd.Enabled = &enabled
		}
		if o.IntN(2) == 0 {
			cmd.Config = config
		}
		return an("update drain "+d.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UpdateDrain(o.ctx(), call, cmd)
		})
	case 3:
		cmd := commands.DrainReplay{OrganizationID: g.ID, ID: d.ID, FromSeq: uint64(1 + o.IntN(50))}
		return an("replay drain "+d.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.ReplayDrain(o.ctx(), call, cmd)
			return done, err
		})
	}
	cmd := commands.DrainDelete{OrganizationID: g.ID, ID: d.ID}
	return an("delete drain "+d.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
		return c.DeleteDrain(o.ctx(), call, cmd)
	})
}
