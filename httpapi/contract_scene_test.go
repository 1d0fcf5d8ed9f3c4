package httpapi_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/projections"
)

// recordedAt is the time at which all exchanges are replayed: some minutes after the first
// of them was recorded, when what they are about had been made.
var recordedAt = time.Date(2026, 3, 18, 12, 5, 0, 0, time.UTC)

// scene is a project of its own on a node, to replay one request in. What is asked of it
// goes through a server of its own, so that its settings can differ.
type scene struct {
	*daemon
	t       *testing.T
	project string
	key     string // with all scopes
	handler http.Handler
}

// scene opens an empty project.
func (d *daemon) scene(t *testing.T, c contract, x *exchange) *scene {
	t.Helper()
	if len(d.stages) == 0 {
		d.setStages(64)
	}
	next := d.stages[0]
	d.stages = d.stages[1:]
	s := &scene{daemon: d, t: t, project: next.project, key: next.key}
	o := d.options(slog.New(slog.DiscardHandler))
	o.Tokens = keySets(t, s.project)
	if c.settings != nil {
		for _, change := range c.settings(x) {
			change(&o, new(http.Server))
		}
	}
	s.handler = httpapi.New(o).Handler(false)
	return s
}

// stage is a project for a scene, and a key of it with all scopes.
type stage struct{ project, key string }

// setStages makes projects by their events: many at once, where a command makes one.
func (d *daemon) setStages(n int) {
	d.t.Helper()
	var events []eventlog.Event
	add := func(t eventlog.Type, meta any) {
		events = append(events, eventlog.Event{
			Project: eventlog.ReservedProject, Type: t, Time: d.now(), Status: eventlog.Success, Source: eventlog.SourceAPI, ActorID: "test",
			Personal: eventlog.Personal{Metadata: []byte(jsonOf(meta)), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDashd}},
		})
	}
	for range n {
		name := fmt.Sprintf("scene-%d", d.scenes.Add(1))
		key := "dash_" + name + "_" + rand.Text()
		add(eventlog.DashdProjectCreated, projections.ProjectMeta{Project: name})
		add(eventlog.DashdKeyCreated, projections.KeyMeta{Key: "key-of-" + name, Project: name, Scopes: []string{projections.ScopeAll}, Hash: hashOf(key)})
		d.stages, d.secrets = append(d.stages, stage{name, key}), append(d.secrets, key)
	}
	d.append(events...)
	if err := d.access.Wait(d.t.Context(), d.node.Store.Head()); err != nil {
		d.t.Fatal(err)
	}
}

// told is an event as an application sends it to POST /ingest/events.
type told map[string]any

// tell sends events of the application and waits until they are folded. Each needs a type; what
// it changes stands in metadata, under the plugin's names and under "set".
func (s *scene) tell(events ...any) {
	s.t.Helper()
	var body bytes.Buffer
	for _, e := range events {
		if err := json.NewEncoder(&body).Encode(e); err != nil {
			s.t.Fatal(err)
		}
	}
	a := s.do("POST", "/ingest/events", body.String(), "Content-Type", "application/x-ndjson")
	if a.status != http.StatusOK {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	s.folded()
}

// folded waits until everything that was acknowledged is in the tables.
func (s *scene) folded() {
	s.t.Helper()
	if err := s.node.Dash.Wait(s.t.Context(), s.node.Store.Head()); err != nil {
		s.t.Fatal(err)
	}
}

// must sends a command to build the state with, and returns the answer as JSON.
func (s *scene) must(method, path, body string) map[string]any {
	s.t.Helper()
	a := s.do(method, path, body, "Content-Type", "application/json")
	if a.status != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	var v map[string]any
	_ = json.Unmarshal(a.body, &v) // a list is nothing that a caller looks into
	return v
}

// do sends a request with the project's key.
func (s *scene) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.serve(method, path, body, append([]string{"X-Api-Key", s.key}, headers...)...)
}

