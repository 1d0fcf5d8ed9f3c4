package httpapi

import (
	"encoding/json"
	"net/http"

	"dashd/internal/errs"
)

// jwks serves GET /api/auth/jwks. An application whose fetch of it fails ends
// its process, so it answers 200 from memory to anybody, whatever else is broken.
func (s *Server) jwks(w http.ResponseWriter, _ *request) error {
	return writeBody(w, http.StatusOK, s.Access.Image().JWKS())
}

// checkJTI serves POST /api/auth/check-jti: true for the first who asks, of all
// that ever ask for this jti in this project.
func (s *Server) checkJTI(w http.ResponseWriter, r *request) error {
	var ask struct {
		JTI       string  `json:"jti"`
		ExpiresAt float64 `json:"expiresAt"` // seconds
	}
	if err := readJSON(w, r, &ask); err != nil {
		return err
	}
	valid, err := s.Commands.UseJTI(r.Context(), r.principal, ask.JTI, int64(ask.ExpiresAt))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]bool{"valid": valid})
}

// readJSON reads a small JSON body.
func readJSON(w http.ResponseWriter, r *request, v any) error {
	text, err := readBody(w, r.Request, maxEventBody)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "Invalid JSON in request body")
	}
	return nil
}
