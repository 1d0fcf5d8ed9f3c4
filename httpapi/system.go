package httpapi

import "net/http"

// validate serves GET /dash/validate: whoever gets an answer has a good key.
func (s *Server) validate(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, map[string]bool{"valid": true})
}

// organizationOptions serves GET /dash/organization/options: whether an organization
// is made with a first team.
func (s *Server) organizationOptions(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, map[string]bool{"teamsEnabled": true})
}