// serve sends a request as it is.
func (s *scene) serve(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

// send replays an exchange's request in one of two ways, and reports whether there is that way.
func (s *scene) send(x *exchange, way string) (answer, bool) {
	s.t.Helper()
	query := url.Values{}
	for name, value := range x.Request.Query {
		query.Set(name, value)
	}
	method, path, body := x.Request.Method, x.Request.Path, string(x.Request.Body)
	var headers []string
	switch credential, ok := s.credential(x); {
	case way == "reference":
		if ok {
			headers = []string{"Authorization", "Bearer " + credential}
		}
		path = "/api/auth" + path
	case x.Request.Claims == nil || x.Response.Status == http.StatusUnauthorized:
		return answer{}, false // it is about the credential, of which the seed has another
	default:
		headers = []string{"X-Api-Key", s.key}
		if method, path, body, ok = seedRequest(x, query); !ok {
			return answer{}, false
		}
	}
	if body != "" {
		headers = append(headers, "Content-Type", cmp.Or(x.contentType, "application/json"))
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return s.serve(method, path, body, headers...), true
}

// credential is what the recorded request came with, in dashd's form.
func (s *scene) credential(x *exchange) (string, bool) {
	switch {
	case x.bearer != "":
		return x.bearer, true
	case x.Request.Auth == "none":
		return "", false
	case x.Request.Claims != nil:
		return s.token(s.key, x.Request.Claims), true
	case x.user != "":
		return s.userToken(s.project, x.user, x.organization), true
	}
	return "", false
}

// seedRequest is the same request in the seed's form: what the reference takes from the claims
// and the path stands in the body, or in the query.
func seedRequest(x *exchange, query url.Values) (method, path, body string, ok bool) {
	rt, params, ok := rowOf(x.Request.Method, x.Request.Path)
	if !ok || rt.Pattern == x.Request.Path && rt.Method == x.Request.Method && len(x.Request.Claims) == 0 {
		return "", "", "", false
	}
	says := maps.Clone(x.Request.Claims)
	maps.Copy(says, params)
	path = rt.Pattern
	for name, value := range params {
		path = strings.ReplaceAll(path, "{"+name+"}", fmt.Sprint(value))
	}
	if rt.Method == http.MethodGet {
		for name, value := range says {
			query.Set(name, fmt.Sprint(value))
		}
		return rt.Method, path, "", true
	}
	var fields map[string]json.RawMessage
	if len(x.Request.Body) > 0 && json.Unmarshal(x.Request.Body, &fields) != nil {
		return rt.Method, path, string(x.Request.Body), true
	}
	if len(says)+len(fields) == 0 {
		return rt.Method, path, string(x.Request.Body), true
	}
	for name, value := range fields {
		if _, both := says[name]; !both || !slices.Contains(ids, name) {
			says[name] = value
			continue
		}
		query.Set(name, fmt.Sprint(says[name])) // so that both are said
		says[name] = value
	}
	text, err := json.Marshal(says)
	if err != nil {
		panic(err) // it came from JSON
	}
	return rt.Method, path, string(text), true
}

// ids are names of identifiers that the recorded requests have in claims and body.
var ids = []string{"userId", "organizationId", "invitationId", "sessionId", "invitedBy"}

// rowOf finds the row of the route table that answers a request, and the parameters in its path.
func rowOf(method, path string) (httpapi.Route, map[string]any, bool) {
	var best httpapi.Route
	var params map[string]any
	for _, rt := range httpapi.Routes() {
		for _, at := range append([]string{rt.Method + " " + rt.Pattern}, rt.Aliases...) {
			m, pattern, _ := strings.Cut(at, " ")
			found, ok := matches(pattern, path)
			if m == method && ok && (params == nil || len(found) < len(params)) {
				best, params = rt, found
			}
		}
	}
	return best, params, params != nil
}

// matches reports whether a path has a pattern, and with what parameters.
func matches(pattern, path string) (map[string]any, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]any{}
	for i := range want {
		if name, ok := strings.CutPrefix(want[i], "{"); ok {
			params[strings.TrimSuffix(name, "}")] = got[i]
		} else if want[i] != got[i] {
			return nil, false
		}
	}
	return params, true
}

// jsonOf is the JSON text of a value of maps, lists and texts.
func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
