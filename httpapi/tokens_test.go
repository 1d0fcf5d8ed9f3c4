package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/projections"
)

// trust makes a daemon trust the platforms and applications of projects.
func trust(t testing.TB, projects ...string) with {
	sets := keySets(t, projects...)
	return func(o *httpapi.Options, _ *http.Server) { o.Tokens = sets }
}

// bearer sends a GET with a token.
func (d *daemon) bearer(path, token string) answer {
	d.t.Helper()
	return d.call("GET", path, "", nil, "Authorization", "Bearer "+token)
}

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func TestTokensOfOperators(t *testing.T) {
	d := start(t, trust(t, "one", "other"))
	d.project("one")
	d.project("other")
	key := d.key("one", 0, "users:*").Text
	now := d.now() / 1000
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"iat": now - 1, "apiKeyHash": hashOf(key)}
		change(c)
		return c
	}
	good := claims(func(map[string]any) {})
	revoked, expired := d.key("one", 0, "*"), d.key("one", 1, "*")
	if _, err := d.commands.RevokeKey(context.Background(), projections.Operator("test"), commands.KeyRevoke{ID: revoked.ID}); err != nil {
		t.Fatal(err)
	}
	d.ahead.Store(2000)
	own, platform := d.own(), platformOf("one")
	hash := hashOf(key)
	for _, tt := range []struct {
		name, token string
		status      int
	}{
		{"signed by dashd", own.sign(good), 200},
		{"signed by the project's platform", platform.sign(good), 200},
		{"with an exp to come", own.sign(claims(func(c map[string]any) { c["exp"] = now + 60 })), 200},
		{"just expired, on a slow clock", own.sign(claims(func(c map[string]any) { c["exp"] = now - 30 })), 200},
		{"a minute ahead", own.sign(claims(func(c map[string]any) { c["iat"] = now + 50 })), 200},
		{"expired", own.sign(claims(func(c map[string]any) { c["exp"] = now - 100 })), 401},
		{"from the future", own.sign(claims(func(c map[string]any) { c["iat"] = now + 100 })), 401},
		{"not valid yet", own.sign(claims(func(c map[string]any) { c["nbf"] = now + 100 })), 401},
		{"too old", own.sign(claims(func(c map[string]any) { c["iat"] = now - 400; c["jti"] = "old" })), 401},
		{"without iat", own.sign(map[string]any{"apiKeyHash": hash}), 401},
		{"with an iat that is text", own.sign(claims(func(c map[string]any) { c["iat"] = fmt.Sprint(now) })), 401},
		{"without apiKeyHash", own.sign(map[string]any{"iat": now}), 401},
		{"with the hash of another key", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = hashOf("x") })), 401},
		{"with the hash in capitals", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = strings.ToUpper(hash) })), 401},
		{"with half the hash", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = hash[:32] })), 401},
		{"with more than the hash", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = hash + "00" })), 401},
		{"with the key instead of its hash", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = key })), 401},
		{"with a hash that is a list", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = []string{hash} })), 401},
		{"for a revoked key", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = hashOf(revoked.Text) })), 401},
		{"for an expired key", own.sign(claims(func(c map[string]any) { c["apiKeyHash"] = hashOf(expired.Text) })), 401},
		{"signed by another project's platform", platformOf("other").sign(good), 401},
		{"signed by the application, who signs for users", applicationOf("one").sign(good), 401},
		{"signed by nobody that is known", newSigner("a stranger").sign(good), 401},
		{"signed by a stranger under dashd's name", signer{own.kid, newSigner("a stranger").private}.sign(good), 401},
		{"with an actor that is a number", own.sign(claims(func(c map[string]any) { c["actorId"] = 5 })), 401},
		{"with an actor without end", own.sign(claims(func(c map[string]any) { c["actorId"] = strings.Repeat("a", 256) })), 401},
		{"with claims twice", own.signText(`{"alg":"EdDSA","kid":"`+own.kid+`"}`, fmt.Sprintf(`{"iat":%d,"iat":%d,"apiKeyHash":%q}`, now, now, hash)), 401},
		{"without an algorithm", own.signText(`{"alg":"none"}`, fmt.Sprintf(`{"iat":%d,"apiKeyHash":%q}`, now, hash)), 401},
		{"that brings its key", own.signText(`{"alg":"EdDSA","jku":"https://evil.example/"}`, fmt.Sprintf(`{"iat":%d,"apiKeyHash":%q}`, now, hash)), 401},
		{"huge", own.sign(claims(func(c map[string]any) { c["x"] = strings.Repeat("a", 8<<10) })), 401},
	} {
		a := d.bearer("/dash/users", tt.token)
		if a.status != tt.status || tt.status == 401 && string(a.body) != unauthorized {
			t.Errorf("a token %s: %d %s, want %d", tt.name, a.status, a.body, tt.status)
		}
	}
	// A token has the rights of its key, not more, and counts in one header only.
	d.bearer("/v1/events", own.sign(good)).wantError(t, http.StatusForbidden, "FORBIDDEN")
	d.bearer("/dash/users?project=other", own.sign(good)).wantError(t, http.StatusForbidden, "FORBIDDEN")
	d.call("GET", "/dash/users", own.sign(good), nil).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
}

