package projections

import (
	"bytes"

	"dashd/eventlog"
)

// The keys of SSO providers. Their id, in the table, is the one they are known by: it is
// unique in the project.
const (
	providerOrganization = iota
	providerUser
)

func (p *SSOProvider) rowID() string { return p.ProviderID }

func (p *SSOProvider) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{providerOrganization: string(p.OrganizationID), providerUser: p.UserID}
}

func codeProvider(c *coder, p *SSOProvider) {
	codeText(c, &p.ProviderID)
	codeText(c, &p.ID)
	codeText(c, &p.OrganizationID)
	codeText(c, &p.Domain)
	codeText(c, &p.Issuer)
	codeText(c, &p.UserID)
	codeBytes(c, &p.OIDCConfig)
	codeBytes(c, &p.SAMLConfig)
	c.flag(&p.DomainVerified)
	c.time(&p.CreatedAt)
	codeText(c, &p.VerificationToken)
	c.time(&p.VerificationExpires)
	c.uint(&p.DomainMisses)
	c.time(&p.DomainMissedAt)
	codeBytes(c, &p.Sealed)
}

// SSOProvider finds a provider by the id it is known by, which is not that of its row.
func (t *Tables) SSOProvider(providerID string) (SSOProvider, bool) {
	return t.providers.get(providerID)
}

// SSOProviders are those of an organization.
func (t *Tables) SSOProviders(organizationID string) []SSOProvider {
	return t.providers.list(providerOrganization, organizationID)
}

// SSOProvidersBy are those that a user has created.
func (t *Tables) SSOProvidersBy(userID string) []SSOProvider {
	return t.providers.list(providerUser, userID)
}

// AllSSOProviders are those of all organizations.
func (t *Tables) AllSSOProviders() []SSOProvider {
	var list []SSOProvider
	for p := range t.providers.all() {
		list = append(list, *p)
	}
	return list
}

// foldProvider folds what creates or changes an SSO provider. Without a box, the
// provider keeps the secrets it has.
func (t *Tables) foldProvider(f *fact) {
	id := f.text("providerId")
	p, ok := t.providers.get(id)
	switch {
	case ok && string(p.OrganizationID) != f.OrganizationID, id == "", f.OrganizationID == "":
		return
	case !ok && f.Type == eventlog.SSOProviderCreated:
		p = SSOProvider{ID: id, ProviderID: id, OrganizationID: Text(f.OrganizationID), CreatedAt: f.at()}
	case !ok:
		return
	}
	if f.Type == eventlog.SSOProviderDomainVerified {
		p.DomainVerified = true
	}
	set := f.set()
	putText(set, "id", &p.ID)
	putText(set, "domain", &p.Domain)
	putText(set, "issuer", &p.Issuer)
	putText(set, "userId", &p.UserID)
	putJSON(set, "oidcConfig", &p.OIDCConfig)
	putJSON(set, "samlConfig", &p.SAMLConfig)
	putFlag(set, "domainVerified", &p.DomainVerified)
	putTime(set, "createdAt", &p.CreatedAt)
	putText(set, "verificationToken", &p.VerificationToken)
	putTime(set, "verificationExpires", &p.VerificationExpires)
	putNumber(set, "domainMisses", &p.DomainMisses)
	putTime(set, "domainMissedAt", &p.DomainMissedAt)
	if len(f.Sealed) > 0 {
		p.Sealed = bytes.Clone(f.Sealed)
	}
	t.providers.put(p)
}

func (t *Tables) foldProviderDeleted(f *fact) {
	p, ok := t.providers.get(f.text("providerId"))
	if ok && string(p.OrganizationID) == f.OrganizationID {
		t.providers.remove(p.ProviderID)
	}
}
