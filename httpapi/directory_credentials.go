package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/projections"
)

// createDirectory serves POST /dash/organization/directory.
func (s *Server) createDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	return s.newDirectory(w, r, in, in.ownOrganization(errNoAccess))
}

// createManagedDirectory serves POST /dash/organization/{organizationId}/directories.
func (s *Server) createManagedDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	return s.newDirectory(w, r, in, in.managedOrganization())
}

func (s *Server) newDirectory(w http.ResponseWriter, r *request, in *input, organization string) error {
	cmd := commands.DirectoryCreate{OrganizationID: organization}
	if text, _ := in.value("providerId"); in.given("ownerUserId") && string(text) == `""` {
		in.refuse("providerId", "Provider ID is required") // whoever names an owner is used to this wording
	}
	cmd.ProviderID, cmd.OwnerID = in.id("providerId"), in.optionalID("ownerUserId")
	cmd.Credential, cmd.Pairing = in.credential(), in.pairing()
	if err := in.err(); err != nil {
		return err
	}
	done, issued, err := s.Commands.CreateDirectory(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	row, err := s.changedDirectory(r, done, cmd.OrganizationID, cmd.ProviderID)
	if err != nil {
		return err
	}
	keepSecret(w)
	return s.done(w, done, struct {
		directoryRow
		Credential *projections.DirectoryCredential `json:"credential"`
		SCIMToken  projections.Text                 `json:"scimToken"` // null for a repeat
	}{row, row.credential(issued.CredentialID), projections.Text(issued.Token)})
}

// credential reads what is asked of a new credential.
func (in *input) credential() (wish commands.CredentialWish) {
	wish.Scopes = in.texts("scopes", oneOf(commands.DirectoryScopes...))
	if wish.Scopes != nil && len(wish.Scopes) == 0 {
		in.refuse("scopes", "Too small: expected array to have >=1 items")
	}
	wish.ExpiresAt = in.time("expiresAt")
	return wish
}

// pairing reads the field pairing, nil if it is absent or null.
func (in *input) pairing() *commands.Pairing {
	if kindOf(in.raw("pairing")) == "null" {
		return nil
	}
	p := in.object("pairing")
	if p == nil {
		return nil
	}
	return &commands.Pairing{
		SSOProviderID:    p.text("ssoProviderId", atLeast(1), atMost(maxID)),
		Protocol:         p.absentText("protocol", oneOf(commands.SAML, commands.OIDC)),
		ExternalIDSource: p.text("externalIdSource", atLeast(1), atMost(maxID)),
	}
}

// credential finds a credential among those that are shown.
func (d *directoryRow) credential(id string) *projections.DirectoryCredential {
	for i := range d.Credentials {
		if d.Credentials[i].CredentialID == id {
			return &d.Credentials[i]
		}
	}
	return nil
}

// keepSecret asks everybody on the way to keep nothing of the answer.
func keepSecret(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store, max-age=0")
	w.Header().Set("Pragma", "no-cache")
}

// directoryToken serves POST /dash/organization/directory/token: the other tokens stop
// working unless revokePrevious says otherwise.
func (s *Server) directoryToken(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	return legacy(s.newToken(w, r, in, in.ownOrganization(errNoAccess), true))
}

// rotateCredential serves POST …/directories/{providerId}/credentials/rotate: the other
// credentials stay good until they are revoked.
func (s *Server) rotateCredential(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	return s.newToken(w, r, in, in.managedOrganization(), false)
}

func (s *Server) newToken(w http.ResponseWriter, r *request, in *input, organization string, revoke bool) error {
	cmd := commands.DirectoryToken{
		OrganizationID: organization,
		ProviderID:     in.id("providerId"),
		RevokePrevious: in.flag("revokePrevious", revoke),
		Credential:     in.credential(),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, issued, err := s.Commands.IssueDirectoryToken(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	row, err := s.changedDirectory(r, done, cmd.OrganizationID, cmd.ProviderID)
	if err != nil {
		return err
	}
	keepSecret(w)
	return s.done(w, done, struct {
		Success      bool                             `json:"success"`
		ConnectionID string                           `json:"connectionId"`
		Credential   *projections.DirectoryCredential `json:"credential"`
		SCIMToken    projections.Text                 `json:"scimToken"` // null for a repeat
		SCIMEndpoint string                           `json:"scimEndpoint"`
	}{true, issued.ConnectionID, row.credential(issued.CredentialID), projections.Text(issued.Token), row.SCIMEndpoint})
}

// revokeCredential serves POST …/directories/{providerId}/credentials/{credentialId}/revoke.
func (s *Server) revokeCredential(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.DirectoryCredentialRevoke{
		OrganizationID: in.managedOrganization(), ProviderID: in.id("providerId"), CredentialID: in.id("credentialId"),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.RevokeDirectoryCredential(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	row, err := s.changedDirectory(r, done, cmd.OrganizationID, cmd.ProviderID)
	if err != nil {
		return err
	}
	return s.done(w, done, row)
}