// A fresh token may be used again, an older one once on any node, and to ask whether the key
// is good as often as one likes.
func TestTokensAreReplayed(t *testing.T) {
	d := start(t)
	now := d.now() / 1000
	token := func(age int64, jti string) string {
		claims := map[string]any{"iat": now - age}
		if jti != "" {
			claims["jti"] = jti
		}
		return d.token(d.root, claims)
	}
	for _, tt := range []struct {
		name, path, token string
		want              []int
	}{
		{"fresh", "/dash/users", token(1, "a"), []int{200, 200, 200}},
		{"fresh, without jti", "/dash/users", token(1, ""), []int{200, 200}},
		{"older", "/dash/users", token(60, "b"), []int{200, 401, 401}},
		{"older, under a name that was used", "/dash/organizations", token(90, "b"), []int{401}},
		{"older, without jti", "/dash/users", token(60, ""), []int{401}},
		{"older, to validate", "/dash/validate", token(60, "c"), []int{200, 200}},
		{"older, after it validated", "/dash/users", token(60, "c"), []int{200, 401}},
		{"older, on what does not exist", "/dash/user?userId=nobody", token(60, "d"), []int{404, 401}},
	} {
		for i, want := range tt.want {
			if a := d.bearer(tt.path, tt.token); a.status != want {
				t.Errorf("%s, use %d: %d %s, want %d", tt.name, i+1, a.status, a.body, want)
			}
		}
	}
	// What is refused anyway uses nothing up.
	weak := d.key("default", 0, "events:read").Text
	old := d.token(weak, map[string]any{"iat": now - 60, "jti": "e"})
	d.bearer("/dash/users", old).wantError(t, http.StatusForbidden, "FORBIDDEN")
	if a := d.bearer("/events/list", old); a.status != http.StatusOK {
		t.Errorf("a token that was refused is used up: %d %s", a.status, a.body)
	}
}

// What a token's claims name is what it may be used on, wherever else the request names
// something; and its actor is who the events are by.
func TestTokensAreLimitedToWhatTheyName(t *testing.T) {
	d := start(t)
	office := &office{d, map[string]string{}}
	office.person("ada")
	office.person("eve")
	post := func(path string, claims map[string]any, body string) answer {
		t.Helper()
		return d.call("POST", path, "", body, "Authorization", "Bearer "+d.token(d.root, claims), "Content-Type", "application/json")
	}
	for _, path := range []string{"/dash/ban-user", "/dash/user/ban", "/api/auth/dash/ban-user"} {
		post(path, map[string]any{}, `{"userId":"eve"}`).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
		post(path, map[string]any{"organizationId": "o"}, `{"userId":"eve"}`).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
		post(path, map[string]any{"userId": "ada"}, `{"userId":"eve"}`).wantError(t, http.StatusBadRequest, "USER_ID_MISMATCH")
		post(path+"?userId=eve", map[string]any{"userId": "ada"}, `{}`).wantError(t, http.StatusBadRequest, "USER_ID_MISMATCH")
		post(path, map[string]any{"userId": []string{"ada"}}, `{}`).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
	}
	post("/dash/delete-many-users", map[string]any{"userIds": []string{"ada"}}, `{"userIds":["ada","eve"]}`).wantError(t, http.StatusBadRequest, "USER_IDS_MISMATCH")
	for actor, claims := range map[string]map[string]any{
		"boss":    {"userId": "ada", "actorId": "boss", "sub": "deputy"},
		"deputy":  {"userId": "ada", "sub": "deputy"},
		d.keyID(): {"userId": "ada"},
	} {
		if a := post("/dash/ban-user", claims, `{"banReason":"x"}`); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		page := get[struct {
			Events []struct{ Metadata json.RawMessage }
		}](d, "/v1/events?type=user.banned&userId=ada&limit=1&order=seq", d.root)
		if by, _ := eventlog.MetadataText(page.Events[0].Metadata, "triggeredBy"); by != actor {
			t.Errorf("the event is by %q, want %q", by, actor)
		}
	}
}

// keyID is the id of the root key.
func (d *daemon) keyID() string {
	p, err := d.access.Image().Authenticate(d.root, d.now())
	if err != nil {
		d.t.Fatal(err)
	}
	return p.KeyID
}

