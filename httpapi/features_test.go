package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dashd/httpapi"
)

// The table of the contract's §2.8: what is answered when a feature is off.
func TestFeaturesCanBeSwitchedOff(t *testing.T) {
	const (
		noOrganizations = `{"organizations":[],"total":0,"offset":0,"limit":10}`
		done            = `{"success":true}`

		organizations = "Organization plugin not enabled"
		teams         = "Teams are not enabled"
		sso           = "SSO plugin is not enabled or feature is not supported in your plugin version"
		directories   = "SCIM plugin is not enabled or does not support this feature"
		twoFactor     = "Two-factor authentication plugin is not enabled"
	)
	o := openOffice(t)
	for _, tt := range []struct {
		off                string
		method, path, body string
		want               string // the whole answer, or the message of a 400
	}{
		{"organization", "GET", "/dash/organizations", "", noOrganizations},
		{"organization", "GET", "/dash/organization?organizationId={acme}", "", organizations},
		{"organization", "GET", "/dash/organization/options", "", `{"teamsEnabled":false}`},
		{"organization", "GET", "/dash/organization/members?organizationId={acme}", "", `[]`},
		{"organization", "GET", "/dash/organization/teams?organizationId={acme}", "", `[]`},
		{"organization", "GET", "/dash/organization/team/members?organizationId={acme}&teamId={core}", "", `[]`},
		{"organization", "GET", "/dash/organization/invitations?organizationId={acme}", "", `[]`},
		{"organization", "GET", "/dash/organization/sso-providers?organizationId={acme}", "", `[]`},
		{"organization", "GET", "/dash/organization/directories?organizationId={acme}", "", `[]`},
		{"organization", "GET", "/dash/user-organizations?userId=ada", "", `{"organizations":[]}`},
		{"organization", "GET", "/dash/export-organizations", "", organizations},
		{"organization", "POST", "/dash/organization", `{"userId":"ada","name":"A","slug":"a"}`, organizations},
		{"organization", "PATCH", "/dash/organization", `{"organizationId":"{acme}","name":"A"}`, organizations},
		{"organization", "DELETE", "/dash/organization?organizationId={acme}", "", organizations},
		{"organization", "POST", "/dash/organization/delete-many", `{"organizationIds":["{acme}"]}`, organizations},
		{"organization", "POST", "/dash/organization/check-user-by-email", `{"organizationId":"{acme}","email":"ada@example.com"}`, organizations},
		{"organization", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger"}`, organizations},
		{"organization", "POST", "/dash/organization/team", `{"organizationId":"{acme}","name":"A"}`, organizations},
		{"organization", "POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"a@example.com","role":"member"}`, organizations},
		{"organization", "POST", "/dash/organization/sso-provider", `{"organizationId":"{acme}"}`, organizations},
		{"organization", "POST", "/dash/organization/directory", `{"organizationId":"{acme}"}`, organizations},

		{"teams", "GET", "/dash/organization/options", "", `{"teamsEnabled":false}`},
		{"teams", "GET", "/dash/organization/teams?organizationId={acme}", "", `[]`},
		{"teams", "GET", "/dash/organization/team/members?organizationId={acme}&teamId={core}", "", `[]`},
		{"teams", "POST", "/dash/organization/team", `{"organizationId":"{acme}","name":"A"}`, teams},
		{"teams", "PATCH", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"{core}","name":"A"}`, teams},
		{"teams", "DELETE", "/dash/organization/team?organizationId={acme}&teamId={core}", "", teams},
		{"teams", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"alan"}`, teams},
		{"teams", "DELETE", "/dash/organization/team/member?organizationId={acme}&teamId={core}&userId=ada", "", teams},

		{"admin", "POST", "/dash/user/ban", `{"userId":"ada"}`, done},
		{"admin", "POST", "/dash/user/unban", `{"userId":"ada"}`, done},

		{"two-factor", "POST", "/dash/user/2fa/enable", `{"userId":"ada"}`, twoFactor},
		{"two-factor", "POST", "/dash/user/2fa/disable", `{"userId":"ada"}`, "Two-factor authentication is not enabled"},
		{"two-factor", "GET", "/dash/user/2fa/totp-uri?userId=ada", "", twoFactor},
		{"two-factor", "GET", "/dash/user/2fa/backup-codes?userId=ada", "", twoFactor},
		{"two-factor", "POST", "/dash/user/2fa/backup-codes/generate", `{"userId":"ada"}`, twoFactor},

		{"sso", "GET", "/dash/organization/sso-providers?organizationId={acme}", "", `[]`},
		{"sso", "POST", "/dash/organization/sso-provider", `{"organizationId":"{acme}"}`, sso},
		{"sso", "PATCH", "/dash/organization/sso-provider", `{"organizationId":"{acme}"}`, sso},
		{"sso", "DELETE", "/dash/organization/sso-provider?organizationId={acme}", "", sso},
		{"sso", "POST", "/dash/organization/sso-provider/verify-domain", `{"organizationId":"{acme}"}`, sso},

		{"directory-sync", "GET", "/dash/organization/directories?organizationId={acme}", "", `[]`},
		{"directory-sync", "POST", "/dash/organization/directory", `{"organizationId":"{acme}"}`, directories},
		{"directory-sync", "DELETE", "/dash/organization/directory?organizationId={acme}", "", directories},
		{"directory-sync", "POST", "/dash/organization/directory/token", `{"organizationId":"{acme}"}`, directories},

		{"invitation-email", "POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"a@example.com","role":"member"}`, "Invitation email is not enabled"},
		{"invitation-email", "POST", "/dash/organization/invite/resend", `{"organizationId":"{acme}","invitationId":"x"}`, "Invitation email is not enabled"},

		{"email-verification", "POST", "/dash/send-verification-email", `{"userId":"ada","callbackUrl":"https://x.example/"}`, "Email verification is not enabled"},
	} {
		t.Run(tt.off+": "+tt.method+" "+tt.path, func(t *testing.T) {
			before := o.node.Store.Head()
			a := o.askWithout(tt.off, tt.method, tt.path, tt.body)
			switch got := string(a.body); {
			case strings.ContainsAny(tt.want[:1], "[{"):
				if a.status != http.StatusOK || got != tt.want {
					t.Errorf("got %d %s, want %s", a.status, got, tt.want)
				}
			case decode[struct{ Message string }](t, a, http.StatusBadRequest).Message != tt.want:
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if head := o.node.Store.Head(); head != before {
				types, _ := o.events(before)
				t.Errorf("what is off has appended %v", types)
			}
		})
	}
}

// What is on still knows of what is off: no first team is made, nobody is shown as banned, and
// nothing is said of second factors.
func TestWhatIsOffIsNotShownElsewhere(t *testing.T) {
	o := openOffice(t)
	wantSuccess(t, o.ask("POST", "/dash/user/ban", `{"userId":"alan"}`))

	id := decode[struct{ ID string }](t, o.askWithout("teams", "POST", "/dash/organization", `{"userId":"ada","name":"A","slug":"a"}`), http.StatusOK).ID
	if teams := o.list("/dash/organization/teams?organizationId=" + id); len(teams) != 0 {
		t.Errorf("an organization made without teams has %v", teams)
	}
	own := decode[struct{ Organizations []struct{ Teams []any } }](t, o.askWithout("teams", "GET", "/dash/user-organizations?userId=ada", ""), http.StatusOK)
	if len(own.Organizations) != 2 || len(own.Organizations[0].Teams) != 0 {
		t.Errorf("without teams, Ada is in %v", own)
	}
	type shown struct {
		Banned          bool
		TwoFactorStatus any
	}
	path := "/dash/user?userId=alan"
	if with := decode[shown](t, o.ask("GET", path, ""), http.StatusOK); !with.Banned || with.TwoFactorStatus == nil {
		t.Errorf("Alan is %+v", with)
	}
	if without := decode[shown](t, o.askWithout("admin,two-factor", "GET", path, ""), http.StatusOK); without.Banned || without.TwoFactorStatus != nil {
		t.Errorf("without bans and second factors, Alan is %+v", without)
	}
}

// askWithout is ask with features switched off.
func (o *office) askWithout(names, method, path, body string) answer {
	o.t.Helper()
	off, err := httpapi.ParseFeatures(names)
	if err != nil {
		o.t.Fatal(err)
	}
	options := o.options(slog.New(slog.DiscardHandler))
	options.Settings.Off = off
	r := httptest.NewRequest(method, o.fill(path), strings.NewReader(o.fill(body)))
	r.Header.Set("X-Api-Key", o.root)
	if r.Header.Set("Content-Type", "application/json"); body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	w := httptest.NewRecorder()
	httpapi.New(options).Handler(false).ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

func TestFeaturesAreKnownByName(t *testing.T) {
	off, err := httpapi.ParseFeatures(" teams , sso,,")
	if err != nil || len(off) != 2 || !off[httpapi.Teams] || !off[httpapi.SSO] {
		t.Errorf("got %v, %v", off, err)
	}
	if off, err := httpapi.ParseFeatures("teams,tems"); err == nil {
		t.Errorf("tems is taken for %v", off)
	}
	all, err := httpapi.ParseFeatures(strings.Join(httpapi.FeatureNames(), ","))
	if err != nil || len(all) != 8 {
		t.Errorf("of all names, %v, %v", all, err)
	}
}
