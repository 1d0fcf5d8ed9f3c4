package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// listSSOProviders serves GET /dash/organization/sso-providers. What is secret in a config is
// masked.
func (s *Server) listSSOProviders(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organization := in.ownOrganization(errNoAccess)
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, append([]projections.SSOProvider{}, t.SSOProviders(organization)...))
}

// ssoProviderName is how answers name a provider.
type ssoProviderName struct {
	ID         string `json:"id"` // of the row
	ProviderID string `json:"providerId"`
	Domain     string `json:"domain"`
}

// nameProvider names a provider that was made or changed.
func nameProvider(done commands.Done, providerID string) (ssoProviderName, projections.SSOProvider, error) {
	p, ok := done.Tables.SSOProvider(providerID)
	if !ok { // it was deleted after the call that this one repeats
		return ssoProviderName{}, p, errs.New(errs.NotFound, "SSO_PROVIDER_NOT_FOUND", "SSO provider not found")
	}
	return ssoProviderName{p.ID, p.ProviderID, p.Domain}, p, nil
}

// domainVerification tells what has to be put into the DNS.
type domainVerification struct {
	TXTRecordName     string           `json:"txtRecordName"`
	VerificationToken projections.Text `json:"verificationToken"`
}

// createSSOProvider serves POST /dash/organization/sso-provider.
func (s *Server) createSSOProvider(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SSOProviderCreate{
		OrganizationID: in.ownOrganization(errNoAccess),
		ProviderID:     in.id("providerId"),
		Domain:         in.text("domain", atLeast(1), atMost(maxDomainList)),
		Protocol:       in.text("protocol", oneOf(commands.SAML, commands.OIDC)),
		UserID:         in.optionalID("userId"),
		OIDC:           in.oidcConfig(),
		SAML:           in.samlConfig(),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.CreateSSOProvider(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	name, p, err := nameProvider(done, cmd.ProviderID)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success      bool               `json:"success"`
		Provider     ssoProviderName    `json:"provider"`
		Verification domainVerification `json:"domainVerification"`
	}{true, name, domainVerification{commands.TXTName(p.ProviderID), projections.Text(p.VerificationToken)}})
}

// updateSSOProvider serves PATCH /dash/organization/sso-provider.
func (s *Server) updateSSOProvider(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SSOProviderUpdate{
		OrganizationID: in.ownOrganization(errNoAccess),
		ProviderID:     in.id("providerId"),
		Domain:         in.optionalText("domain", atLeast(1), atMost(maxDomainList)),
	}
	if protocol := in.optionalText("protocol", oneOf(commands.SAML, commands.OIDC)); protocol != nil {
		cmd.Protocol = *protocol
	}
	cmd.OIDC, cmd.SAML = in.oidcConfig(), in.samlConfig()
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UpdateSSOProvider(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	name, _, err := nameProvider(done, cmd.ProviderID)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success  bool            `json:"success"`
		Provider ssoProviderName `json:"provider"`
	}{true, name})
}

// deleteSSOProvider serves DELETE /dash/organization/sso-provider.
func (s *Server) deleteSSOProvider(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SSOProviderDelete{OrganizationID: in.ownOrganization(errNoAccess), ProviderID: in.id("providerId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.DeleteSSOProvider(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
	}{true, "SSO provider deleted successfully"})
}

// verifySSODomain serves POST /dash/organization/sso-provider/verify-domain.
func (s *Server) verifySSODomain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SSOVerifyDomain{OrganizationID: in.ownOrganization(errNoAccess), ProviderID: in.id("providerId")}
	if err := in.err(); err != nil {
		return err
	}
	done, verdict, err := s.Commands.VerifySSODomain(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Verified bool   `json:"verified"`
		Message  string `json:"message"`
	}{verdict.Verified, verdict.Message})
}

// requestSSOVerification serves POST /dash/organization/sso-provider/request-verification-token.
func (s *Server) requestSSOVerification(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SSORequestVerification{OrganizationID: in.ownOrganization(errNoAccess), ProviderID: in.id("providerId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.RequestSSOVerification(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	name, p, err := nameProvider(done, cmd.ProviderID)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success    bool   `json:"success"`
		ProviderID string `json:"providerId"`
		Domain     string `json:"domain"`
		domainVerification
	}{true, name.ProviderID, name.Domain, domainVerification{commands.TXTName(p.ProviderID), projections.Text(p.VerificationToken)}})
}

// markSSODomain serves POST /dash/organization/sso-provider/mark-domain-verified, which can
// only take a proof away.
func (s *Server) markSSODomain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SSOMarkUnverified{OrganizationID: in.ownOrganization(errNoAccess), ProviderID: in.id("providerId")}
	if string(in.raw("verified")) != "false" {
		in.refuse("verified", "Invalid input: expected false")
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.MarkSSOUnverified(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success        bool   `json:"success"`
		DomainVerified bool   `json:"domainVerified"`
		Message        string `json:"message"`
	}{true, false, "Domain verification unmarked"})
}
