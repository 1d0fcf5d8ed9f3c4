package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// The lifetime of a session of an impersonator, in seconds.
const (
	defaultImpersonation = 600
	minImpersonation     = 60
	maxImpersonation     = 3600
)

// impersonateUser serves POST /dash/user/impersonate.
func (s *Server) impersonateUser(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.UserImpersonate{
		UserID:      in.userID(),
		By:          optional(in.optionalText("impersonatedBy", atLeast(1), atMost(maxID)), ""),
		Reason:      optional(in.optionalText("reason", atMost(maxReason)), ""),
		Lifetime:    in.whole("expiresIn", defaultImpersonation, minImpersonation, maxImpersonation),
		RedirectURL: optional(in.optionalText("redirectUrl", httpURL), ""),
		KeyID:       optional(in.optionalText("keyId", atLeast(1), atMost(maxID)), ""),
	}
	if err := in.err(); err != nil {
		return err
	}
	if cmd.RedirectURL != "" && !s.trusts(cmd.RedirectURL) {
		return errs.New(errs.Invalid, "INVALID_REDIRECT_URL", "Invalid redirect URL")
	}
	done, did, err := s.Commands.Impersonate(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	u, ok := done.Tables.User(cmd.UserID)
	if !ok {
		return userNotFound()
	}
	return s.done(w, done, struct {
		Success     bool                `json:"success"`
		Session     projections.Session `json:"session"`
		Token       string              `json:"token"`
		User        shownUser           `json:"user"`
		ExpiresAt   projections.Time    `json:"expiresAt"`
		RedirectURL string              `json:"redirectUrl,omitempty"`
	}{true, did.Session, did.Token, s.showUser(r, u), did.Session.ExpiresAt, cmd.RedirectURL})
}

// whole reads a number between two bounds, cut to a whole one.
func (in *input) whole(name string, def, low, high int64) int64 {
	n := in.optionalNumber(name)
	switch {
	case n == nil:
		return def
	case *n < float64(low):
		in.refuse(name, fmt.Sprintf("Too small: expected number to be >=%d", low))
	case *n > float64(high):
		in.refuse(name, fmt.Sprintf("Too big: expected number to be <=%d", high))
	}
	return int64(*n)
}

// trusts reports whether a browser may be sent to a URL.
func (s *Server) trusts(link string) bool {
	o, ok := origin(link)
	return ok && s.Settings.TrustedOrigins[o]
}

// ParseOrigins reads the origins of applications, such as "https://app.example.com", with
// commas between.
func ParseOrigins(text string) (map[string]bool, error) {
	origins := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		o, ok := origin(part)
		if u, err := url.Parse(part); !ok || err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%q is no origin, such as https://app.example.com", part)
		}
		origins[o] = true
	}
	return origins, nil
}

// origin is that of an http(s) URL, written in one way.
func origin(link string) (string, bool) {
	if httpURL(link) != "" {
		return "", false
	}
	u, err := url.Parse(link)
	if err != nil {
		return "", false
	}
	port := u.Port()
	if port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		port = ""
	}
	o := u.Scheme + "://" + strings.ToLower(u.Hostname())
	if port != "" {
		o += ":" + port
	}
	return o, true
}
