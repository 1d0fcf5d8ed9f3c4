package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/projections"
)

const unauthorized = `{"message":"Invalid API key","code":"UNAUTHORIZED"}`

// Whatever routes there are: nobody gets in without a key that is good for it.
func TestEveryRouteIsGuarded(t *testing.T) {
	d := start(t)
	d.project("one")
	d.project("other")
	revoked := d.key("one", 0, "*")
	if _, err := d.commands.RevokeKey(context.Background(), projections.Operator("test"), commands.KeyRevoke{ID: revoked.ID}); err != nil {
		t.Fatal(err)
	}
	expired := d.key("one", 60, "*")
	d.ahead.Store(61_000)
	var all []string
	for _, rt := range httpapi.Routes() {
		if rt.Scope != httpapi.Public && rt.Scope != httpapi.AnyKey && !slices.Contains(all, rt.Scope) {
			all = append(all, rt.Scope)
		}
	}

	for _, rt := range httpapi.Routes() {
		path := strings.ReplaceAll(rt.Pattern, ":id", "k1")
		if rt.Scope == httpapi.Public {
			for _, key := range []string{"", "wrong", revoked.Text} {
				for _, method := range []string{rt.Method, "HEAD"} {
					if a := d.call(method, path, key, nil); a.status != http.StatusOK {
						t.Errorf("%s %s with the key %q: %d %s", method, path, key, a.status, a.body)
					}
				}
			}
			continue
		}
		for _, tt := range []struct{ name, key string }{
			{"no key", ""},
			{"a wrong key", "dash_00000000_wrong"},
			{"a revoked key", revoked.Text},
			{"an expired key", expired.Text},
		} {
			for _, header := range []string{"X-Api-Key", "Authorization"} {
				value := tt.key
				if header == "Authorization" {
					value = "Bearer " + tt.key
				}
				a := d.call(rt.Method, path, "", nil, header, value)
				if a.status != http.StatusUnauthorized || string(a.body) != unauthorized {
					t.Errorf("%s %s with %s in %s: %d %s", rt.Method, path, tt.name, header, a.status, a.body)
				}
			}
		}
		scopes := []string{rt.Scope}
		if rt.Scope == httpapi.AnyKey {
			scopes = all
		} else {
			others := slices.DeleteFunc(slices.Clone(all), func(scope string) bool { return scope == rt.Scope })
			d.call(rt.Method, path, d.key("default", 0, others...).Text, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
		}

		// A key that is good for its own project. Those who manage projects may name
		// another one for its keys; that is TestKeysOfAnotherProject.
		home := "one"
		if projections.Spans(rt.Scope) {
			home = "default"
			// Every right in another project is none here.
			d.call(rt.Method, path, d.key("one", 0, "*").Text, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
		}
		own := d.key(home, 0, scopes[0]).Text
		for _, project := range []string{"other", "no-such-project", "_dashd"} {
			d.call(rt.Method, path+"?project="+project, own, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
		}

		inURL := path + "?key=" + own
		if !rt.KeyInURL {
			d.call(rt.Method, inURL, "", nil).wantError(t, http.StatusBadRequest, "KEY_IN_URL")
			d.call(rt.Method, inURL, own, nil).wantError(t, http.StatusBadRequest, "KEY_IN_URL")
		} else if a := d.call(rt.Method, inURL, "", nil); a.status == http.StatusUnauthorized || a.status >= 500 {
			t.Errorf("%s %s with the key in the URL: %d %s", rt.Method, path, a.status, a.body)
		}
	}
}

func TestKeyInURLIsForTheStudioOnly(t *testing.T) {
	var got []string
	for _, rt := range httpapi.Routes() {
		if rt.KeyInURL {
			got = append(got, rt.Method+" "+rt.Pattern)
		}
	}
	want := "POST /ingest/studio, GET /api/events, GET /api/events/count"
	if strings.Join(got, ", ") != want {
		t.Errorf("the key may be in the URL of %v, want %s", got, want)
	}
}

func TestKeysOfAnotherProject(t *testing.T) {
	d := start(t)
	d.project("one")
	d.project("other")
	manager := d.key("default", 0, "keys:*", "projects:*", "events:read").Text

	created := decode[commands.CreatedKey](t, d.call("POST", "/v1/keys?project=other", manager,
		`{"name":"n","scopes":["events:read"]}`), http.StatusOK)
	d.secrets = append(d.secrets, created.Text)
	if created.Project != "other" || created.Text == "" {
		t.Errorf("created %+v", created.Key)
	}
	list := d.call("GET", "/v1/keys?project=other", manager, nil)
	if !strings.Contains(string(list.body), created.ID) || strings.Contains(string(list.body), created.Text) {
		t.Errorf("the list of keys is %s", list.body)
	}
	d.call("GET", "/v1/keys?project=nowhere", manager, nil).wantError(t, http.StatusNotFound, "PROJECT_NOT_FOUND")
	d.call("GET", "/v1/keys?project=_dashd", manager, nil).wantError(t, http.StatusNotFound, "PROJECT_NOT_FOUND")
	d.call("GET", "/v1/events?project=other", manager, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")

	// One who manages only the keys of his own project sees and ends no others.
	own := d.key("one", 0, "keys:*").Text
	d.call("DELETE", "/v1/keys/"+created.ID, own, nil).wantError(t, http.StatusNotFound, "KEY_NOT_FOUND")
	d.call("POST", "/v1/keys", own, `{"project":"other","scopes":["keys:*"]}`).wantError(t, http.StatusNotFound, "PROJECT_NOT_FOUND")
	d.call("POST", "/v1/keys", own, `{"scopes":["*"]}`).wantError(t, http.StatusForbidden, "FORBIDDEN")

	if a := d.call("GET", "/v1/events", created.Text, nil); a.status != http.StatusOK {
		t.Fatalf("the created key opens nothing: %d %s", a.status, a.body)
	}
	if a := d.call("DELETE", "/v1/keys/"+created.ID, manager, nil); a.status != http.StatusOK {
		t.Fatalf("revoke: %d %s", a.status, a.body)
	}
	if a := d.call("GET", "/v1/events", created.Text, nil); string(a.body) != unauthorized {
		t.Errorf("a key opens %s after its revocation was answered", a.body)
	}
}

func TestOperatorNamesTheProject(t *testing.T) {
	d := start(t)
	d.project("one")
	operator := func(method, path string, body any) answer {
		t.Helper()
		a, err := d.try(d.socket, method, path, "", body)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	operator("GET", "/v1/events", nil).wantError(t, http.StatusBadRequest, "PROJECT_REQUIRED")
	operator("POST", "/ingest/events", `{"type":"user.joined"}`).wantError(t, http.StatusBadRequest, "PROJECT_REQUIRED")
	operator("GET", "/v1/events?project=nowhere", nil).wantError(t, http.StatusNotFound, "PROJECT_NOT_FOUND")
	operator("POST", "/ingest/events?project=_dashd", `{"type":"user.joined"}`).wantError(t, http.StatusNotFound, "PROJECT_NOT_FOUND")
	for _, path := range []string{"/v1/events?project=one", "/v1/events?project=_dashd", "/v1/projects", "/v1/status", "/v1/keys?project=one"} {
		if a := operator("GET", path, nil); a.status != http.StatusOK {
			t.Errorf("GET %s over the admin socket: %d %s", path, a.status, a.body)
		}
	}
	if a := operator("POST", "/ingest/events?project=one", `{"type":"user.joined"}`); a.status != http.StatusOK {
		t.Errorf("ingest over the admin socket: %d %s", a.status, a.body)
	}
}

func TestKeysFitTheDocument(t *testing.T) {
	d := start(t)
	key := d.root
	for _, tt := range []struct{ name, path, body, contentType, code string }{
		{"a body that is not JSON", "/v1/keys", `{`, "application/json", "BAD_REQUEST"},
		{"no body", "/v1/keys", ``, "application/json", "VALIDATION_ERROR"},
		{"a list", "/v1/keys", `[]`, "application/json", "VALIDATION_ERROR"},
		{"a number for a name", "/v1/projects", `{"id":"p","name":5}`, "application/json", "VALIDATION_ERROR"},
		{"no scopes", "/v1/keys", `{}`, "application/json; charset=utf-8", "INVALID_SCOPE"},
		{"a scope that does not exist", "/v1/keys", `{"scopes":["root"]}`, "", "INVALID_SCOPE"},
		{"an odd project id", "/v1/projects", `{"id":"../x"}`, "application/json", "INVALID_PROJECT_ID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.call("POST", tt.path, key, tt.body, "Content-Type", tt.contentType).wantError(t, http.StatusBadRequest, tt.code)
		})
	}
	a := d.call("POST", "/v1/projects", key, `{"id":"p","name":5}`)
	if want := `{"message":"[body.name] Invalid input: expected string, received number","code":"VALIDATION_ERROR"}`; string(a.body) != want {
		t.Errorf("got %s\nwant %s", a.body, want)
	}
	a = d.call("POST", "/v1/keys", key, `scopes=*`, "Content-Type", "application/x-www-form-urlencoded")
	if want := `{"message":"Content-Type \"application/x-www-form-urlencoded\" is not allowed. Allowed types: application/json","code":"UNSUPPORTED_MEDIA_TYPE"}`; a.status != http.StatusUnsupportedMediaType || string(a.body) != want {
		t.Errorf("got %d %s\nwant %s", a.status, a.body, want)
	}
	for range 2 { // the second is a repeat
		a := d.call("POST", "/v1/projects", key, `{"id":"twice"}`, "Idempotency-Key", "k")
		if a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	d.call("POST", "/v1/projects", key, `{"id":"twice"}`).wantError(t, http.StatusConflict, "PROJECT_EXISTS")
	if list := d.call("GET", "/v1/projects", key, nil); strings.Count(string(list.body), `"id":"twice"`) != 1 {
		t.Errorf("projects: %s", list.body)
	}
}
