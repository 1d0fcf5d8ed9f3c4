package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/httpapi"
)

// settled changes the settings of a daemon.
func settled(change func(*httpapi.Settings)) with {
	return func(o *httpapi.Options, _ *http.Server) { change(&o.Settings) }
}

// trusting trusts an origin.
func trusting(origin string) with {
	return settled(func(s *httpapi.Settings) { s.TrustedOrigins = map[string]bool{origin: true} })
}

// signIn makes a session of a user by an event of the application.
func (o *office) signIn(user, session string) {
	o.t.Helper()
	o.tell(eventlog.Event{Type: "session_created", UserID: user, SessionID: session}, `{"loginMethod":"email"}`)
}

// userState is all that the API says about users, as text.
func (o *office) userState() string {
	o.t.Helper()
	var b strings.Builder
	for _, path := range []string{"/dash/export-users", "/dash/sessions?limit=100", "/dash/user?userId=ada", "/dash/user?userId=grace"} {
		b.Write(o.ask("GET", path, "").body)
	}
	return b.String()
}

func TestUserRequestsThatAreRefused(t *testing.T) {
	o := openOffice(t, trusting("https://app.example.com"))
	o.signIn("ada", "s1")
	o.ask("POST", "/dash/user/password", `{"userId":"ada","password":"correct horse"}`)
	o.ask("POST", "/dash/user/2fa/enable", `{"userId":"grace"}`)
	o.ask("POST", "/dash/user/ban", `{"userId":"alan"}`)
	const (
		noUser     = "User not found"
		noID       = "[body.userId] Invalid input: expected string, received undefined"
		noFactor   = "Two-factor authentication not set up for this user"
		noLink     = "URL must be a valid http(s) URL without credentials"
		notTrusted = "Callback URL must use http(s) and match the auth base URL or a trusted origin."
	)
	name, reason := strings.Repeat("n", 256), strings.Repeat("r", 1001)
	before := o.userState()
	o.wantRefusals(t, []refused{
		{"a user without a name", "POST", "/dash/user", `{"email":"x@example.com"}`, 400, "[body.name] Invalid input: expected string, received undefined", ""},
		{"a user with an empty name", "POST", "/dash/user", `{"name":"","email":"x@example.com"}`, 400, "Too small: expected string to have >=1 characters", ""},
		{"a user with too long a name", "POST", "/dash/user", `{"name":"` + name + `","email":"x@example.com"}`, 400, "[body.name] " + tooLong, ""},
		{"a user with too long an image", "POST", "/dash/user", `{"name":"X","email":"x@example.com","image":"` + strings.Repeat("i", 32769) + `"}`, 400, "[body.image] Too big: expected string to have <=32768 characters", ""},
		{"a user with too long an e-mail address", "POST", "/dash/user", `{"name":"X","email":"` + strings.Repeat("x", 250) + `@example.com"}`, 400, "[body.email] Invalid email address", ""},
		{"a user with a short password", "POST", "/dash/user", `{"name":"X","email":"x@example.com","password":"1234567"}`, 400, "[body.password] Too small: expected string to have >=8 characters", ""},
		{"a user with a long password", "POST", "/dash/user", `{"name":"X","email":"x@example.com","password":"` + name + `"}`, 400, "[body.password] Too big: expected string to have <=128 characters", ""},
		{"a user who is verified perhaps", "POST", "/dash/user", `{"name":"X","email":"x@example.com","emailVerified":"yes"}`, 400, "[body.emailVerified] Invalid input: expected boolean, received string", ""},
		{"a second user with an e-mail address", "POST", "/dash/user", `{"name":"X","email":"ADA@example.com"}`, 400, "User with this email already exist", ""},
		{"a user in an unknown role", "POST", "/dash/user", `{"name":"X","email":"x@example.com","organizationId":"{acme}","organizationRole":"boss"}`, 400, "Invalid role. Allowed roles: member, admin, owner", ""},
		{"a user in an unknown organization", "POST", "/dash/user", `{"name":"X","email":"x@example.com","organizationId":"x"}`, 400, "Organization not found", ""},

		{"an update of nobody", "PATCH", "/dash/user", `{"name":"X"}`, 400, noID, ""},
		{"an update of an unknown user", "PATCH", "/dash/user", `{"userId":"x","name":"X"}`, 404, noUser, ""},
		{"an update of two", "PATCH", "/dash/user?userId=ada", `{"userId":"grace","name":"X"}`, 400, "User ID mismatch", ""},
		{"an update of nothing that may be changed", "PATCH", "/dash/user", `{"userId":"ada","role":"admin","banned":true}`, 400, "No valid fields to update", ""},
		{"no name", "PATCH", "/dash/user", `{"userId":"ada","name":null}`, 400, "[body.name] Invalid input: expected string, received null", ""},
		{"an empty name", "PATCH", "/dash/user", `{"userId":"ada","name":""}`, 400, "Too small: expected string to have >=1 characters", ""},
		{"the e-mail address of another", "PATCH", "/dash/user", `{"userId":"ada","email":"GRACE@example.com"}`, 400, "User with this email already exist", ""},

		{"the end of an unknown user", "DELETE", "/dash/user?userId=x", "", 404, noUser, ""},
		{"the end of an only owner", "DELETE", "/dash/user?userId=ada", "", 400, "You cannot leave the organization without an owner", ""},
		{"a ban of an unknown user", "POST", "/dash/user/ban", `{"userId":"x"}`, 404, noUser, ""},
		{"a ban with too long a reason", "POST", "/dash/user/ban", `{"userId":"ada","banReason":"` + reason + `"}`, 400, "[body.banReason] Too big: expected string to have <=1000 characters", ""},
		{"a ban until no time", "POST", "/dash/user/ban", `{"userId":"ada","banExpires":"soon"}`, 400, "[body.banExpires] Invalid input: expected number, received string", ""},
		{"a ban until after all time", "POST", "/dash/user/ban", `{"userId":"ada","banExpires":1e17}`, 400, "[body.banExpires] Too big: expected number to be <=8640000000000000", ""},
		{"a ban until before all time", "POST", "/dash/user/ban", `{"userId":"ada","banExpires":-1e17}`, 400, "[body.banExpires] Too small: expected number to be >=-8640000000000000", ""},
		{"an unban of an unknown user", "POST", "/dash/user/unban", `{"userId":"x"}`, 404, noUser, ""},
		{"a short password", "POST", "/dash/user/password", `{"userId":"ada","password":"1234567"}`, 400, "[body.password] Too small: expected string to have >=8 characters", ""},
		{"a long password", "POST", "/dash/user/password", `{"userId":"ada","password":"` + name + `"}`, 400, "[body.password] Too big: expected string to have <=128 characters", ""},
		{"a password of an unknown user", "POST", "/dash/user/password", `{"userId":"x","password":"long enough"}`, 404, noUser, ""},

		{"becoming an unknown user", "POST", "/dash/user/impersonate", `{"userId":"x"}`, 404, noUser, ""},
		{"becoming one who is banned", "POST", "/dash/user/impersonate", `{"userId":"alan"}`, 403, "You have been banned from this application. Please contact support if you believe this is an error.", "BANNED_USER"},
		{"becoming another for a moment", "POST", "/dash/user/impersonate", `{"userId":"ada","expiresIn":59}`, 400, "[body.expiresIn] Too small: expected number to be >=60", ""},
		{"becoming another for long", "POST", "/dash/user/impersonate", `{"userId":"ada","expiresIn":3601}`, 400, "[body.expiresIn] Too big: expected number to be <=3600", ""},
		{"being sent to another's site", "POST", "/dash/user/impersonate", `{"userId":"ada","redirectUrl":"https://app.example.com.evil.example/"}`, 400, "Invalid redirect URL", ""},
		{"being sent to a port of another", "POST", "/dash/user/impersonate", `{"userId":"ada","redirectUrl":"https://app.example.com:8443/"}`, 400, "Invalid redirect URL", ""},
		{"being sent there in clear", "POST", "/dash/user/impersonate", `{"userId":"ada","redirectUrl":"http://app.example.com/"}`, 400, "Invalid redirect URL", ""},
		{"being sent to a script", "POST", "/dash/user/impersonate", `{"userId":"ada","redirectUrl":"javascript:alert(1)"}`, 400, "[body.redirectUrl] " + noLink, ""},
		{"being sent with a password", "POST", "/dash/user/impersonate", `{"userId":"ada","redirectUrl":"https://a:b@app.example.com/"}`, 400, "[body.redirectUrl] " + noLink, ""},
		{"a token for an unknown key", "POST", "/dash/user/impersonate", `{"userId":"ada","keyId":"x"}`, 404, `no API key "x"`, "KEY_NOT_FOUND"},

		{"the end of no session", "POST", "/dash/session/revoke", `{}`, 400, "[body.sessionId] Invalid input: expected string, received undefined", ""},
		{"the end of an unknown session", "POST", "/dash/session/revoke", `{"sessionId":"x"}`, 404, "Session not found", ""},
		{"the end of another's session", "POST", "/dash/session/revoke", `{"sessionId":"s1","userId":"grace"}`, 404, "Session not found", ""},
		{"the end of nobody's sessions", "POST", "/dash/sessions/revoke-all", `{}`, 400, noID, ""},
		{"the end of an unknown user's sessions", "POST", "/dash/sessions/revoke-all", `{"userId":"x"}`, 404, noUser, ""},
		{"the end of some sessions", "DELETE", "/dash/sessions", "", 400, "[query.userId] Invalid input: expected string, received undefined", ""},
		{"the end of sessions of no list", "DELETE", "/dash/sessions", `{"sessionIds":"s1"}`, 400, "[body.sessionIds] Invalid input: expected array, received string", ""},

		{"the last account", "POST", "/dash/unlink-account", `{"userId":"ada","providerId":"credential","accountId":"` + o.account("ada") + `"}`, 400, "Cannot unlink the last account. This would lock the user out.", ""},
		{"an unknown account", "POST", "/dash/unlink-account", `{"userId":"ada","providerId":"credential","accountId":"x"}`, 404, "Account not found", ""},
		{"an account of an unknown user", "POST", "/dash/unlink-account", `{"userId":"x","providerId":"credential","accountId":"x"}`, 404, noUser, ""},

		{"a second factor of an unknown user", "POST", "/dash/user/2fa/enable", `{"userId":"x"}`, 404, noUser, ""},
		{"another second factor", "POST", "/dash/user/2fa/enable", `{"userId":"grace"}`, 400, "Two-factor authentication is already enabled for this user", ""},
		{"no second factor of an unknown user", "POST", "/dash/user/2fa/disable", `{"userId":"x"}`, 404, noUser, ""},
		{"the URI of no second factor", "GET", "/dash/user/2fa/totp-uri?userId=ada", "", 404, noFactor, ""},
		{"codes that were shown once", "GET", "/dash/user/2fa/backup-codes?userId=grace", "", 403, "Backup codes cannot be viewed after initial setup. Generate new codes instead.", "BACKUP_CODES_NOT_VIEWABLE"},
		{"codes without a second factor", "POST", "/dash/user/2fa/backup-codes/generate", `{"userId":"ada"}`, 404, noFactor, ""},
		{"the end of a set-up that did not begin", "POST", "/dash/complete-two-factor-setup", `{"userId":"ada"}`, 400, "Two-factor authentication setup has not been started", "TWO_FACTOR_SETUP_NOT_PENDING"},

		{"mail to an unknown user", "POST", "/dash/send-verification-email", `{"userId":"x","callbackUrl":"https://app.example.com/"}`, 404, noUser, ""},
		{"mail with a link elsewhere", "POST", "/dash/send-verification-email", `{"userId":"ada","callbackUrl":"https://evil.example/"}`, 400, notTrusted, ""},
		{"mail that nobody sends", "POST", "/dash/send-verification-email", `{"userId":"ada","callbackUrl":"https://app.example.com/"}`, 400, "Email verification is not enabled", ""},
		{"many mails that nobody sends", "POST", "/dash/send-many-verification-emails", `{"userIds":["ada"],"callbackUrl":"https://app.example.com/"}`, 400, "Email verification is not enabled", ""},
		{"a reset by mail that nobody sends", "POST", "/dash/send-reset-password-email", `{"userId":"ada","callbackUrl":"https://app.example.com/"}`, 400, "Reset password isn't enabled", "RESET_PASSWORD_DISABLED"},
		{"many deleted, without a list", "POST", "/dash/delete-many-users", `{}`, 400, "[body.userIds] Invalid input: expected array, received undefined", ""},

		{"sorting by no column", "GET", "/dash/users?sortBy=x", "", 400, `[query.sortBy] there is no column "x"`, ""},
		{"sorting sideways", "GET", "/dash/users?sortDirection=sideways", "", 400, `[query.sortDirection] Invalid option: expected one of "asc"|"desc"`, ""},
		{"a search in another column", "GET", "/dash/users?searchValue=a&searchField=id", "", 400, `[query.searchField] Invalid option: expected one of "email"|"name"`, ""},
		{"sessions by no order", "GET", "/dash/sessions?sortBy=userAgent", "", 400, `[query.sortBy] Invalid option: expected one of "createdAt"|"updatedAt"|"expiresAt"`, ""},
		{"sessions grouped by day", "GET", "/dash/sessions?groupBy=day", "", 400, `[query.groupBy] Invalid option: expected one of "user"`, ""},
		{"half of a user twice", "GET", "/dash/user?userId=ada&sessionOnly=true&accountOnly=true", "", 400, "Cannot use sessionOnly and accountOnly together", ""},
		{"an unknown user", "GET", "/dash/user?userId=x", "", 404, noUser, ""},
	})
	if after := o.userState(); after != before {
		t.Errorf("the refusals changed\n%s\nto\n%s", before, after)
	}
}

