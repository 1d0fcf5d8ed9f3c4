package httpapi_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dashd/httpapi"
)

// tenant is a project in which every text has a mark.
type tenant struct {
	*scene
	mark string
	ids  map[string][]string // of its things, by the names of identifiers
	keys map[string]string   // its API keys
}

// settle makes a tenant's company, with one of each thing. Ids are shared between tenants: only
// the texts differ.
func settle(t *testing.T, d *daemon, mark string) *tenant {
	s := d.scene(t, contract{}, nil)
	own := strings.ToLower(mark)
	var all []any
	for i := range 6 {
		id := fmt.Sprint("u", i)
		all = append(all, person(id, mark+" "+id, id+"@"+own+".example", i, told{"role": "user"}), signedIn("s"+id, id, 20+i, told{"userAgent": mark}))
	}
	for i := range 2 {
		o := fmt.Sprint("o", i)
		all = append(all, founded(o, mark+" "+o, fmt.Sprint(own, i), 10, told{"metadata": `{"of":"` + mark + `"}`}))
		for u := range 4 {
			all = append(all, joined(fmt.Sprintf("m%d%d", i, u), o, fmt.Sprint("u", u), []string{"owner", "admin", "member"}[min(u, 2)], 11))
		}
		all = append(all, formed("t"+o, o, mark+" team", 12), teamed("tm"+o, o, "t"+o, "u1", 13), invited("i"+o, o, "u0", own+"@"+own+".example", "member", 200))
	}
	s.tell(all...)
	s.must("POST", "/dash/organization/sso-provider", fmt.Sprintf(`{"organizationId":"o0","providerId":"p0","domain":"%s.example","protocol":"OIDC",
		"userId":"u0",%s}`, own, oidcConfig))
	s.must("POST", "/dash/organization/directory", `{"organizationId":"o0","providerId":"d0","ownerUserId":"u0"}`)
	drain := s.must("POST", "/dash/organization/log-drain", fmt.Sprintf(`{"organizationId":"o0","name":%q,"destinationType":"webhook",
		"eventTypes":["all"],"config":{"url":"https://hooks.example.com/%s"}}`, mark, own))["id"].(string)
	return &tenant{scene: s, mark: mark, ids: map[string][]string{
		"userId": {"u0", "u1", "u2", "u3", "u4", "u5"}, "organizationId": {"o0", "o1"}, "sessionId": {"su0", "su1", "su2"}, "memberId": {"m00", "m01", "m12"},
		"teamId": {"to0", "to1"}, "invitationId": {"io0", "io1"}, "providerId": {"p0", "d0"}, "logDrainId": {drain}, "invitedBy": {"u0"}, "ownerUserId": {"u0"},
		"id": {drain, "u1", "o1"},
	}}
}

// chosen picks one of each of the tenant's things.
func (us *tenant) chosen(rng *rand.Rand) map[string]string {
	one := map[string]string{}
	for _, name := range sortedKeys(us.ids) {
		one[name] = pick(rng, us.ids[name]...)
	}
	return one
}

