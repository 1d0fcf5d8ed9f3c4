package e2e_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"
	"testing"
)

// TestBetterAuthApplication plays the users of a Better Auth application, step
// by step. After each step the plugin must have sent what the step causes, and
// at the end every event must be readable once, as sent and in order, by every
// way there is. In between dashd ends twice, once politely and once not.
func TestBetterAuthApplication(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: this test starts Node.js and takes several seconds")
	}
	node := newDashd(t)
	proxy := newRecorder(t, node.url(""))
	app := startApp(t, proxy.URL)
	backend := reader{base: node.url(""), header: http.Header{"X-Api-Key": {apiKey}}}

	strangersTokenIsRefused(t, app, proxy)

	restarts := map[string]os.Signal{
		"Bob ends all his sessions": syscall.SIGTERM,
		"Ada founds Globex":         syscall.SIGKILL,
	}
	events, users := play(t, app, proxy, func(step string, events []sent) {
		if sig, ok := restarts[step]; ok {
			delete(restarts, step)
			wantReadableByKey(t, backend, events)
			node.restart(t, sig)
			wantReadableByKey(t, backend, events)
		}
	})
	if len(restarts) > 0 {
		t.Errorf("no such steps: %v", restarts)
	}

	t.Run("every kind of event took part", func(t *testing.T) {
		testKinds(t, app.as(users, "bob"), events)
	})
	t.Run("dashd answers by user and key", func(t *testing.T) {
		wantReadableByKey(t, backend, events)
	})
	t.Run("dashd answers by organization", func(t *testing.T) {
		testOrganizations(t, backend, events, users)
	})
	t.Run("the application answers its users", func(t *testing.T) {
		testThroughApplication(t, app, events, users)
	})

	t.Run("dashd's tables are those of the application", func(t *testing.T) {
		testTables(t, app, backend, users)
	})

	app.Signal(t, syscall.SIGTERM)
	if app.Err() != nil {
		t.Errorf("the application after SIGTERM: %v", app.Err())
	}
	if got := len(proxy.tracked(t, 0)); got != len(events) {
		t.Errorf("the plugin sent %d more events than its users caused", got-len(events))
	}
}

// strangersTokenIsRefused checks what would otherwise end the application: the
// plugin's fetch of the key set, which anybody can provoke.
func strangersTokenIsRefused(t *testing.T, a *app, proxy *recorder) {
	t.Helper()
	stranger := reader{base: a.url, header: http.Header{"Authorization": {"Bearer bogus"}}}
	stranger.get(t, "/api/auth/dash/validate", http.StatusUnauthorized)

	c := proxy.find(http.MethodGet, "/api/auth/jwks")
	if c == nil {
		t.Fatal("the plugin did not ask for the key set")
	}
	var set struct {
		Keys []struct{ Kty, Kid, Alg, D string }
	}
	err := json.Unmarshal(c.answer, &set)
	if err != nil || c.status != http.StatusOK || c.contentType != "application/json" {
		t.Fatalf("key set: %d %s %s", c.status, c.contentType, c.answer)
	}
	if len(set.Keys) == 0 {
		t.Error("the key set is empty")
	}
	for _, k := range set.Keys {
		if k.Kty == "" || k.Kid == "" || k.Alg == "" || k.D != "" {
			t.Errorf("key set: %s", c.answer)
		}
	}
	stranger.get(t, "/api/auth/ok", http.StatusOK)
}

// testKinds compares what was sent with the list that the plugin itself gives.
func testKinds(t *testing.T, bob reader, events []sent) {
	var plugin struct{ All map[string]string }
	decode(t, bob.get(t, "/api/auth/events/types", http.StatusOK), &plugin)
	// Listed, but this version of the plugin has no code that sends them.
	neverSent := []string{"email_changed", "two_factor_enabled", "two_factor_disabled", "two_factor_verified"}
	want := slices.DeleteFunc(slices.Sorted(maps.Values(plugin.All)), func(kind string) bool {
		return slices.Contains(neverSent, kind)
	})
	if got := slices.Compact(types(events)); !slices.Equal(got, want) {
		t.Errorf("kinds of events sent\n got %v\nwant %v", got, want)
	}
}

// wantReadableByKey checks GET /events/user for every key, also those of no
// user: organizations and "unknown".
func wantReadableByKey(t *testing.T, backend reader, events []sent) {
	t.Helper()
	for _, key := range keys(events) {
		got := backend.events(t, "/events/user", query("userId", key))
		if err := sameHistory(got, only(events, func(e event) bool { return e.Key == key })); err != nil {
			t.Errorf("events of key %s: %v", key, err)
		}
	}
}

// inside is what dashd counts as an event of the organization.
func inside(organization string) func(event) bool {
	return func(e event) bool { return e.Key == organization || e.data("organizationId") == organization }
}

