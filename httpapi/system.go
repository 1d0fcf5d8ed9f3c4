package httpapi

import (
	"maps"
	"net/http"
	"slices"
)

// validate serves GET /dash/validate: whoever gets an answer has a good key.
func (s *Server) validate(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, map[string]bool{"valid": true})
}

// organizationOptions serves GET /dash/organization/options: whether an organization
// is made with a first team.
func (s *Server) organizationOptions(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, map[string]bool{"teamsEnabled": s.on(Teams)})
}

// config is the answer of GET /dash/config, in the form of the reference. Where that tells
// of the application, which dashd does not know, it tells of dashd.
type config struct {
	Version          string         `json:"version"`
	SocialProviders  []string       `json:"socialProviders"`
	EmailAndPassword enabled        `json:"emailAndPassword"`
	Plugins          []plugin       `json:"plugins"`
	Organization     map[string]any `json:"organization"`
	User             map[string]any `json:"user"`
	BaseURL          string         `json:"baseURL"`
	BasePath         string         `json:"basePath"`
	Verification     map[string]any `json:"emailVerification"`
	Insights         map[string]any `json:"insights"`
}

type enabled struct {
	Enabled bool `json:"enabled"`
}

// plugin is a feature that is on.
type plugin struct {
	ID Feature `json:"id"`
}

// configuration serves GET /dash/config: what this node is set to do, as far as it shows in
// its answers. There is no secret among it.
func (s *Server) configuration(w http.ResponseWriter, r *request) error {
	base := s.Settings.PublicURL
	if base == "" {
		base = "http://" + r.Host
	}
	c := config{
		Version: s.Settings.Version, SocialProviders: []string{}, EmailAndPassword: enabled{true}, Plugins: []plugin{},
		Organization: map[string]any{"sendInvitationEmailEnabled": s.on(InvitationEmail), "additionalFields": none},
		User:         map[string]any{"fields": none, "additionalFields": none, "deleteUserEnabled": true},
		BaseURL:      base, BasePath: basePath,
		Verification: map[string]any{"sendVerificationEmailEnabled": s.on(EmailVerification)},
		Insights: map[string]any{
			"hasDatabase":             true,
			"activityTrackingEnabled": s.Settings.ActivityTracking,
			"backupCodesViewable":     s.Settings.BackupCodesViewable,
			"trustedOrigins":          slices.Sorted(maps.Keys(s.Settings.TrustedOrigins)),
			"redactedKeys":            slices.Sorted(maps.Keys(s.Settings.Redact)),
		},
	}
	for _, f := range slices.Sorted(maps.Keys(features)) {
		if s.on(f) {
			c.Plugins = append(c.Plugins, plugin{f})
		}
	}
	return writeJSON(w, http.StatusOK, c)
}
