package commands

import (
	"slices"
	"strings"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/seal"
	"dashd/projections"
)

// The protocols of SSO providers.
const (
	OIDC = "OIDC"
	SAML = "SAML"
)

const (
	// maxProviders is how many SSO providers a user may have made.
	maxProviders = 10
	// verificationLife is how long a token may be put into the DNS before it is verified.
	verificationLife = 7 * 24 * time.Hour
	// verificationLength is the length of such a token: 142 bits.
	verificationLength = 24
	maxLabel           = 63 // of a name in the DNS
)

// reservedProviders are the names by which Better Auth knows its social providers, and
// passwords. An account names its provider: under one of these names an SSO provider could
// speak for the accounts of another.
var reservedProviders = []string{
	"apple", "atlassian", "cognito", "credential", "discord", "dropbox", "facebook", "figma", "github", "gitlab", "google", "huggingface",
	"kakao", "kick", "line", "linear", "linkedin", "microsoft", "naver", "notion", "paybin", "paypal", "polar", "railway", "reddit", "roblox",
	"salesforce", "slack", "spotify", "tiktok", "twitch", "twitter", "vercel", "vk", "wechat", "zoom",
}

// TXTName is the label under which a domain shows the token of a provider.
func TXTName(providerID string) string { return "_better-auth-token-" + providerID }

// protocolOf is the protocol of a stored provider.
func protocolOf(p projections.SSOProvider) string {
	if p.SAMLConfig != nil {
		return SAML
	}
	return OIDC
}

// ssoProvider finds the organization and the provider a command is about.
func ssoProvider(t *projections.Tables, organizationID, providerID string) (projections.Organization, projections.SSOProvider, error) {
	o, known := t.Organization(organizationID)
	p, ok := t.SSOProvider(providerID)
	if !known || !ok || string(p.OrganizationID) != o.ID {
		return o, p, refuse(errs.NotFound, "SSO provider not found")
	}
	return o, p, nil
}

// aboutProvider makes an event of an organization's stream about one of its SSO providers.
func (c *Commands) aboutProvider(call Call, t eventlog.Type, o projections.Organization, p projections.SSOProvider, more, set data) eventlog.Event {
	return c.aboutOrganization(call, t, o, append(data{"providerId", p.ProviderID, "domain", p.Domain, "protocol", protocolOf(p)}, more...), set)
}

// creator finds the member of an organization who makes a provider; "": the oldest owner.
func creator(t *projections.Tables, o projections.Organization, userID string) (projections.Member, error) {
	if userID == "" {
		m, ok := oldestOwner(t, o.ID)
		if !ok {
			return m, refuse(errs.Invalid, "The organization has no owner: name a user with userId")
		}
		return m, nil
	}
	m, ok := t.MemberOf(o.ID, userID)
	if !ok {
		return m, refuse(errs.Invalid, "You are not a member of the organization")
	}
	if !hasRole(m.Role, roleOwner) && !hasRole(m.Role, roleAdmin) {
		return m, refuse(errs.Forbidden, "You must be an organization owner or admin to register SSO providers")
	}
	return m, nil
}

// checkProviderID refuses an id that means something already.
func checkProviderID(t *projections.Tables, id string) error {
	if slices.Contains(reservedProviders, strings.ToLower(id)) {
		return errs.New(errs.Conflict, CodeProviderReserved, "This providerId is reserved and cannot be used for an SSO provider")
	}
	if _, taken := t.SSOProvider(id); taken {
		return errs.New(errs.Conflict, CodeProviderExists, "SSO provider with this providerId already exists")
	}
	return nil
}

// The codes of the refusals that the reference answers with 422.
const (
	CodeProviderReserved = "THIS_PROVIDERID_IS_RESERVED_AND_CANNOT_BE_USED_FOR_AN_SSO_PROVIDER"
	CodeProviderExists   = "SSO_PROVIDER_WITH_THIS_PROVIDERID_ALREADY_EXISTS"
)

func ssoObject(project, id string) seal.Object {
	return seal.Object{Class: seal.SSO, Project: project, ID: id}
}

// pending reports whether the domain of a provider waits to be proved, as of now.
func pending(p projections.SSOProvider, now int64) bool {
	return !p.DomainVerified && p.VerificationToken != "" && int64(p.VerificationExpires) > now
}
