package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/eventlog/store"
	"dashd/httpapi"
	"dashd/internal/destination"
	"dashd/internal/kv"
	"dashd/projections"
)

// reads has, for each row of the route table that answers as of any moment, what is asked there:
// queries, or bodies of those that take one.
var reads = map[string][]string{
	"GET /dash/users":              {"", "limit=2&offset=1&sortBy=name&sortDirection=asc", "where=" + `[{"field":"banned","value":true}]`, "searchValue=a"},
	"GET /dash/users/online-count": {""},
	"GET /dash/user":               {"userId=user_001", "userId=user_002", "userId=user_003&minimal=true", "userId=nobody"},
	"GET /dash/export-users":       {"", "limit=2"},
	"POST /dash/check-user-exists": {`{"email":"ada@example.com"}`, `{"email":"b@example.com"}`},
	"GET /dash/sessions":           {"userId=user_001", "", "limit=3"},
	"GET /dash/list-all-sessions":  {"", "limit=2"},
	"GET /dash/stats":              {"", "source=events"},
	"GET /dash/graph":              {"", "period=weekly", "period=monthly&source=events"},
	"GET /dash/retention":          {"", "period=weekly", "period=monthly&source=events"},
	"GET /dash/map":                {""},

	"GET /dash/organizations":                                                 {"", "limit=1", "search=acme"},
	"GET /dash/organization":                                                  {"organizationId=organization_001", "organizationId=organization_002"},
	"GET /dash/export-organizations":                                          {""},
	"GET /dash/user-organizations":                                            {"userId=user_001", "userId=user_002"},
	"POST /dash/organization/check-user-by-email":                             {`{"organizationId":"organization_001","email":"alan@example.com"}`},
	"GET /dash/organization/members":                                          {"organizationId=organization_001", "organizationId=organization_002"},
	"GET /dash/organization/teams":                                            {"organizationId=organization_001"},
	"GET /dash/organization/team/members":                                     {"organizationId=organization_001&teamId=t1"},
	"GET /dash/organization/invitations":                                      {"organizationId=organization_001"},
	"GET /dash/organization/sso-providers":                                    {"organizationId=organization_001"},
	"GET /dash/organization/directories":                                      {"organizationId=organization_001"},
	"GET /dash/organization/directory":                                        {"organizationId=organization_001&providerId=okta"},
	"GET /dash/organization/log-drains":                                       {"organizationId=organization_001"},
	"GET /dash/organization/{organizationId}/directories/{providerId}":        {""},
	"GET /dash/organization/{organizationId}/directories/{providerId}/events": {"", "limit=1"},

	"GET /events/user":           {"userId=user_001", "userId=user_001&limit=2&offset=1"},
	"GET /events/organization":   {"organizationId=organization_001"},
	"GET /events/activity":       {"organizationIds=organization_001,organization_002", "organizationIds=organization_001&userId=user_002"},
	"GET /events/list":           {"", "userId=user_002&sort=asc", "search=ada"},
	"GET /events/audit-logs":     {"limit=3"},
	"GET /events/all-audit-logs": {"", "organizationId=organization_001"},
	"GET /events/types":          {""},
	"GET /v1/events":             {"", "limit=5&offset=7", "order=seq&sort=asc&type=user.*", "q=acme", "after={event}"},
	"GET /v1/events/stats":       {"", "userId=user_001"},
	"GET /api/events":            {"limit=4"},
	"GET /api/events/count":      {""},
	"GET /v1/analytics/timeseries": {
		"interval=day", "interval=hour&by=type", "interval=week&type=session.created",
	},
	"GET /v1/analytics/cohorts":       {"unit=day", "unit=week&activity=sign-in"},
	"GET /v1/analytics/cohorts/users": {"unit=day&cohort=2026-03-18&age=0", "unit=week&cohort=2026-W12&age=0"},
	"GET /v1/projects":                {""},
	"GET /v1/keys":                    {"project={project}"},
}

// reading is a request of reads.
type reading struct{ method, path, query, body, key string }

// as is the path with a query, and with more of it.
func (r reading) as(more string) string {
	return r.path + "?" + strings.TrimPrefix(r.query+"&"+more, "&")
}

