package httpapi

import (
	"net/http"
	"slices"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// directoryRow is a directory in answers: its credentials as of the moment of the request, newest first.
type directoryRow struct {
	projections.Directory
	SCIMEndpoint string `json:"scimEndpoint"`
}

// The states of a credential that depend on when one looks, and on its directory.
const credentialExpired = "expired"

func (s *Server) directoryRow(r *request, d projections.Directory) directoryRow {
	shown := make([]projections.DirectoryCredential, 0, len(d.Credentials))
	for _, v := range slices.Backward(d.Credentials) {
		shown = append(shown, s.credentialRow(r, d, v))
	}
	d.Credentials = shown
	return directoryRow{d, s.scimEndpoint()}
}

func (s *Server) credentialRow(r *request, d projections.Directory, v projections.DirectoryCredential) projections.DirectoryCredential {
	switch {
	case v.Status != projections.CredentialActive:
	case d.Status != projections.DirectoryActive:
		v.Status = projections.DirectoryDecommissioned
	case v.ExpiresAt <= s.now(r):
		v.Status = credentialExpired
	}
	return v
}

// scimEndpoint is where a SCIM client is told to send to.
func (s *Server) scimEndpoint() string { return s.Settings.PublicURL + "/scim/v2" }

// The refusal of a directory that is not there has had two wordings.
const (
	codeNoDirectory   = "DIRECTORY_SYNC_CONNECTION_NOT_FOUND"
	noManaged         = "Directory sync connection not found"
	noLegacyDirectory = "Directory sync connection not found or missing owner"
)

func noDirectory() error { return errs.New(errs.NotFound, codeNoDirectory, noManaged) }

// legacy gives a refusal the wording of the endpoints that came first.
func legacy(err error) error {
	if errs.CodeOf(err) == codeNoDirectory {
		return errs.New(errs.NotFound, codeOf(noLegacyDirectory), noLegacyDirectory)
	}
	return err
}

// listDirectories serves GET /dash/organization/directories.
func (s *Server) listDirectories(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organization := in.managedOrganization()
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	rows := []directoryRow{}
	for _, d := range slices.Backward(t.Directories(organization)) {
		rows = append(rows, s.directoryRow(r, d))
	}
	return writeJSON(w, http.StatusOK, rows)
}

// legacyDirectory serves GET /dash/organization/directory.
func (s *Server) legacyDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	return legacy(s.oneDirectory(w, r, in, in.id("organizationId")))
}

// managedDirectory serves GET /dash/organization/{organizationId}/directories/{providerId}.
func (s *Server) managedDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	return s.oneDirectory(w, r, in, in.managedOrganization())
}

func (s *Server) oneDirectory(w http.ResponseWriter, r *request, in *input, organization string) error {
	provider := in.id("providerId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	d, ok := t.Directory(organization, provider)
	if !ok {
		return noDirectory()
	}
	return writeJSON(w, http.StatusOK, s.directoryRow(r, d))
}

// endDirectory serves DELETE /dash/organization/directory.
func (s *Server) endDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	done, row, err := s.decommission(r, in, in.ownOrganization(errNoAccess))
	if err != nil {
		return legacy(err)
	}
	return s.done(w, done, struct {
		Success bool `json:"success"`
		directoryRow
	}{true, row})
}

// decommissionDirectory serves POST …/directories/{providerId}/decommission.
func (s *Server) decommissionDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	done, row, err := s.decommission(r, in, in.managedOrganization())
	if err != nil {
		return err
	}
	return s.done(w, done, row)
}

func (s *Server) decommission(r *request, in *input, organization string) (done commands.Done, row directoryRow, err error) {
	cmd := commands.DirectoryDecommission{OrganizationID: organization, ProviderID: in.id("providerId")}
	if err := in.err(); err != nil {
		return done, row, err
	}
	if done, err = s.Commands.DecommissionDirectory(r.Context(), r.call(), cmd); err != nil {
		return done, row, err
	}
	row, err = s.changedDirectory(r, done, organization, cmd.ProviderID)
	return done, row, err
}

// changedDirectory is the row of a directory after a command.
func (s *Server) changedDirectory(r *request, done commands.Done, organization, provider string) (directoryRow, error) {
	d, ok := done.Tables.Directory(organization, provider)
	if !ok { // its organization was deleted after the call that this one repeats
		return directoryRow{}, noDirectory()
	}
	return s.directoryRow(r, d), nil
}

// unpairDirectory serves POST …/directories/{providerId}/unpair.
func (s *Server) unpairDirectory(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.DirectoryUnpair{OrganizationID: in.managedOrganization(), ProviderID: in.id("providerId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UnpairDirectory(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	row, err := s.changedDirectory(r, done, cmd.OrganizationID, cmd.ProviderID)
	if err != nil {
		return err
	}
	return s.done(w, done, row)
}
