package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"dashd/httpapi"
)

// The exchanges that are about no area in particular.
var systemContracts = []contract{
	{file: "common-errors", build: buildCommonErrors, settings: switchedOff},
	{file: "extra-system"},
	{file: "app-events"},
	{file: "get-events-types", build: asUser("user_001", "")},
	{file: "get-events-list", build: buildEventList},
	{file: "get-events-audit-logs", build: buildAuditLogs},
	{file: "extra-events", build: buildAllAuditLogs},
}

// asUser makes requests those of a user of the application.
func asUser(user, organization string) func(*scene, *exchange) {
	return func(_ *scene, x *exchange) { x.user, x.organization = user, organization }
}

// buildCommonErrors makes the few users there are, and the credentials that the recording only
// speaks of.
func buildCommonErrors(s *scene, x *exchange) {
	switch {
	case x.Case == "features-disabled":
		s.tell(person("user_001", "Ada", "ada@example.com", 0, nil))
	case x.Case == "token-reuse":
		for i, name := range []string{"Ada", "Bob", "Cyd", "Dee"} {
			s.tell(person("user_00"+string(rune('1'+i)), name, strings.ToLower(name)+"@example.com", i+1, told{"role": "user"}))
		}
		token := s.token(s.key, nil)
		for range 2 { // the third time is the one that was recorded
			if a := s.serve("GET", "/dash/list-users", "", "Authorization", "Bearer "+token); a.status != http.StatusOK {
				s.t.Fatalf("%d %s", a.status, a.body)
			}
		}
		x.bearer = token
	}
	switch x.Note {
	case "not a JWT":
		x.bearer = "not-a-jwt"
	case "wrong apiKeyHash":
		x.bearer = s.token("another key", nil)
	case "issued 400 s ago":
		x.bearer = s.token(s.key, map[string]any{"iat": s.now()/1000 - 400})
	}
	if x.Response.Status == http.StatusUnsupportedMediaType {
		x.contentType, x.Request.Body = "application/x-www-form-urlencoded", []byte("name=x")
	}
}

// switchedOff are the settings of an application without the plugins.
func switchedOff(x *exchange) []with {
	var off []httpapi.Feature
	switch x.Case {
	case "features-disabled":
		off = []httpapi.Feature{httpapi.Organizations, httpapi.Admin, httpapi.TwoFactor, httpapi.EmailVerification}
	case "teams-disabled":
		off = []httpapi.Feature{httpapi.Teams, httpapi.SSO, httpapi.Directories, httpapi.InvitationEmail}
	}
	return []with{func(o *httpapi.Options, _ *http.Server) {
		o.Settings.ActivityTracking = x.Case == "token-reuse"
		o.Settings.Off = map[httpapi.Feature]bool{}
		for _, f := range off {
			o.Settings.Off[f] = true
		}
	}}
}

// track reports an event as the plugin does.
func (s *scene) track(eventType, key string, data, place told) {
	s.t.Helper()
	body := told{"eventType": eventType, "eventKey": key, "eventDisplayName": eventType, "eventData": data}
	maps.Copy(body, place)
	s.must("POST", "/events/track", jsonOf(body))
}

// buildEventList reports what Ada had done.
func buildEventList(s *scene, x *exchange) {
	x.user = "user_001"
	who := told{"userId": "user_001", "userName": "Ada Lovelace", "userEmail": "ada@example.com", "triggeredBy": "user_001", "triggerContext": "user"}
	session := told{"sessionId": "session_002", "loginMethod": "email", "userAgent": "UA"}
	maps.Copy(session, who)
	germany := told{"ipAddress": "203.0.113.7", "countryCode": "DE"}
	s.track("user_created", "user_002", told{"userId": "user_002", "userName": "Grace Hopper", "userEmail": "grace@example.com"}, nil)
	s.track("user_created", "user_001", who, nil)
	linked := told{"accountId": "account_001", "providerId": "credential"}
	maps.Copy(linked, who)
	s.track("account_linked", "user_001", linked, nil)
	s.track("organization_member_added", "organization_001", told{
		"organizationId": "organization_001", "organizationSlug": "acme", "organizationName": "Acme Inc", "userId": "user_001",
		"memberName": "Ada Lovelace", "role": "owner", "memberId": "member_001", "memberEmail": "ada@example.com",
		"triggeredBy": "user_001", "triggerContext": "organization",
	}, nil)
	s.track("user_signed_in", "user_001", session, germany)
	s.track("session_created", "user_001", session, germany)
	s.folded()
}

// buildAuditLogs makes Ada work in Acme where the recording does.
func buildAuditLogs(s *scene, x *exchange) {
	buildEventList(s, x)
	if x.Case == "audit-logs-organization" {
		x.organization = "organization_001"
	}
}

// buildAllAuditLogs makes an organization with much to tell.
func buildAllAuditLogs(s *scene, x *exchange) {
	s.tell(append(people(), founded("organization_001", "Acme Inc", "acme", 6, nil), founded("organization_002", "Globex", "globex", 7, nil))...)
	if x.user = "user_001"; x.Note == "plain member" {
		x.user = "user_003"
	}
	for i, m := range []struct{ user, name, role string }{
		{"user_001", "Ada", "owner"}, {"user_002", "Grace", "admin"}, {"user_003", "Alan", "member"}, {"user_002", "Grace", "member"},
	} {
		s.track("organization_member_added", "organization_001", told{
			"organizationId": "organization_001", "organizationSlug": "acme", "organizationName": "Acme Inc", "userId": m.user,
			"memberName": m.name, "role": m.role, "memberId": fmt.Sprint("member_00", i), "memberEmail": m.name + "@example.com",
			"triggeredBy": m.user, "triggerContext": "organization",
		}, nil)
	}
	acme := told{"organizationId": "organization_001", "organizationSlug": "acme", "organizationName": "Acme Corp", "triggeredBy": "user_001", "triggerContext": "organization"}
	for range 2 {
		s.track("organization_updated", "organization_001", acme, nil)
	}
	s.folded()
}