// readings are the requests of reads in the scene, each under all paths of its row. A row that
// answers as of any moment and is not in reads fails the test.
func (s *scene) readings() (all []reading) {
	s.t.Helper()
	rec, err := s.node.Store.Read(s.node.Store.Head() / 2)
	if err != nil {
		s.t.Fatal(err)
	}
	names := strings.NewReplacer(
		"x-organizationId", "organization_001", "x-providerId", "okta", "x-teamId", "t1", // as placesOf has them
		"{project}", s.project, "{event}", rec.ID,
		"[", "%5B", "]", "%5D", `"`, "%22",
	)
	for _, rt := range httpapi.Routes() {
		name := rt.Method + " " + rt.Pattern
		asked, known := reads[name]
		if any := len(rt.Events) == 0 && rt.Present == "" && rt.Scope != httpapi.Public; any != known {
			s.t.Errorf("%s answers as of any moment: %v; has requests in this test: %v", name, any, known)
		}
		key := s.key
		if strings.HasPrefix(rt.Pattern, "/v1/projects") || strings.HasPrefix(rt.Pattern, "/v1/keys") {
			key = s.root
		}
		for _, what := range asked {
			for _, at := range placesOf(rt) {
				r := reading{method: at[0], path: names.Replace(at[1]), key: key}
				if r.method == "POST" {
					r.body = what
				} else {
					r.query = names.Replace(what)
				}
				all = append(all, r)
			}
		}
	}
	return all
}

// ask sends a reading to a handler and returns what it says: but for how the deliveries of log drains
// are doing, which is not in the log.
func ask(h http.Handler, r reading, target string) (status int, body string, header http.Header) {
	q := httptest.NewRequest(r.method, target, strings.NewReader(r.body))
	q.Header.Set("X-Api-Key", r.key)
	q.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	answer := w.Result()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(err) // it is in memory
	}
	var drains []map[string]any
	if strings.Contains(r.path, "/log-drains") && json.Unmarshal(text, &drains) == nil {
		for _, d := range drains {
			for _, of := range []string{"status", "lastDeliveryAt", "lastError", "cursor", "lag", "attempts", "nextAttemptAt"} {
				delete(d, of)
			}
		}
		text = []byte(jsonOf(drains))
	}
	return answer.StatusCode, string(text), answer.Header
}

// live makes something happen in the scene, at some times of some weeks: what applications tell, and
// what operators do, whether it succeeds or not.
func (s *scene) live(rng *rand.Rand, steps int) {
	s.t.Helper()
	names := slices.Sorted(maps.Keys(mutations))
	stamp := func() string { return time.UnixMilli(s.now()).UTC().Format("2006-01-02T15:04:05.000Z") }
	user := func() string { return fmt.Sprintf("user_00%d", 1+rng.IntN(6)) }
	for step := range steps {
		s.ahead.Add(1 + rng.Int64N(6*3600*1000))
		var events []any
		switch rng.IntN(6) {
		case 0:
			events = company()
			events = events[:1+rng.IntN(len(events))]
		case 1, 2:
			for range 1 + rng.IntN(4) {
				id := user()
				events = append(events, signedIn(fmt.Sprint("s", rng.IntN(60)), id, 0, told{"country": "DE", "city": "Berlin"}))
			}
		case 3:
			events = append(events, formed("t1", "organization_001", "Core", 0), teamed("tm1", "organization_001", "t1", user(), 0),
				invited(fmt.Sprint("i", step), "organization_001", "user_001", fmt.Sprintf("n%d@example.com", step), "member", 0),
				told{"type": "shop.visited", "userId": user()})
		default:
			name := names[rng.IntN(len(names))]
			m := mutations[name]
			method, path, _ := strings.Cut(name, " ")
			path = strings.NewReplacer("{organizationId}", "organization_001", "{providerId}", "okta").Replace(path)
			if strings.ContainsAny(path+m.body, ":{") && m.names != nil {
				continue
			}
			key := s.key
			if m.own {
				key = s.root
			}
			s.serve(method, path, m.body, "X-Api-Key", key, "Content-Type", "application/json")
			continue
		}
		for _, e := range events {
			e.(told)["timestamp"] = stamp()
		}
		s.tell(events...)
	}
	s.folded()
}

// asOfScene is a scene in which much has happened, and a handler that shows when users were active.
func asOfScene(t *testing.T, seed uint64, steps int) *scene {
	d := startAt(t, recordedAt)
	s := d.scene(t, contract{}, nil)
	s.tell(company()...)
	s.must("POST", "/dash/organization/directory", acmeAnd(`"providerId":"okta","ownerUserId":"user_001"`))
	s.hook()
	s.live(rand.New(rand.NewPCG(seed, 1)), steps)
	o := d.options(slog.New(slog.DiscardHandler))
	o.Settings.ActivityTracking = true
	s.handler = httpapi.New(o).Handler(false)
	return s
}

