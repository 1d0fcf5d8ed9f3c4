package httpapi

import (
	"net/http"
	"strings"

	"dashd/eventlog"
)

// userTypes and organizationTypes are the names that GET /events/types lists, in
// the package's order.
var (
	userTypes = []string{
		"user_created", "user_signed_in", "user_signed_out", "user_sign_in_failed",
		"password_reset_requested", "password_reset_completed", "password_changed",
		"email_verification_sent", "email_verified", "email_changed",
		"profile_updated", "profile_image_updated",
		"session_created", "session_revoked", "all_sessions_revoked",
		"two_factor_enabled", "two_factor_disabled", "two_factor_verified",
		"account_linked", "account_unlinked",
		"user_banned", "user_unbanned", "user_deleted",
		"user_impersonated", "user_impersonated_stopped",
	}
	organizationTypes = []string{
		"organization_created", "organization_updated",
		"organization_member_added", "organization_member_removed", "organization_member_role_updated",
		"organization_member_invited", "organization_member_invite_canceled",
		"organization_member_invite_accepted", "organization_member_invite_rejected",
		"organization_team_created", "organization_team_updated", "organization_team_deleted",
		"organization_team_member_added", "organization_team_member_removed",
	}
)

// eventTypes serves GET /events/types: the plugin's constants, and under aliases
// every other name by which the same types are known.
func (s *Server) eventTypes(w http.ResponseWriter, _ *request) error {
	var answer struct {
		User         constants         `json:"user"`
		Organization constants         `json:"organization"`
		All          constants         `json:"all"`
		Aliases      map[string]string `json:"aliases"`
	}
	answer.User = userTypes
	answer.Organization = organizationTypes
	answer.All = append(append(constants(nil), userTypes...), organizationTypes...)
	answer.Aliases = eventlog.Aliases()
	return writeJSON(w, http.StatusOK, answer)
}

// constants is an object from the name of a constant to its value, in order.
type constants []string

// MarshalJSON writes {"USER_CREATED":"user_created",...}.
func (c constants) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, name := range c {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, strings.ToUpper(name)...)
		out = append(out, `":"`...)
		out = append(out, name...)
		out = append(out, '"')
	}
	return append(out, '}'), nil
}