// concerns is what dashd counts as an event about, or by, the user.
func concerns(user string) func(event) bool {
	return func(e event) bool {
		return e.Key == user || e.data("userId") == user || e.data("userid") == user || e.data("triggeredBy") == user
	}
}

func both(a, b func(event) bool) func(event) bool {
	return func(e event) bool { return a(e) && b(e) }
}

func either(a, b func(event) bool) func(event) bool {
	return func(e event) bool { return a(e) || b(e) }
}

func nothing(event) bool { return false }

func ofType(name string) func(event) bool {
	return func(e event) bool { return e.Type == name }
}

func testOrganizations(t *testing.T, backend reader, events []sent, c cast) {
	const organization, activity = "/events/organization", "/events/activity"
	acme, globex, bob := c.Organizations["acme"], c.Organizations["globex"], c.Users["bob"].ID
	in := func(organizations string, more ...string) url.Values {
		return query(append(more, "organizationIds", organizations)...)
	}
	ofEither := either(inside(acme), inside(globex))
	tests := []struct {
		name  string
		path  string
		query url.Values
		want  func(event) bool
	}{
		{"one organization", organization, query("organizationId", acme), inside(acme)},
		{"the other organization", organization, query("organizationId", globex), inside(globex)},
		{"an organization that is not", organization, query("organizationId", "nowhere"), inside("nowhere")},
		{"activity in one", activity, in(acme), inside(acme)},
		{"activity in both", activity, in(acme + "," + globex), ofEither},
		{"activity of a member", activity, in(acme, "userId", bob), both(inside(acme), concerns(bob))},
		{"a member of another organization is not found", activity, in(globex, "userId", bob), nothing},
		{
			"activity of one type", activity, in(acme+","+globex, "eventType", "organization_member_invited"),
			both(ofEither, ofType("organization_member_invited")),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := sameHistory(backend.events(t, tt.path, tt.query), only(events, tt.want)); err != nil {
				t.Error(err)
			}
		})
	}
}

// testThroughApplication asks the application's own endpoints, which ask dashd
// and then filter the page they got.
func testThroughApplication(t *testing.T, a *app, events []sent, c cast) {
	acme, globex := c.Organizations["acme"], c.Organizations["globex"]
	ada, bob := c.Users["ada"].ID, c.Users["bob"].ID
	own := func(user string) func(event) bool {
		return func(e event) bool { return e.Key == user }
	}
	// The application does not tell the display name.
	told := slices.Clone(events)
	for i := range told {
		told[i].DisplayName = ""
	}

	ofEither := either(inside(acme), inside(globex))
	const allLogs = "/api/auth/events/all-audit-logs"
	tests := []struct {
		name  string
		user  string
		path  string
		query url.Values
		want  func(event) bool
	}{
		{"a user reads his own events", "bob", "/api/auth/events/list", nil, own(bob)},
		{"a user reads her own audit log", "ada", "/api/auth/events/audit-logs", nil, own(ada)},
		{"an owner reads all her organizations", "ada", allLogs, nil, ofEither},
		{"an owner reads one of them", "ada", allLogs, query("organizationId", globex), inside(globex)},
		{"an owner reads about a member", "ada", allLogs, query("userId", bob), both(ofEither, concerns(bob))},
		{
			"an admin reads about the owner, in his organization only", "bob", allLogs,
			query("userId", ada), both(inside(acme), concerns(ada)),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := a.as(c, tt.user).events(t, tt.path, tt.query)
			if err := sameHistory(got, only(told, tt.want)); err != nil {
				t.Error(err)
			}
		})
	}

	// The next two are filtered by the application, page by page.
	const all = 100
	t.Run("a user reads his own events of one type", func(t *testing.T) {
		const name = "session_created"
		p := a.as(c, "bob").page(t, "/api/auth/events/list", query("eventType", name), all, 0)
		if err := sameHistory(p.list(t, false), only(told, both(own(bob), ofType(name)))); err != nil {
			t.Error(err)
		}
		if want := len(only(told, own(bob))); p.Total != want {
			t.Errorf("total = %d, want %d, the number before the filter", p.Total, want)
		}
	})
	t.Run("a member reads of his organization what concerns himself", func(t *testing.T) {
		p := a.as(c, "bob").page(t, "/api/auth/events/audit-logs", query("organizationId", acme), all, 0)
		himself := func(e event) bool { return e.data("userId") == bob }
		if err := sameHistory(p.list(t, false), only(told, both(inside(acme), himself))); err != nil {
			t.Error(err)
		}
	})
}

// query makes url.Values of names and values in turn.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for p := range slices.Chunk(pairs, 2) {
		q.Set(p[0], p[1])
	}
	return q
}

// as returns a reader that is signed in to the application.
func (a *app) as(c cast, user string) reader {
	return reader{base: a.url, header: http.Header{"Cookie": {c.Users[user].Cookie}}}
}
