package httpapi

import "net/http"

// maxSeconds is later than any token lives, and exact as a float64.
const maxSeconds = 1 << 53

// jwks serves GET /api/auth/jwks. An application whose fetch of it fails ends
// its process, so it answers 200 from memory to anybody, whatever else is broken.
func (s *Server) jwks(w http.ResponseWriter, _ *request) error {
	writeBody(w, http.StatusOK, s.Access.Image().JWKS())
	return nil
}

// checkJTI serves POST /api/auth/check-jti: true for the first who asks, of all
// that ever ask for this jti in this project.
func (s *Server) checkJTI(w http.ResponseWriter, r *request) error {
	var ask struct {
		JTI       string   `json:"jti"`
		ExpiresAt *float64 `json:"expiresAt"` // seconds; a token's exp may have a fraction
	}
	if err := s.readJSON(w, r, &ask); err != nil {
		return err
	}
	expiresAt := int64(0) // it does not say
	if ask.ExpiresAt != nil {
		expiresAt = int64(min(max(*ask.ExpiresAt, 1), maxSeconds))
	}
	valid, err := s.Commands.UseJTI(r.Context(), r.principal, ask.JTI, expiresAt)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]bool{"valid": valid})
}