// anyBody is a body that fits no route in particular, and all of them a little.
func anyBody(rng *rand.Rand, ids map[string]string, email string) map[string]any {
	body := map[string]any{}
	for _, name := range sortedKeys(ids) {
		if name != "id" && rng.IntN(4) > 0 {
			body[name] = ids[name]
		}
	}
	values := map[string][]any{
		"userIds":         {[]string{"u4"}, []string{"u5", "u4"}},
		"organizationIds": {[]string{"o1"}},
		"name":            {"New"},
		"slug":            {"new", "other"},
		"email":           {email},
		"role":            {"member", "admin"},
		"password":        {"correct horse"},
		"protocol":        {"OIDC"},
		"domain":          {"a.example", "b.example"},
		"destinationType": {"webhook"},
		"eventTypes":      {[]string{"all"}},
		"config":          {map[string]any{"url": "https://hooks.example.com/x"}},
		"callbackUrl":     {"https://auth.example/x"},
		"accountId":       {"a1"},
		"verified":        {false},
		"banReason":       {"x"},
		"fromSeq":         {1},
		"jti":             {"j1", "j2"},
	}
	for _, name := range sortedKeys(values) {
		if rng.IntN(2) > 0 {
			body[name] = values[name][rng.IntN(len(values[name]))]
		}
	}
	return body
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Two projects with things of the same ids, and 10,000 requests to all routes in all their
// places, with every credential and with the ids of both. No answer to one has a byte of the
// other's texts.
func TestNothingCrossesProjects(t *testing.T) {
	const seed, calls = 17, 10_000
	rng := rand.New(rand.NewPCG(seed, 0))
	d := startAt(t, recordedAt)
	red, blue := settle(t, d, "RedMark"), settle(t, d, "BlueMark")
	tenants := []*tenant{red, blue}
	o := d.options(slog.New(slog.DiscardHandler))
	o.Tokens = keySets(t, red.project, blue.project)
	handler := httpapi.New(o).Handler(false)
	for i, us := range tenants {
		for name, ids := range tenants[1-i].ids {
			if name == "logDrainId" { // the only ones that are not chosen
				us.ids[name] = append(us.ids[name], ids...)
			}
		}
		us.keys = map[string]string{"all": us.key, "users": d.key(us.project, 0, "users:*").Text, "orgs": d.key(us.project, 0, "orgs:*", "export").Text}
	}
	var reads, changes []httpapi.Route
	for _, rt := range httpapi.Routes() {
		switch {
		case rt.Pattern == "/v1/events/stream": // it does not end
		case rt.Method == "GET":
			reads = append(reads, rt)
		default:
			changes = append(changes, rt)
		}
	}
	told, kinds := 0, map[int]int{}
	for n := range calls {
		side := rng.IntN(2)
		us, them := tenants[side], tenants[1-side]
		rows := reads
		if rng.IntN(8) == 0 {
			rows = changes
		}
		rt := rows[rng.IntN(len(rows))]
		one := us.chosen(rng)
		method, path, body := us.request(rng, rt, one, them.mark)
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		if body == "" {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		r.Header.Set("Content-Type", "application/json")
		us.credential(rng, r, one)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		kinds[w.Code/100]++
		if w.Code >= 500 {
			t.Fatalf("seed %d, call %d: %s %s %s: %d %s", seed, n, method, path, body, w.Code, w.Body)
		}
		if answer := w.Body.Bytes(); bytes.Contains(bytes.ToLower(answer), []byte(strings.ToLower(them.mark))) {
			t.Fatalf("seed %d, call %d: %s %s %s as %s: %d %s", seed, n, method, path, body, us.mark, w.Code, answer)
		} else if bytes.Contains(answer, []byte(us.mark)) {
			told++
		}
	}
	t.Logf("%d answers told something; by class: %v", told, kinds)
	if told < calls/20 || kinds[2] < calls/10 || kinds[4] < calls/10 {
		t.Errorf("only %d answers told anything; by class: %v", told, kinds)
	}
}

// request makes up a request for a row at one of its places.
func (us *tenant) request(rng *rand.Rand, rt httpapi.Route, one map[string]string, theirs string) (method, path, body string) {
	method, pattern, _ := strings.Cut(pick(rng, append([]string{rt.Method + " " + rt.Pattern}, rt.Aliases...)...), " ")
	path = pattern
	for _, name := range []string{"organizationId", "teamId", "providerId", "credentialId"} {
		path = strings.ReplaceAll(path, "{"+name+"}", cmp.Or(one[name], "unknown"))
	}
	path = strings.ReplaceAll(path, ":id", "unknown")
	if strings.HasPrefix(path, "/dash/") && rng.IntN(3) == 0 {
		path = "/api/auth" + path
	}
	email := "u1@" + strings.ToLower(us.mark) + ".example"
	if strings.Contains(path, "check-user") {
		email = "u1@" + strings.ToLower(theirs) + ".example" // of whom nothing may be known here
	}
	fields := anyBody(rng, one, email)
	if method != http.MethodGet && rng.IntN(8) > 0 {
		text, err := json.Marshal(fields)
		if err != nil {
			panic(err)
		}
		return method, path, string(text)
	}
	query := url.Values{}
	for _, name := range sortedKeys(fields) {
		if text, ok := fields[name].(string); ok && rng.IntN(3) == 0 {
			query.Set(name, text)
		}
	}
	more := map[string][]string{"limit": {"3", "100"}, "search": {"Mark"}, "q": {"mark"}, "sortBy": {"name", "email"}, "project": {us.project}}
	for _, name := range sortedKeys(more) {
		if rng.IntN(5) == 0 {
			query.Set(name, pick(rng, more[name]...))
		}
	}
	return method, path + "?" + query.Encode(), ""
}

// credential gives a request one of the tenant's credentials.
func (us *tenant) credential(rng *rand.Rand, r *http.Request, one map[string]string) {
	claims := map[string]any{}
	for _, name := range sortedKeys(one) {
		if name != "id" && rng.IntN(4) > 0 {
			claims[name] = one[name]
		}
	}
	switch rng.IntN(6) {
	case 0:
		r.Header.Set("Authorization", "Bearer "+us.token(us.key, claims))
	case 1:
		claims["iat"], claims["apiKeyHash"] = us.now()/1000-1, hashOf(us.key)
		r.Header.Set("Authorization", "Bearer "+platformOf(us.project).sign(claims))
	case 2:
		r.Header.Set("Authorization", "Bearer "+us.userToken(us.project, one["userId"], one["organizationId"]))
	case 3:
		r.Header.Set("Authorization", "Bearer "+us.keys[pick(rng, "users", "orgs")])
	default:
		r.Header.Set("X-Api-Key", us.key)
	}
}
