package httpapi

import (
	"errors"
	"strings"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/tokens"
	"dashd/projections"
)

// authenticate finds out who sent r, whether he may use rt, and on which project
// he acts. A key acts on its own project. The operator of the machine, and for
// the management of keys whoever manages projects, names one with ?project=.
func (s *Server) authenticate(r *request, rt *route, operator bool) (projections.Principal, error) {
	p := projections.Operator("admin-socket")
	r.actor = p.KeyID
	if !operator {
		key, err := s.presentedKey(r, rt)
		if err != nil {
			return projections.Principal{}, err
		}
		p, err = s.Access.Image().Authenticate(key, s.Now())
		r.actor = p.KeyID
		if errors.Is(err, projections.ErrUnknownKey) && tokens.LooksSigned(key) && r.Header.Get("X-Api-Key") == "" {
			p, err = s.authenticateToken(r, rt, key)
		}
		switch {
		case errors.Is(err, projections.ErrUnknownKey) && key == "":
			return p, because(commands.NoKey, err)
		case err != nil:
			return p, err
		}
	}
	if rt.scope != anyKey && !p.Can(string(rt.scope)) {
		return p, because(commands.MissingScope, errs.New(errs.Forbidden, "FORBIDDEN", "this key lacks the scope %s", rt.scope))
	}
	asked := r.query.Get("project")
	switch {
	case asked == "" && operator && rt.scope.ofProject():
		return p, errs.New(errs.Invalid, "PROJECT_REQUIRED", "name the project with ?project=")
	case asked == "" || asked == p.Project:
		return p, nil
	}
	if !operator && !(rt.scope == keysAll && p.Manages(asked)) {
		return p, because(commands.OtherProject, errs.New(errs.Forbidden, "FORBIDDEN", "this key may not act on another project"))
	}
	_, exists := s.Access.Image().Project(asked)
	// dashd's own trail can be read; only commands write it.
	if !exists && (asked != eventlog.ReservedProject || rt.scope != eventsRead) {
		return p, errs.New(errs.NotFound, "PROJECT_NOT_FOUND", "no project %q", asked)
	}
	p.Project = asked
	return p, nil
}

// presentedKey returns the API key a request carries. In a URL a key ends up in
// histories and logs, so it is refused there, even beside a header, but for the
// studio's client, which cannot always send a header.
func (s *Server) presentedKey(r *request, rt *route) (string, error) {
	inURL := r.query.Get("key")
	if inURL != "" && !rt.keyInURL {
		err := errs.New(errs.Invalid, "KEY_IN_URL",
			"send the API key in the x-api-key header, not in the URL; a key that was in a URL should be revoked")
		exposed, _ := s.Access.Image().Authenticate(inURL, s.Now())
		return "", &refused{commands.KeyInURL, exposed, err}
	}
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key, nil
	}
	if scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key), nil
	}
	return inURL, nil // Authenticate refuses none as it refuses any wrong key
}

// badToken refuses a signed token as a wrong key is refused. why is for the log only.
func badToken(why string) error {
	return because(commands.BadToken, errs.Wrap(errors.New(why), errs.Unauthorized, "UNAUTHORIZED", "Invalid API key"))
}