// account is the id of the one account of a user.
func (o *office) account(user string) string {
	o.t.Helper()
	u := decode[struct{ Account []struct{ ID string } }](o.t, o.ask("GET", "/dash/user?userId="+user, ""), http.StatusOK)
	if len(u.Account) != 1 {
		o.t.Fatalf("%d accounts of %s", len(u.Account), user)
	}
	return u.Account[0].ID
}

func TestImpersonateUser(t *testing.T) {
	o := openOffice(t, trusting("https://app.example.com"))
	head := o.node.Store.Head()
	a := o.ask("POST", "/dash/user/impersonate", `{"userId":"ada","impersonatedBy":"grace","reason":"ticket 7","expiresIn":120,"redirectUrl":"https://APP.example.com:443/home"}`)
	got := decode[struct {
		Success     bool
		Token       string
		RedirectURL string `json:"redirectUrl"`
		ExpiresAt   string
		User        struct{ ID string }
		Session     map[string]any
	}](t, a, http.StatusOK)
	if !got.Success || got.User.ID != "ada" || got.RedirectURL != "https://APP.example.com:443/home" || got.Session["expiresAt"] != got.ExpiresAt || got.Session["impersonatedBy"] != "grace" {
		t.Errorf("answer %s", a.body)
	}
	if _, told := got.Session["token"]; told {
		t.Error("the session's own token is shown")
	}
	types, metadata := o.events(head)
	if !slices.Equal(types, []string{"session.created", "user.impersonated"}) || metadata[1]["impersonatedBy"] != "Grace" || metadata[1]["reason"] != "ticket 7" {
		t.Errorf("events %v, %v", types, metadata)
	}
	parts := strings.Split(got.Token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q", got.Token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["userId"] != "ada" || claims["redirectUrl"] != got.RedirectURL || claims["apiKeyHash"] == nil || claims["sessionId"] != got.Session["id"] {
		t.Errorf("claims %v", claims)
	}
}

