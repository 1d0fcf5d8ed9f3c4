package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/internal/refusals"
	"dashd/projections"
)

// recording is the recorder of a daemon's refusals.
type recording struct {
	*refusals.Recorder
	t      testing.TB
	limits refusals.Limits
	end    func() // writes what there is; nothing is recorded afterwards
}

// record gives a daemon the recorder.
func (rec *recording) record(o *httpapi.Options, _ *http.Server) {
	if rec.Recorder == nil {
		rec.Recorder = refusals.New(refusals.Options{Log: o.Log, Now: o.Now, Trail: o.Commands, Limits: rec.limits})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- rec.Run(ctx) }()
		rec.end = sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				rec.t.Errorf("the recorder ended with %v", err)
			}
		})
		rec.t.Cleanup(rec.end) // before the node ends
	}
	o.Refusals = rec
}

// refusal is what the trail says of a refused request, or of a number of them.
type refusal struct {
	eventlog.Record
	said struct {
		Method, Route, Reason, KeyID, ProjectID, UserID, Source string
		Refused                                                 int
	}
}

func (r refusal) String() string {
	return strings.TrimRight(fmt.Sprint(r.said.Method, " ", r.said.Route, " ", r.said.Reason, " ", r.said.ProjectID, " ", r.said.KeyID, r.said.UserID), " ")
}

// refusals are those in the trail, in order. Whatever they are about, they have nothing that
// any of the secrets is made of.
func (d *daemon) refusals(rec *recording, secrets ...string) (all []refusal) {
	d.t.Helper()
	rec.end()
	for seq := uint64(1); seq <= d.node.Store.Head(); seq++ {
		r := refusal{}
		var err error
		if r.Record, err = d.node.Store.Read(seq); err != nil {
			d.t.Fatal(err)
		}
		if r.Type != eventlog.DashdRequestRefused && r.Type != eventlog.DashdRequestRefusals {
			continue
		}
		if err := json.Unmarshal(r.Metadata, &r.said); err != nil {
			d.t.Fatal(err)
		}
		text := fmt.Appendf(nil, "%+v %s", r.Record, r.Metadata)
		for _, secret := range append(secrets, d.secrets...) {
			if bytes.Contains(text, []byte(secret)) {
				d.t.Errorf("%s holds %q", text, secret)
			}
		}
		all = append(all, r)
	}
	return all
}

