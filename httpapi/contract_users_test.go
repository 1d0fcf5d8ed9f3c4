package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"dashd/httpapi"
)

// userContracts are replayed in the state that population makes, less or more what an exchange
// needs.
var userContracts = []contract{
	{file: "get-dash-users", build: func(s *scene, x *exchange) {
		if x.Case != "list-users-activity-tracking" {
			s.population(8)
			return
		}
		s.tell(person("user_001", "Renamed", "ada@example.com", 0, told{"role": "user", "image": "https://x.example/i.png", "lastActiveAt": at(28)}),
			person("user_002", "Root", "root@example.com", 1, told{"role": "admin", "lastActiveAt": at(17)}),
			person("user_003", "Via admin", "via@example.com", 18, told{"role": "user"}))
	}, settings: tracked},
	{file: "get-dash-users-online-count", build: func(s *scene, x *exchange) {
		if s.tell(people()...); x.index == 1 {
			for i, ago := range []int{119, 121} {
				seen := recordedAt.UnixMilli() - int64(ago)*1000
				s.tell(told{"type": "user.updated", "userId": fmt.Sprintf("user_00%d", i+1), "metadata": told{"set": told{"lastActiveAt": seen}}})
			}
		}
	}, settings: func(*exchange) []with { return activity }},
	{file: "get-dash-user", build: func(s *scene, x *exchange) {
		s.population(4)
		s.must("POST", "/dash/user/password", `{"userId":"user_001","password":"correct horse"}`)
		switch x.Case {
		case "user-detail-banned":
			s.must("POST", "/dash/user/ban", `{"userId":"user_001","banReason":"abuse","banExpires":1775001600000}`)
		case "user-detail-2fa":
			s.must("POST", "/dash/user/2fa/enable", `{"userId":"user_001"}`)
		case "user-detail-2fa-pending":
			s.pending("user_003")
		case "user-detail-activity-tracking":
			s.tell(signedIn("session_001", "user_001", 7, nil), told{"type": "user.updated", "userId": "user_001", "metadata": told{
				"set": told{"lastActiveAt": at(28), "image": "https://x.example/i.png", "name": "Renamed"},
			}})
		case "user-detail-expired-session":
			s.tell(told{"type": "session.created", "userId": "user_002", "sessionId": "session_002", "timestamp": at(-700000), "metadata": told{
				"userId": "user_002", "set": told{"expiresAt": at(-600000)},
			}}, told{"type": "user.updated", "userId": "user_002", "metadata": told{"set": told{"lastActiveAt": nil}}})
		default:
			s.tell(signedIn("session_001", "user_001", 7, nil), signedIn("session_002", "user_001", 8, nil))
		}
	}, settings: tracked},
	{file: "post-dash-user", build: func(s *scene, x *exchange) {
		s.tell(person("user_001", "Ada Lovelace", "ada@example.com", 0, nil))
		switch {
		case x.Case == "create-user-in-organization":
			s.tell(founded("organization_001", "Acme", "acme", 3, nil), joined("member_001", "organization_001", "user_001", "owner", 3))
		case x.Note == "malformed JSON":
			x.Request.Body = []byte(`{"name":`)
		}
	}, settings: func(x *exchange) []with {
		if x.Case == "create-user-in-organization" { // that application tracked activity
			return activity
		}
		return nil
	}},
	{file: "patch-dash-user", build: func(s *scene, x *exchange) {
		s.population(4)
		if x.index > 1 {
			s.must("PATCH", "/dash/user", `{"userId":"user_002","image":"https://img.example.com/g.png"}`)
		}
	}},
	{file: "delete-dash-user", build: func(s *scene, x *exchange) {
		s.population(4)
		s.tell(founded("organization_001", "Acme", "acme", 3, told{"metadata": `{"a":1}`}), joined("member_001", "organization_001", "user_001", "owner", 3))
		if x.Case == "organizations-list-ownerless" {
			s.tell(joined("member_002", "organization_001", "user_003", "member", 4), joined("member_003", "organization_001", "user_002", "member", 5))
			s.must("DELETE", "/dash/user?userId=user_001&force=true", "")
		}
	}},
	{file: "post-dash-user-ban", build: func(s *scene, _ *exchange) {
		s.population(4)
		s.tell(signedIn("session_001", "user_001", 7, nil), signedIn("session_002", "user_002", 8, nil))
	}},
	{file: "post-dash-user-unban", build: func(s *scene, _ *exchange) {
		s.population(4)
		s.must("POST", "/dash/user/ban", `{"userId":"user_001"}`)
	}},
	{file: "post-dash-user-password", build: func(s *scene, x *exchange) {
		if s.population(4); x.index != 1 {
			s.must("POST", "/dash/user/password", `{"userId":"user_001","password":"correct horse"}`)
		}
	}},
	{file: "post-dash-user-impersonate"},

	{file: "get-dash-sessions", build: recordedSessions},
	{file: "delete-dash-sessions", build: withSessions},
	{file: "post-dash-session-revoke", build: withSessions},
	{file: "post-dash-sessions-revoke-all", build: withSessions},

	{file: "post-dash-user-2fa-enable", build: func(s *scene, x *exchange) {
		s.population(4)
		if strings.HasSuffix(fmt.Sprint(x.Response.Body), "already enabled") || x.index == 6 {
			s.must("POST", "/dash/user/2fa/enable", `{"userId":"user_001"}`)
		}
	}},
	{file: "post-dash-user-2fa-disable", build: func(s *scene, x *exchange) {
		if s.population(4); x.index == 0 {
			s.must("POST", "/dash/user/2fa/enable", `{"userId":"user_001"}`)
		}
	}},
	{file: "get-dash-user-2fa-totp-uri", build: withSecondFactor},
	{file: "get-dash-user-2fa-backup-codes", build: withSecondFactor, settings: func(x *exchange) []with {
		if x.index == 1 { // as it was until 0.2.11
			return []with{func(o *httpapi.Options, _ *http.Server) { o.Settings.BackupCodesViewable = true }}
		}
		return nil
	}},
	{file: "post-dash-user-2fa-backup-codes-generate", build: withSecondFactor},

	{file: "extra-users", build: func(s *scene, x *exchange) {
		if strings.HasPrefix(x.Case, "user-organizations") {
			s.tell(append(company(), formed("team_002", "organization_001", "Platform Engineering", 29),
				teamed("team_member_001", "organization_001", "team_002", "user_002", 30))...)
			s.must("PATCH", "/dash/organization", `{"organizationId":"organization_001","logo":"https://img.example.com/acme.png"}`)
			s.must("PATCH", "/dash/organization/team", `{"organizationId":"organization_001","teamId":"team_002","name":"Platform"}`)
			if x.Case == "user-organizations-empty" {
				s.tell(told{"type": "member.removed", "organizationId": "organization_001", "userId": "user_001", "metadata": told{"memberId": "member_001"}})
			}
			return
		}
		s.population(8)
		switch x.Case {
		case "unlink-account", "unlink-account-errors":
			s.tell(linked("account_001", "user_001", "credential"))
			if x.index != 4 {
				s.tell(linked("account_gh", "user_001", "github"))
			}
		case "two-factor-complete-setup":
			s.pending("user_003")
		case "send-verification-email", "send-verification-email-errors", "send-many-verification-emails":
			s.must("PATCH", "/dash/user", `{"userId":"user_001","emailVerified":true}`)
		}
	}, settings: func(*exchange) []with {
		origins, err := httpapi.ParseOrigins("https://auth.example.com")
		if err != nil {
			panic(err) // it is a literal
		}
		return []with{func(o *httpapi.Options, _ *http.Server) { o.Settings.TrustedOrigins = origins }}
	}},
}

