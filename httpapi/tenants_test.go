package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dashd/httpapi"
)

// pick returns one of several.
func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

// The list of organizations is the only fence between the tenants of an
// application: whatever else is asked, no answer leaves it, and nothing within it is
// missing. The model is the contract's table, applied to what was sent.
func TestActivityStaysInItsOrganizations(t *testing.T) {
	d := start(t)
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	type data struct {
		OrganizationID string `json:"organizationId,omitempty"`
		UserID         string `json:"userId,omitempty"`
		Userid         string `json:"userid,omitempty"`
		TriggeredBy    string `json:"triggeredBy,omitempty"`
		Identifier     string `json:"identifier,omitempty"`
		N              int    `json:"n"`
	}
	type sent struct {
		Type string `json:"eventType"`
		Key  string `json:"eventKey"`
		Name string `json:"eventDisplayName"`
		Data data   `json:"eventData"`
	}
	organizations := []string{"o1", "o2", "o3", "u1"} // one is called like a user
	users := []string{"u1", "u2", "o1", "unknown", "", "", ""}
	var all []sent
	for i := range 400 {
		e := sent{
			Type: pick(rng, "organization_member_added", "organization_updated", "user_signed_in", "security_check", "something_new"),
			Key:  pick(rng, "o1", "o2", "o3", "u1", "u2", "unknown"),
			Name: "x",
			Data: data{
				OrganizationID: pick(rng, "", "o1", "o2", "o3", "u1"),
				Identifier:     pick(rng, "", "", "id-1", "id-2"),
				N:              i,
			},
		}
		// No event of the plugin names two users in these two keys.
		if who := pick(rng, users...); rng.IntN(2) == 0 {
			e.Data.UserID = who
		} else {
			e.Data.Userid = who
		}
		if e.Type != "security_check" { // there it names a check
			e.Data.TriggeredBy = pick(rng, users...)
		}
		all = append(all, e)
		if a := d.call("POST", "/events/track", d.root, e); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for range 300 {
		var asked []string
		for range 1 + rng.IntN(3) {
			asked = append(asked, pick(rng, organizations...))
		}
		user := pick(rng, "", "u1", "u2", "u3", "o1", "o2", "unknown")
		eventType := pick(rng, "", "", "organization_member_added", "user_signed_in", "something_new")
		identifier := pick(rng, "", "", "id-1", "nothing")
		want := map[int]bool{}
		for _, e := range all {
			in := slices.Contains(asked, e.Key) || slices.Contains(asked, e.Data.OrganizationID)
			by := user == "" || slices.Contains([]string{e.Key, e.Data.UserID, e.Data.Userid, e.Data.TriggeredBy}, user)
			if in && by && (eventType == "" || e.Type == eventType) && (identifier == "" || e.Data.Identifier == identifier) {
				want[e.Data.N] = true
			}
		}
		q := url.Values{"organizationIds": {strings.Join(asked, ",")}, "limit": {"100"}}
		for name, value := range map[string]string{"userId": user, "eventType": eventType, "identifier": identifier} {
			if value != "" {
				q.Set(name, value)
			}
		}
		got := map[int]bool{}
		for offset := 0; ; offset += 100 {
			q.Set("offset", fmt.Sprint(offset))
			page := get[dashPage](d, "/events/activity?"+q.Encode(), d.root)
			for _, e := range page.Events {
				var data data
				if err := json.Unmarshal(e.Data, &data); err != nil {
					t.Fatal(err)
				}
				if !want[data.N] || got[data.N] {
					t.Fatalf("seed %d: %s answers with %+v", seed, q.Encode(), all[data.N])
				}
				got[data.N] = true
			}
			if page.Total.String() != fmt.Sprint(len(want)) {
				t.Fatalf("seed %d: %s: total %s, want %d", seed, q.Encode(), page.Total, len(want))
			}
			if len(page.Events) < 100 {
				break
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %s: %d events, want %d", seed, q.Encode(), len(got), len(want))
		}
	}
}

// Two projects with the same users, organizations, sessions and event ids. Every
// text of each carries its mark; no answer to one has a byte of the other's mark.
func TestProjectsAreIsolated(t *testing.T) {
	d := start(t)
	const seed = 13
	rng := rand.New(rand.NewPCG(seed, 0))
	type side struct{ name, key, mark string }
	sides := []side{{"red", d.project("red"), "RedMark"}, {"blue", d.project("blue"), "BlueMark"}}
	for _, s := range sides {
		var body strings.Builder
		for i := range 300 {
			fmt.Fprintf(&body, `{"id":"e%d","type":%q,"userId":"u%d","organizationId":"o%d","sessionId":"s%d","ipAddress":"203.0.113.%d","userAgent":"%s","metadata":{"name":"%s","identifier":"i1"}}`+"\n",
				i, pick(rng, "user.joined", "organization.created", "login.failed"), i%7, i%3, i%11, i%5, s.mark, s.mark)
		}
		if a := d.call("POST", "/ingest/events", s.key, body.String()); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	// Only one of them has these.
	if a := d.call("POST", "/ingest/events", sides[0].key, `{"id":"only-red","type":"user.joined","userId":"RedMark"}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var paths []string
	for _, rt := range httpapi.Routes() {
		if rt.Method == "GET" && rt.Scope == "events:read" && rt.Pattern != "/v1/events/stream" {
			paths = append(paths, rt.Pattern)
		}
	}
	params := map[string][]string{
		"userId": {"u1", "u5", "RedMark", "BlueMark"}, "organizationId": {"o1", "o2"}, "organizationIds": {"o0,o1", "u1,RedMark"},
		"sessionId": {"s1", "s9"}, "actorId": {"u1"}, "type": {"user.*", "user.joined", "login.failed", "dashd.*"},
		"eventType": {"user_created", "user_sign_in_failed"}, "after": {"e5", "e77", "only-red"}, "limit": {"1", "50", "100"},
		"offset": {"0", "3", "250"}, "sort": {"asc", "desc"}, "order": {"seq", "time"}, "q": {"Mark", "red", "e1"}, "search": {"Mark"},
		"ip": {"203.0.113.1"}, "status": {"failed", "success"}, "identifier": {"i1"}, "origin": {"api"}, "project": {"red", "blue", "_dashd"},
		"since": {"0"}, "severity": {"failed"},
	}
	var names []string
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	answered := 0
	for range 2000 {
		q := url.Values{}
		for range rng.IntN(6) {
			name := names[rng.IntN(len(names))]
			q.Set(name, pick(rng, params[name]...))
		}
		us := rng.IntN(2)
		path := paths[rng.IntN(len(paths))] + "?" + q.Encode()
		a := d.call("GET", path, sides[us].key, nil)
		if a.status >= 500 {
			t.Fatalf("seed %d: %s: %d %s", seed, path, a.status, a.body)
		}
		if strings.Contains(string(a.body), sides[1-us].mark) || strings.Contains(string(a.body), `"dashd.`) && !strings.HasPrefix(path, "/events/types") {
			t.Fatalf("seed %d: %s as %s: %s", seed, path, sides[us].name, a.body)
		}
		if a.status == http.StatusOK && strings.Contains(string(a.body), sides[us].mark) {
			answered++
		}
	}
	if answered < 500 {
		t.Errorf("only %d answers had events in them", answered)
	}
}