// What the tracking of activity shows, and what it does not while it is off.
func TestActivityTracking(t *testing.T) {
	for _, on := range []bool{false, true} {
		t.Run(fmt.Sprint(on), func(t *testing.T) {
			o := openOffice(t, settled(func(s *httpapi.Settings) { s.ActivityTracking = on }))
			o.signIn("ada", "s1")
			o.tell(eventlog.Event{Type: "user_updated", UserID: "grace"}, fmt.Sprintf(`{"set":{"lastActiveAt":%d}}`, o.now()-120_001))
			page := decode[struct {
				OnlineUsers             int
				ActivityTrackingEnabled bool
				Users                   []map[string]any
			}](t, o.ask("GET", "/dash/users?sortBy=name&sortOrder=asc", ""), http.StatusOK)
			_, shown := page.Users[0]["lastActiveAt"]
			count := decode[struct{ OnlineUsers int }](t, o.ask("GET", "/dash/users/online-count", ""), http.StatusOK)
			want := 0
			if on {
				want = 1
			}
			if page.ActivityTrackingEnabled != on || shown != on || page.OnlineUsers != want || count.OnlineUsers != want {
				t.Errorf("enabled %v, shown %v, online %d and %d", page.ActivityTrackingEnabled, shown, page.OnlineUsers, count.OnlineUsers)
			}
			u := decode[map[string]any](t, o.ask("GET", "/dash/user?userId=ada", ""), http.StatusOK)
			if (u["lastActiveAt"] != nil) != on {
				t.Errorf("lastActiveAt = %v", u["lastActiveAt"])
			}
		})
	}
}

