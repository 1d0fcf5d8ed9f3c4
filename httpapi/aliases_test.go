package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"dashd/httpapi"
)

// filled puts values for the parameters of a pattern.
func filled(pattern string) string {
	for _, name := range []string{"organizationId", "teamId", "providerId", "credentialId", "id"} {
		pattern = strings.NewReplacer("{"+name+"}", "x-"+name, ":"+name, "x-"+name).Replace(pattern)
	}
	return pattern
}

// placesOf are all methods and paths under which a row is answered, and their patterns.
func placesOf(rt httpapi.Route) (all [][3]string) {
	for _, at := range append([]string{rt.Method + " " + rt.Pattern}, rt.Aliases...) {
		method, pattern, _ := strings.Cut(at, " ")
		path := filled(pattern)
		all = append(all, [3]string{method, path, pattern})
		if strings.HasPrefix(path, "/dash/") {
			all = append(all, [3]string{method, "/api/auth" + path, pattern})
		}
	}
	return all
}

// At each of its places a row is answered, as one row: with the same refusal to strangers.
func TestEveryPlaceIsAnswered(t *testing.T) {
	d := start(t)
	n := 0
	for _, rt := range httpapi.Routes() {
		if rt.Scope == httpapi.Public {
			continue
		}
		for _, at := range placesOf(rt) {
			n++
			if a := d.call(at[0], at[1], "", nil); string(a.body) != unauthorized {
				t.Errorf("%s %s without a key: %d %s", at[0], at[1], a.status, a.body)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d places", n)
	}
}

// The paths of sections 1 and 17 of the contract. GET /dash/impersonate-user is not among
// them: nothing is changed by a GET.
func TestReferencePaths(t *testing.T) {
	have := map[string]bool{}
	for _, rt := range httpapi.Routes() {
		for _, at := range placesOf(rt) {
			have[at[0]+" "+at[1]] = true
		}
	}
	for line := range strings.Lines(string(readFile(t, "reference-paths.txt"))) {
		path := filled(strings.TrimSpace(line))
		if !have[path] {
			t.Errorf("%s is not answered", path)
		}
	}
}

func TestMethodsOfPathsWithParameters(t *testing.T) {
	d := start(t)
	for _, tt := range []struct {
		method, path, allow string
		status              int
	}{
		{"PUT", "/dash/organization/o1/members", "GET, HEAD, OPTIONS", http.StatusMethodNotAllowed},
		{"OPTIONS", "/dash/organization/o1/members", "GET, HEAD, OPTIONS", http.StatusNoContent},
		{"DELETE", "/api/auth/dash/organization/o1", "GET, HEAD, OPTIONS", http.StatusMethodNotAllowed},
		{"GET", "/dash/organization/o1/sso-provider/create", "OPTIONS, POST", http.StatusMethodNotAllowed},
		{"POST", "/dash/users", "GET, HEAD, OPTIONS", http.StatusMethodNotAllowed},
		{"OPTIONS", "/dash/list-users", "GET, HEAD, OPTIONS", http.StatusNoContent},
		{"GET", "/dash/organization/o1/nothing", "", http.StatusNotFound},
		{"GET", "/dash/organization/o1/members/", "", http.StatusNotFound},
		{"GET", "/dash/organization/", "", http.StatusNotFound},
		{"GET", "/api/auth/v1/events", "", http.StatusNotFound},
		{"GET", "/api/auth/dash", "", http.StatusNotFound},
		{"GET", "/api/auth/api/auth/dash/users", "", http.StatusNotFound},
		{"GET", "/dash/organization//members", "", http.StatusBadRequest},
		{"GET", "/dash/organization/../users", "", http.StatusBadRequest},
		{"GET", "/dash/organization/a%2Fb/members", "", http.StatusBadRequest},
		{"GET", "/dash/organization/%2e%2e/members", "", http.StatusBadRequest},
		{"GET", "/api/auth/../dash/users", "", http.StatusBadRequest},
	} {
		a := d.call(tt.method, tt.path, d.root, nil)
		if got := allowOf(a); a.status != tt.status || got != tt.allow {
			t.Errorf("%s %s: %d with Allow %q, want %d with %q", tt.method, tt.path, a.status, got, tt.status, tt.allow)
		}
		if tt.status >= 400 && tt.method != "HEAD" && a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s", tt.method, tt.path, a.body)
		}
	}
}

// allowOf is the Allow header, in order.
func allowOf(a answer) string {
	parts := strings.Split(a.header.Get("Allow"), ", ")
	if len(parts) > 1 {
		slices.Sort(parts)
	}
	return strings.Join(parts, ", ")
}

// A segment that is written out goes before a parameter.
func TestOptionsIsNoOrganization(t *testing.T) {
	d := start(t)
	for _, path := range []string{"/dash/organization/options", "/api/auth/dash/organization/options"} {
		if a := d.call("GET", path, d.root, nil); string(a.body) != `{"teamsEnabled":true}` {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	// An organization that is called like something the seed has is found by its id.
	d.call("GET", "/dash/organization/unknown", d.root, nil).wantError(t, http.StatusNotFound, "ORGANIZATION_NOT_FOUND")
	d.call("GET", "/dash/organization?organizationId=options", d.root, nil).wantError(t, http.StatusNotFound, "ORGANIZATION_NOT_FOUND")
}

// A page of another site makes a browser send requests, but neither as JSON nor unseen.
func TestRequestsOfOtherSitesAreRefused(t *testing.T) {
	d := start(t)
	n := 0
	for _, rt := range httpapi.Routes() {
		for _, at := range placesOf(rt) {
			if at[0] == "GET" {
				continue
			}
			n++
			for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
				if a := d.call(at[0], at[1], d.root, "{}", append(headers, "Content-Type", "application/json")...); a.status != http.StatusForbidden {
					t.Errorf("%s %s with %s: %d %s", at[0], at[1], headers, a.status, a.body)
				}
			}
			if !strings.HasPrefix(rt.Pattern, "/dash/") {
				continue
			}
			for _, form := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""} {
				if a := d.call(at[0], at[1], d.root, `{"a":"b"}`, "Content-Type", form); a.status != http.StatusUnsupportedMediaType {
					t.Errorf("%s %s with a body of %q: %d %s", at[0], at[1], form, a.status, a.body)
				}
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d places", n)
	}
	if a := d.call("POST", "/dash/check-user-exists", d.root, `{"email":"a@b.co"}`, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"); a.status != http.StatusOK {
		t.Errorf("from dashd's own page: %d %s", a.status, a.body)
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	d := start(t)
	body := `{"email":"` + strings.Repeat("a", 256<<10) + `"}`
	d.call("POST", "/dash/check-user-exists", d.root, body, "Content-Type", "application/json").wantError(t, http.StatusRequestEntityTooLarge, "TOO_LARGE")
	d.call("POST", "/dash/check-user-exists", d.root, `{"email":"a@b.co"}`, "Content-Type", "application/json", "Idempotency-Key", strings.Repeat("k", 256)).
		wantError(t, http.StatusBadRequest, "INVALID_IDEMPOTENCY_KEY")
}