func TestTokensOfUsers(t *testing.T) {
	d := start(t, trust(t, "one", "other", "nowhere"))
	key := d.project("one")
	d.project("other")
	now := d.now() / 1000
	sign := func(project string, change map[string]any) string {
		claims := map[string]any{"sub": "ada", "iat": now - 1, "exp": now + 600}
		maps.Copy(claims, change)
		for name, value := range claims {
			if value == nil {
				delete(claims, name)
			}
		}
		return applicationOf(project).sign(claims)
	}
	for i, user := range []string{"ada", "eve", "ada", "grace"} {
		if a := d.call("POST", "/ingest/events", key, fmt.Sprintf(
			`{"type":"user.logged_in","userId":%q,"sessionId":"s%d","metadata":{"userId":%q,"mark":"of-%s"}}`, user, i, user, user)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for _, m := range []struct{ user, organization, role string }{{"ada", "o1", "owner"}, {"eve", "o1", "member"}, {"grace", "o2", "member,admin"}} {
		if a := d.call("POST", "/ingest/events", key, fmt.Sprintf(
			`{"type":"member.added","userId":%q,"organizationId":%q,"metadata":{"userId":%q,"organizationId":%q,"memberId":"m-%s","role":%q,"mark":"of-%s"}}`,
			m.user, m.organization, m.user, m.organization, m.user, m.role, m.user)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	waitFolded(t, d)

	const notYours, notThere, notAdmin = "Not allowed to access another user's audit logs", "Not allowed to access this organization",
		"Only organization owners and admins can view activity logs."
	inO1 := map[string]any{"activeOrganizationId": "o1"}
	for _, tt := range []struct {
		name, path string
		change     map[string]any
		marks      string // whose events come back
		refusal    string
	}{
		{"his events", "/events/list", nil, "ada", ""},
		{"his events by his id", "/events/list?userId=ada", nil, "ada", ""},
		{"another's events", "/events/list?userId=eve", nil, "", notYours},
		{"his events by another name of the filter", "/events/list?search=eve", nil, "", ""},
		{"his events, searched", "/events/list?q=of-eve", nil, "", ""},
		{"his log", "/events/audit-logs", nil, "ada", ""},
		{"another's log", "/events/audit-logs?userId=eve", nil, "", notYours},
		{"the log of his organization", "/events/audit-logs?organizationId=o1", inO1, "ada", ""},
		{"the log of an organization he does not work in now", "/events/audit-logs?organizationId=o1", nil, "", notThere},
		{"the log of another organization", "/events/audit-logs?organizationId=o2", inO1, "", notThere},
		{"the log of those he owns", "/events/all-audit-logs", nil, "ada eve", ""},
		{"the log of one he owns", "/events/all-audit-logs?organizationId=o1", nil, "ada eve", ""},
		{"the log of one he does not own", "/events/all-audit-logs?organizationId=o2", nil, "", notAdmin},
		{"the log about another in those he owns", "/events/all-audit-logs?userId=eve", nil, "eve", ""},
		{"the log about somebody elsewhere", "/events/all-audit-logs?userId=grace", nil, "", ""},
		{"the log, as a plain member", "/events/all-audit-logs", map[string]any{"sub": "eve"}, "", notAdmin},
		{"the log, with several roles", "/events/all-audit-logs", map[string]any{"sub": "grace"}, "grace", ""},
		{"somebody without events", "/events/list", map[string]any{"sub": "nobody"}, "", ""},
	} {
		a := d.bearer(tt.path, sign("one", tt.change))
		if tt.refusal != "" {
			var body struct{ Message string }
			if _ = json.Unmarshal(a.body, &body); a.status != http.StatusForbidden || body.Message != tt.refusal {
				t.Errorf("%s: %d %s, want 403 %s", tt.name, a.status, a.body, tt.refusal)
			}
			continue
		}
		for _, user := range []string{"ada", "eve", "grace"} {
			if want := strings.Contains(tt.marks, user); a.status != 200 || bytes.Contains(a.body, []byte("of-"+user)) != want {
				t.Errorf("%s: %d, events of %s: want %v\n%s", tt.name, a.status, user, want, a.body)
			}
		}
	}

	for name, token := range map[string]string{
		"of another project's application": sign("other", nil),
		"of a project that does not exist": sign("nowhere", nil),
		"without a user":                   sign("one", map[string]any{"sub": nil}),
		"without an end":                   sign("one", map[string]any{"exp": nil}),
		"expired":                          sign("one", map[string]any{"exp": now - 100}),
		"that also names a key":            sign("one", map[string]any{"apiKeyHash": hashOf(key)}),
		"of the platform":                  platformOf("one").sign(map[string]any{"sub": "ada", "iat": now, "exp": now + 60}),
		"of nobody":                        newSigner("x").sign(map[string]any{"sub": "ada", "iat": now, "exp": now + 60}),
	} {
		a := d.bearer("/events/list", token)
		if name == "of another project's application" {
			if a.status != 200 || bytes.Contains(a.body, []byte("of-")) {
				t.Errorf("a token %s: %d %s", name, a.status, a.body)
			}
		} else if string(a.body) != unauthorized {
			t.Errorf("a token %s: %d %s", name, a.status, a.body)
		}
	}
	for _, rt := range httpapi.Routes() {
		if rt.Scope == httpapi.Public || rt.EndUsers {
			continue
		}
		for _, at := range placesOf(rt) {
			if a := d.call(at[0], at[1], "", nil, "Authorization", "Bearer "+sign("one", nil)); string(a.body) != unauthorized {
				t.Errorf("%s %s with a user's token: %d %s", at[0], at[1], a.status, a.body)
			}
		}
	}
}

// waitFolded waits until what was acknowledged is in the tables.
func waitFolded(t testing.TB, d *daemon) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.node.Dash.Wait(ctx, d.node.Store.Head()); err != nil {
		t.Fatal(err)
	}
}