func TestConditionsOnUsers(t *testing.T) {
	o := openOffice(t)
	o.ask("POST", "/dash/user/ban", `{"userId":"alan"}`)
	o.ask("POST", "/dash/user/ban", `{"userId":"edsger","banExpires":1000}`) // which is over
	tests := []struct {
		name, query string
		want        []string
		total       int
	}{
		{"a search in e-mail addresses", "searchValue=RACE@", []string{"grace"}, 1},
		{"a search in names", "searchValue=al&searchField=name&searchOperator=starts_with", []string{"alan"}, 1},
		{"a filter of texts", "filterField=name&filterValue=Ada", []string{"ada"}, 1},
		{"a filter of flags", "filterField=banned&filterValue=true", []string{"alan"}, 1},
		{"a filter of a list", "filterField=name&filterOperator=in&filterValue=Ada,Grace", []string{"ada", "grace"}, 2},
		{"a filter and a search and a where", "filterField=banned&filterValue=false&searchValue=a&where=" +
			url.QueryEscape(`[{"field":"name","operator":"ne","value":"Ada"}]`), []string{"edsger", "grace"}, 2},
		{"a count of its own", "searchValue=grace&countWhere=" + url.QueryEscape(`[{"field":"banned","value":false}]`), []string{"grace"}, 3},
		{"a page", "limit=1&offset=1", []string{"alan"}, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := decode[struct {
				Users []struct{ ID string }
				Total int
			}](t, o.ask("GET", "/dash/users?sortBy=name&sortOrder=asc&"+tt.query, ""), http.StatusOK)
			var got []string
			for _, u := range page.Users {
				got = append(got, u.ID)
			}
			if !slices.Equal(got, tt.want) || page.Total != tt.total {
				t.Errorf("%v of %d, want %v of %d", got, page.Total, tt.want, tt.total)
			}
		})
	}
	over := decode[map[string]any](t, o.ask("GET", "/dash/user?userId=edsger", ""), http.StatusOK)
	if over["banned"] != false || over["banExpires"] != nil {
		t.Errorf("a ban that is over: %v", over)
	}
}