// recordedSessions makes the sessions that were recorded, and those who have them.
func recordedSessions(s *scene, x *exchange) {
	var users []struct {
		ID, Name, Email string
		CreatedAt       string
		Sessions        []struct{ ID, CreatedAt, ExpiresAt, Country, City string }
	}
	if err := json.Unmarshal(exchanges(s.t, x.file)[0].Response.Body, &users); err != nil {
		s.t.Fatal(err)
	}
	for _, u := range users {
		s.tell(person(u.ID, u.Name, u.Email, 0, told{"role": "user", "createdAt": u.CreatedAt}))
		for _, one := range u.Sessions {
			s.tell(told{
				"type": "session.created", "userId": u.ID, "sessionId": one.ID, "timestamp": one.CreatedAt,
				"metadata": told{"set": told{"expiresAt": one.ExpiresAt, "country": one.Country, "city": one.City}},
			})
		}
	}
}

func withSessions(s *scene, _ *exchange) {
	s.population(4)
	for i, user := range []string{"user_001", "user_001", "user_001", "user_001", "user_002"} {
		s.tell(signedIn(fmt.Sprintf("session_00%d", i+1), user, 7+i, nil))
	}
}

func withSecondFactor(s *scene, _ *exchange) {
	s.population(4)
	s.must("POST", "/dash/user/2fa/enable", `{"userId":"user_001"}`)
}

// population are the first n users of the recorded application.
func (s *scene) population(n int) {
	s.t.Helper()
	all := []any{
		person("user_001", "Ada Lovelace", "ada@example.com", 0, told{"role": "user"}),
		person("user_002", "Grace Hopper", "grace@example.com", 4, told{"role": "user", "emailVerified": true}),
		person("user_003", "Alan Turing", "alan@example.com", 5, told{"role": "user"}),
		person("user_004", "Edsger", "edsger@example.com", 6, told{"role": "user", "image": "https://img.example.com/e.png"}),
		person("user_005", "short", "short@example.com", 11, told{"role": "user"}),
		person("user_006", "Evil", "evil@example.com", 12, told{"role": "user"}),
		person("user_007", "Plus", "ada+tag@example.com", 13, told{"role": "user"}),
		person("user_008", "Org", "orgless@example.com", 16, told{"role": "user"}),
	}
	s.tell(all[:n]...)
}

// pending has a user begin to set up a second factor.
func (s *scene) pending(user string) {
	s.t.Helper()
	s.tell(told{"type": "two_factor.enabled", "userId": user, "metadata": told{"set": told{"pending": true}}})
}

// tracked tracks activity where the recorded application did.
func tracked(x *exchange) []with {
	if strings.HasSuffix(x.Case, "-activity-tracking") || x.Case == "user-detail-expired-session" {
		return activity
	}
	return nil
}

// activity switches the tracking of activity on.
var activity = []with{func(o *httpapi.Options, _ *http.Server) { o.Settings.ActivityTracking = true }}
