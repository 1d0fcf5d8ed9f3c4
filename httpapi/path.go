package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"dashd/internal/errs"
)

// plainPaths refuses paths that two programs could read differently: a proxy in
// front of dashd decides by the path as well, and must not see another one.
func (s *Server) plainPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !plain(r.URL) {
			s.fail(w, r, "", errs.New(errs.Invalid, "INVALID_PATH", "the path has an empty, a dot or an encoded segment"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plain reports whether a path means the same before and after decoding.
func plain(u *url.URL) bool {
	if !strings.HasPrefix(u.Path, "/") {
		return false
	}
	for _, c := range []byte(u.Path) {
		if c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	if strings.Count(u.EscapedPath(), "/") != strings.Count(u.Path, "/") {
		return false // an encoded slash
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(u.Path[1:], "/"), "/") {
		if segment == "." || segment == ".." || segment == "" && u.Path != "/" {
			return false
		}
	}
	return true
}

// sameOrigin refuses requests that a browser sends on behalf of another site's page.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Check(r); err != nil {
			s.fail(w, r, "", errs.Wrap(err, errs.Forbidden, "CROSS_ORIGIN", "requests from pages of other sites are not taken"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
