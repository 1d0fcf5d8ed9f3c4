package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dashd/internal/errs"
)

// Feature is a part of the dashboard's API that an operator can switch off, because
// the application does without it. What is stored of it stays stored.
type Feature string

// The features. All are on unless Settings.Off says otherwise.
const (
	Organizations     Feature = "organization"
	Teams             Feature = "teams"
	Admin             Feature = "admin" // bans
	TwoFactor         Feature = "two-factor"
	SSO               Feature = "sso"
	Directories       Feature = "directory-sync"
	InvitationEmail   Feature = "invitation-email"
	EmailVerification Feature = "email-verification"
)

// features says of each feature which one it is a part of, if any, and what a route
// that needs it answers when it is off.
var features = map[Feature]struct {
	within  Feature
	refusal string
}{
	Organizations:     {"", "Organization plugin not enabled"},
	Teams:             {Organizations, "Teams are not enabled"},
	Admin:             {"", "Admin plugin is not enabled"},
	TwoFactor:         {"", "Two-factor authentication plugin is not enabled"},
	SSO:               {Organizations, "SSO plugin is not enabled or feature is not supported in your plugin version"},
	Directories:       {Organizations, "SCIM plugin is not enabled or does not support this feature"},
	InvitationEmail:   {Organizations, "Invitation email is not enabled"},
	EmailVerification: {"", "Email verification is not enabled"},
}

// FeatureNames are the names of all features, sorted.
func FeatureNames() []string {
	var names []string
	for f := range features {
		names = append(names, string(f))
	}
	slices.Sort(names)
	return names
}

// ParseFeatures reads the names of features, with commas between.
func ParseFeatures(text string) (map[Feature]bool, error) {
	found := map[Feature]bool{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if _, ok := features[Feature(name)]; !ok {
			return nil, fmt.Errorf("there is no feature %q", name)
		}
		found[Feature(name)] = true
	}
	return found, nil
}

// on reports whether a feature, and the one it is a part of, is on. The empty feature
// always is.
func (s *Server) on(f Feature) bool { return s.missing(f) == "" }

// missing returns the outermost feature that is off of f and what it is a part of, or "".
func (s *Server) missing(f Feature) Feature {
	if f == "" {
		return ""
	}
	if outer := s.missing(features[f].within); outer != "" {
		return outer
	}
	if s.Settings.Off[f] {
		return f
	}
	return ""
}

// gate is the handler of a row whose feature may be off: then whenOff is the answer,
// unless it is nil or a refusal.
func (s *Server) gate(rt *route) func(http.ResponseWriter, *request) error {
	off := s.missing(rt.feature)
	if off == "" {
		return rt.handle
	}
	return func(w http.ResponseWriter, _ *request) error {
		switch answer := rt.whenOff.(type) {
		case nil:
			return featureOff(features[off].refusal)
		case refusal:
			return featureOff(string(answer))
		default:
			return writeJSON(w, http.StatusOK, answer)
		}
	}
}

// refusal is a message for when a feature is off that is not the feature's own.
type refusal string

func featureOff(message string) error { return errs.New(errs.Invalid, codeOf(message), "%s", message) }

// none is the answer of a bare list whose feature is off.
var none = []struct{}{}