// TestAsOfThePresentIsTheLiveAnswer asks each row of the route table for the present by its seq, by the
// time, and as ever.
func TestAsOfThePresentIsTheLiveAnswer(t *testing.T) {
	s := asOfScene(t, 1, 60)
	now := time.UnixMilli(s.now()).UTC().Format("2006-01-02T15:04:05.000Z")
	s.tell(append(company(), formed("t1", "organization_001", "Core", 0))...) // whatever is left of it
	s.do("POST", "/dash/organization/directory", acmeAnd(`"providerId":"okta","ownerUserId":"user_001"`), "Content-Type", "application/json")
	s.folded()
	head := s.node.Store.Head()
	answered := map[string]bool{}
	for _, r := range s.readings() {
		status, want, _ := ask(s.handler, r, r.as(""))
		answered[r.path] = answered[r.path] || status == http.StatusOK
		for _, moment := range []string{fmt.Sprint(head), now} {
			target := r.as("asOf=" + moment)
			gotStatus, got, header := ask(s.handler, r, target)
			if gotStatus != status || got != want {
				t.Errorf("%s %s: %d %s\nlive: %d %s", r.method, target, gotStatus, got, status, want)
			}
			if status == http.StatusOK && (header.Get("Dashd-Seq") != fmt.Sprint(head) || header.Get("Dashd-As-Of") != now) {
				t.Errorf("%s %s: headers %v", r.method, target, header)
			}
		}
	}
	for path, ok := range answered {
		if !ok {
			t.Errorf("%s: no request of this test is answered well", path)
		}
	}
}

// noDrains deliver nothing.
type noDrains struct{ httpapi.Drains }

func (noDrains) Health(string, projections.Drain) destination.Health { return destination.Health{} }

// stopped is a node that has what another had when its log ended at some seq.
type stopped struct {
	t       *testing.T
	from    *daemon
	store   *store.Store
	index   uint64
	access  *projections.Follower
	dash    *projections.DashFollower
	clock   atomic.Int64
	handler http.Handler
}

func (d *daemon) stopped(t *testing.T) *stopped {
	t.Helper()
	db, err := kv.Open(t.TempDir(), kv.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(log, db, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := &stopped{t: t, from: d, store: log, access: projections.NewFollower(log, x), dash: projections.NewDashFollower(log, projections.DashOptions{})}
	for _, run := range []func(context.Context) error{log.Run, x.Run, n.access.Run, n.dash.Run} {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("a part ended with %v", err)
			}
		})
	}
	t.Cleanup(func() { // before the parts end, which is harmless
		if err := log.WaitPersistedSeq(context.Background(), log.Head()); err != nil {
			t.Error(err)
		}
	})
	o := d.options(slog.New(slog.DiscardHandler))
	o.Now, o.Store, o.Index, o.Access, o.Dash, o.Cluster = n.clock.Load, log, x, n.access, n.dash, nil
	o.History, o.Drains = projections.NewHistory(log, n.dash, projections.HistoryOptions{}), noDrains{}
	o.Settings.ActivityTracking = true
	n.handler = httpapi.New(o).Handler(false)
	return n
}

// to makes the log end at seq, also in the middle of a block, and the clock stand at when that was
// received.
func (n *stopped) to(seq uint64) {
	n.t.Helper()
	err := n.from.node.Store.Blocks(n.t.Context(), n.store.Head()+1, func(first uint64, _ []byte, b block.Block) error {
		var events []eventlog.Event
		for i := range b.Len() {
			if at := first + uint64(i); at <= n.store.Head() || at > seq {
				continue
			}
			e, err := b.Event(i)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		if len(events) == 0 {
			return nil
		}
		group, err := block.AppendGroup(nil, events)
		if err != nil {
			return err
		}
		raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: b.ReceivedAt}, group)
		if err != nil {
			return err
		}
		part, err := block.Open(raw)
		if err != nil {
			return err
		}
		n.index++
		n.clock.Store(b.ReceivedAt)
		_, err = n.store.Append(n.index, 1, raw, part)
		return err
	})
	if err != nil || n.store.Head() != seq {
		n.t.Fatalf("the log ends at %d, want %d: %v", n.store.Head(), seq, err)
	}
	if err := n.access.Wait(n.t.Context(), seq); err != nil {
		n.t.Fatal(err)
	}
	if err := n.dash.Wait(n.t.Context(), seq); err != nil {
		n.t.Fatal(err)
	}
}