func TestExportOfUsers(t *testing.T) {
	o := openOffice(t)
	a := o.ask("GET", "/dash/export-users?sortBy=name&sortOrder=asc", "")
	var names []string
	for line := range strings.Lines(string(a.body)) {
		var u struct{ Name string }
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatal(err)
		}
		names = append(names, u.Name)
	}
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" || !slices.Equal(names, []string{"Ada", "Alan", "Edsger", "Grace"}) {
		t.Errorf("%d %q %v", a.status, a.header.Get("Content-Type"), names)
	}
	if a := o.ask("GET", "/dash/export-users?where="+url.QueryEscape(`[{"field":"name","value":"nobody"}]`), ""); a.status != http.StatusOK || len(a.body) != 0 {
		t.Errorf("of nobody: %d %s", a.status, a.body)
	}
}

func TestSessionsAreListed(t *testing.T) {
	o := openOffice(t)
	for i := range 3 {
		o.signIn("ada", fmt.Sprintf("a%d", i))
		o.signIn("grace", fmt.Sprintf("g%d", i))
	}
	o.ask("PATCH", "/dash/user", `{"userId":"ada","name":"Ada L."}`)
	page := decode[struct {
		Sessions []struct {
			ID   string
			User struct{ Name, Email string }
		}
		Total, Limit, Offset int
	}](t, o.ask("GET", "/dash/sessions?userId=ada&limit=2&sortOrder=asc", ""), http.StatusOK)
	if page.Total != 3 || page.Limit != 2 || len(page.Sessions) != 2 || page.Sessions[0].User.Name != "Ada L." {
		t.Errorf("page %+v", page)
	}
	for _, path := range []string{"/dash/sessions?groupBy=user", "/dash/list-all-sessions"} {
		users := decode[[]struct {
			ID       string
			Sessions []struct{ ID string }
		}](t, o.ask("GET", path, ""), http.StatusOK)
		if len(users) != 2 || len(users[0].Sessions) != 3 || len(users[1].Sessions) != 3 {
			t.Errorf("%s: %+v", path, users)
		}
	}
	if a := o.ask("DELETE", "/dash/sessions?sessionIds=a0,g0&userId=ada", ""); !strings.Contains(string(a.body), `"deletedCount":1`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"https://App.example.com":   "https://app.example.com",
		"https://app.example.com/":  "https://app.example.com",
		"http://localhost:3000":     "http://localhost:3000",
		"https://a.example:443, ":   "https://a.example",
		"http://[::1]:80":           "http://::1",
		"ftp://a.example":           "refused",
		"a.example":                 "refused",
		"https://a.example/path":    "refused",
		"https://a.example?q":       "refused",
		"https://u:p@a.example":     "refused",
		"https://a.example#x":       "refused",
		"https://ok.example, wrong": "refused",
	} {
		origins, err := httpapi.ParseOrigins(text)
		switch {
		case want == "refused":
			if err == nil {
				t.Errorf("%q is taken as %v", text, origins)
			}
		case err != nil || want != "" && !origins[want] || want == "" && len(origins) != 0:
			t.Errorf("%q is %v, %v; want %q", text, origins, err, want)
		}
	}
}