// Each route, in each of its places, with each credential that is not good for it: the answer
// tells strangers nothing, and the trail has an event for each that says why.
func TestRoutesAndCredentials(t *testing.T) {
	const unlimited = 1 << 30
	rec := &recording{t: t, limits: refusals.Limits{PerSource: unlimited, Events: unlimited}}
	d := start(t, trust(t, "one", "other"), rec.record)
	d.project("one")
	d.project("other")
	revoked, expired := d.key("one", 0, "*"), d.key("one", 60, "*")
	if _, err := d.commands.RevokeKey(context.Background(), projections.Operator("test"), commands.KeyRevoke{ID: revoked.ID}); err != nil {
		t.Fatal(err)
	}
	d.ahead.Store(61_000)
	other := d.key("other", 0, "*")
	// The other credentials, and what the trail says of them.
	foreign := platformOf("one").sign(map[string]any{"iat": d.now()/1000 - 1, "apiKeyHash": hashOf(other.Text)})
	stranger := newSigner("x").sign(map[string]any{"iat": d.now() / 1000, "apiKeyHash": hashOf(other.Text)})
	users, good := d.userToken("one", "ada", ""), d.token(other.Text, nil)
	ofRevoked, ofExpired := d.token(revoked.Text, nil), d.token(expired.Text, nil)
	saysRevoked, saysExpired := "revoked_key one "+revoked.ID, "expired_key one "+expired.ID
	credentials := []struct{ name, header, value, says string }{
		{"no key", "X-None", "", "no_key"},
		{"a wrong key", "X-Api-Key", "dash_00000000_wrong", "wrong_key"},
		{"a wrong bearer", "Authorization", "Bearer xyzzy", "wrong_key"},
		{"no bearer", "Authorization", "Bearer", "no_key"},
		{"a right key in another scheme", "Authorization", "Basic " + other.Text, "no_key"},
		{"a revoked key", "X-Api-Key", revoked.Text, saysRevoked},
		{"an expired key", "Authorization", "Bearer " + expired.Text, saysExpired},
		{"a token of a revoked key", "Authorization", "Bearer " + ofRevoked, saysRevoked},
		{"a token of an expired key", "Authorization", "Bearer " + ofExpired, saysExpired},
		{"a token of another project's key", "Authorization", "Bearer " + foreign, "other_project other " + other.ID},
		{"a token signed by nobody", "Authorization", "Bearer " + stranger, "bad_token"},
		{"a token in the header of keys", "X-Api-Key", good, "wrong_key"},
		{"a user's token, where he may not ask", "Authorization", "Bearer " + users, "bad_token"},
	}
	keys := keysForOtherScopes(d)
	var want []string
	for _, rt := range httpapi.Routes() {
		if rt.Scope == httpapi.Public {
			continue
		}
		for _, at := range placesOf(rt) {
			says := func(what string) { want = append(want, at[0]+" "+at[2]+" "+what) }
			for _, c := range credentials {
				if rt.EndUsers && strings.HasPrefix(c.name, "a user's") {
					continue
				}
				says(c.says)
				if a := d.call(at[0], at[1], "", nil, c.header, c.value); a.status != http.StatusUnauthorized || string(a.body) != unauthorized {
					t.Errorf("%s %s with %s: %d %s", at[0], at[1], c.name, a.status, a.body)
				}
			}
			if rt.Scope != httpapi.AnyKey {
				says("missing_scope default " + keys[rt.Scope].ID)
				d.call(at[0], at[1], keys[rt.Scope].Text, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
			}
			if projections.Spans(rt.Scope) {
				says("missing_scope other " + other.ID)
				d.call(at[0], at[1], other.Text, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
			} else {
				says("other_project other " + other.ID)
				d.call(at[0], at[1]+"?project=one", other.Text, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
			}
			if !rt.KeyInURL {
				says("key_in_url other " + other.ID)
				d.call(at[0], at[1]+"?key="+other.Text, "", nil).wantError(t, http.StatusBadRequest, "KEY_IN_URL")
			}
		}
	}
	t.Logf("%d refusals", len(want))
	var got []string
	for _, r := range d.refusals(rec, "xyzzy", "x-organizationId", "key=", "00000000", foreign, stranger, users, good, ofRevoked, ofExpired) {
		got = append(got, r.String())
		project := r.said.ProjectID
		if project == "" {
			project = eventlog.ReservedProject
		}
		if r.Project != eventlog.ReservedProject || r.Key != project || r.ActorID != r.said.KeyID || r.Status != eventlog.Failed || r.IPAddress != "127.0.0.1" {
			t.Fatalf("%s: %+v", r, r.Event)
		}
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("refusal %d is in the trail as %q, want %q", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events for %d refusals", len(got), len(want))
	}
}

// keysForOtherScopes has for each scope of a route a key that has all the others.
func keysForOtherScopes(d *daemon) map[string]commands.CreatedKey {
	keys := map[string]commands.CreatedKey{}
	for _, rt := range httpapi.Routes() {
		if rt.Scope == httpapi.Public || keys[rt.Scope].ID != "" {
			continue
		}
		var others []string
		for _, scope := range projections.Scopes() {
			family, _, _ := strings.Cut(rt.Scope, ":")
			if scope != projections.ScopeAll && scope != rt.Scope && scope != family+":*" {
				others = append(others, scope)
			}
		}
		keys[rt.Scope] = d.key("default", 0, others...)
	}
	return keys
}

// The trail also has what good tokens ask for that they do not reach, and what is seen to be
// wrong late; it has nothing of what is refused to anybody, or over the admin socket.
func TestWhichRefusalsAreInTheTrail(t *testing.T) {
	rec := &recording{t: t}
	d := start(t, trust(t, "one"), rec.record)
	d.project("one")
	k := d.key("one", 0, "*")
	used := d.own().sign(map[string]any{"iat": d.now()/1000 - 100, "jti": "planted-jti", "apiKeyHash": hashOf(k.Text)})
	limited := d.token(k.Text, map[string]any{"organizationId": "planted-organization"})
	ada := d.userToken("one", "ada", "")
	for _, tt := range []struct {
		name, method, path, key, token string
		status                         int
	}{
		{"an aged token", "GET", "/dash/users", "", used, 200},
		{"the same again", "GET", "/dash/users", "", used, 401},
		{"a token for another organization", "GET", "/dash/organization/o9/directories", "", limited, 401},
		{"another user's events", "GET", "/events/list?userId=planted-user", "", ada, 403},
		{"the events of an organization that is not his", "GET", "/events/all-audit-logs", "", ada, 403},
		{"a path that is nowhere", "GET", "/planted-path", "planted-key", "", 404},
		{"a method that is not", "DELETE", "/v1/events", "planted-key", "", 405},
		{"a project that is not", "GET", "/v1/keys?project=planted-project", d.root, "", 404},
		{"a query that is none", "GET", "/v1/events?%zz", "planted-key", "", 400},
		{"a page of another site", "POST", "/v1/keys", "planted-key", "", 403},
		{"what is refused to anybody", "PATCH", "/dash/user", k.Text, "", 400},
		{"a HEAD with a wrong key", "HEAD", "/v1/events", "planted-key", "", 401},
	} {
		pairs := []string{}
		if tt.token != "" {
			pairs = append(pairs, "Authorization", "Bearer "+tt.token)
		}
		if tt.name == "a page of another site" {
			pairs = append(pairs, "Sec-Fetch-Site", "cross-site")
		}
		if a := d.call(tt.method, tt.path, tt.key, nil, pairs...); a.status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, a.status, a.body, tt.status)
		}
	}
	for _, path := range []string{"/v1/events", "/v1/events?project=none", "/v1/keys?key=planted-key"} {
		if a, err := d.try(d.socket, "GET", path, "planted-key", nil); err != nil || a.status >= 500 {
			t.Errorf("%s over the socket: %d %v", path, a.status, err)
		}
	}
	var got []string
	for _, r := range d.refusals(rec, "planted", "%zz", used, limited, ada) {
		got = append(got, r.String())
	}
	want := []string{
		"GET /dash/users used_token one " + k.ID,
		"GET /dash/organization/{organizationId}/directories beyond_token one " + k.ID,
		"GET /events/list beyond_token one ada",
		"GET /events/all-audit-logs beyond_token one ada",
		"HEAD /v1/events wrong_key",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the trail has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a source is refused beyond its share is a number, which the operator finds beside the
// events, and no project's key does.
func TestRefusalsAreLimited(t *testing.T) {
	rec := &recording{t: t}
	d := start(t, rec.record)
	for range 500 {
		d.call("GET", "/v1/events", "wrong", nil)
	}
	rec.end()
	get := func(where, key, typ string) []map[string]any {
		at, path := d.public, "/v1/events?limit=1000&type="+typ
		if key == "" {
			at, path = d.socket, path+"&project="+where
		}
		a, err := d.try(at, "GET", path, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		return decode[struct{ Events []map[string]any }](t, a, http.StatusOK).Events
	}
	if n := len(get("_dashd", "", "dashd.request.refused")); n != 20 {
		t.Errorf("%d events, want 20", n)
	}
	counts := get("_dashd", "", "dashd.request.refusals")
	if len(counts) != 1 {
		t.Fatalf("%d counts, want 1", len(counts))
	}
	said := counts[0]["metadata"].(map[string]any)
	if fmt.Sprintf("%v %v %v", said["refused"], said["source"], said["reasons"]) != "480 127.0.0.1 map[wrong_key:480]" {
		t.Errorf("the count is %v", said)
	}
	if n := len(get("", d.root, "dashd.*")); n != 0 {
		t.Errorf("a key sees %d events of the trail", n)
	}
}