// TestAsOfThePastIsWhatANodeSaysThatStoppedThere has a second node take in the log up to 50 random seqs,
// and asks both the same, the first one in any order.
func TestAsOfThePastIsWhatANodeSaysThatStoppedThere(t *testing.T) {
	moments, steps := 50, 150
	if testing.Short() {
		moments, steps = 12, 60
	}
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 2))
	first := uint64(0)
	s := asOfScene(t, seed, steps)
	all := s.readings()
	for seq := uint64(1); first == 0; seq++ { // from where on there is a key
		if rec, err := s.node.Store.Read(seq); err != nil {
			t.Fatal(err)
		} else if rec.Project == s.project {
			first = seq - 1
		}
	}
	seqs := map[uint64]bool{first: true, s.node.Store.Head(): true}
	for len(seqs) < moments {
		seqs[first+rng.Uint64N(s.node.Store.Head()-first)] = true
	}
	type said struct {
		reading
		target, body string
		status       int
	}
	var want []said
	n := s.stopped(t)
	for _, seq := range slices.Sorted(maps.Keys(seqs)) {
		n.to(seq)
		moment := fmt.Sprint(seq)
		next, err := s.node.Store.ReceivedAt(min(seq+1, s.node.Store.Head()))
		if err != nil {
			t.Fatal(err)
		}
		if at := n.clock.Load(); next > at && rng.IntN(2) == 0 { // the moment has a time of its own
			at += rng.Int64N(next - at)
			n.clock.Store(at)
			moment = time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		for _, r := range all {
			status, body, _ := ask(n.handler, r, r.as(""))
			want = append(want, said{r, r.as("asOf=" + moment), body, status})
		}
	}
	rng.Shuffle(len(want), func(i, j int) { want[i], want[j] = want[j], want[i] })
	slices.SortStableFunc(want, func(a, b said) int { // of the same moment one after the other, or it takes long
		return strings.Compare(a.target[strings.Index(a.target, "asOf="):], b.target[strings.Index(b.target, "asOf="):])
	})
	differ := 0
	for _, w := range want {
		status, body, _ := ask(s.handler, w.reading, w.target)
		if (status != w.status || body != w.body) && differ < 20 {
			differ++
			t.Errorf("seed %d: %s %s: %d %.3000s\nthe node that stopped: %d %.3000s", seed, w.method, w.target, status, body, w.status, w.body)
		}
	}
}

// TestAsOfIsRefusedWhereThereIsNoPast asks each row of the route table that changes something, or tells of the present.
func TestAsOfIsRefusedWhereThereIsNoPast(t *testing.T) {
	d := start(t)
	for _, rt := range httpapi.Routes() {
		want := "AS_OF_READ_ONLY"
		switch {
		case rt.Present != "":
			want = "AS_OF_NOT_SUPPORTED"
		case len(rt.Events) == 0:
			continue
		}
		for _, at := range placesOf(rt) {
			d.call(at[0], at[1]+"?asOf=1", d.root, told{}).wantError(t, http.StatusBadRequest, want)
		}
	}
}

func TestWhatAsOfMayBe(t *testing.T) {
	d := startAt(t, recordedAt)
	d.five()
	head := d.node.Store.Head()
	ahead := recordedAt.Add(time.Hour).Format(time.RFC3339)
	for _, tt := range []struct{ name, path, code string }{
		{"a seq beyond the head", fmt.Sprint("/v1/events?asOf=", head+1), "AS_OF_IN_FUTURE"},
		{"a seq of any size", "/v1/events?asOf=99999999999999999999999", "AS_OF_IN_FUTURE"},
		{"a time to come", "/v1/events?asOf=" + ahead, "AS_OF_IN_FUTURE"},
		{"nothing", "/v1/events?asOf=", "VALIDATION_ERROR"},
		{"no time", "/dash/users?asOf=yesterday", "VALIDATION_ERROR"},
		{"a negative number", "/dash/users?asOf=-1", "VALIDATION_ERROR"},
		{"two moments", "/dash/users?asOf=1&asOf=2", "VALIDATION_ERROR"},
		{"after, for the tables", "/dash/users?asOf=1&after=1", "AS_OF_WITH_AFTER"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := d.call("GET", tt.path, d.root, nil)
			a.wantError(t, http.StatusBadRequest, tt.code)
			if tt.code == "AS_OF_IN_FUTURE" && !strings.Contains(string(a.body), fmt.Sprint("seq ", head)) {
				t.Errorf("the head is not named: %s", a.body)
			}
		})
	}
	for path, want := range map[string]string{
		"/v1/events?asOf=0":                         `{"events":[],"hasMore":false,"nextCursor":null,"total":0}`,
		"/v1/events?asOf=1970-01-01T00:00:00Z":      `{"events":[],"hasMore":false,"nextCursor":null,"total":0}`,
		"/v1/projects?asOf=0":                       `{"projects":[]}`,
		"/dash/users/online-count?asOf=0":           `{"onlineUsers":0}`,
		"/v1/keys?asOf=2001-01-01T00:00:00.000000Z": `{"keys":[]}`,
	} {
		if a := d.call("GET", path, d.root, nil); a.status != http.StatusOK || string(a.body) != want || a.header.Get("Dashd-Seq") != "0" {
			t.Errorf("%s: %d %s, Dashd-Seq %s; want %s", path, a.status, a.body, a.header.Get("Dashd-Seq"), want)
		}
	}
	d.call("GET", "/dash/users?asOf=0", "dash_wrong", nil).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
}
