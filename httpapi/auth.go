package httpapi

import (
	"net/http"
	"strings"

	"dashd/internal/errs"
	"dashd/projections"
)

// authenticate finds out who sent r and whether he may use rt.
func (s *Server) authenticate(r *http.Request, rt route, operator bool) (projections.Principal, error) {
	if operator {
		p := projections.Operator("admin-socket")
		p.Project = r.URL.Query().Get("project")
		return p, nil
	}
	key, err := presentedKey(r, rt)
	if err != nil {
		return projections.Principal{}, err
	}
	p, err := s.Access.Image().Authenticate(key, s.Now())
	if err != nil {
		return projections.Principal{}, err
	}
	if !p.Can(string(rt.scope)) {
		return projections.Principal{}, errs.New(errs.Forbidden, "FORBIDDEN",
			"this key lacks the scope %s", rt.scope)
	}
	return p, nil
}

// presentedKey returns the API key a request carries. In a URL a key ends up in
// histories and logs, so it is refused there, but for the studio's client, which
// cannot always send a header.
func presentedKey(r *http.Request, rt route) (string, error) {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key, nil
	}
	if scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key), nil
	}
	if key := r.URL.Query().Get("key"); key != "" {
		if !rt.keyInURL {
			return "", errs.New(errs.Invalid, "KEY_IN_URL",
				"send the API key in the x-api-key header, not in the URL; a key that was in a URL should be revoked")
		}
		return key, nil
	}
	return "", nil // Authenticate refuses it as it refuses any wrong key
}
