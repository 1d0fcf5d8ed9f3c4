package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/genevents"
)

// Scenario is one kind of load.
type Scenario struct {
	Name    string
	About   string
	Clients int
	Events  int // of one request; 0: a read
	// Goal is what the 95th percentile of the latency should be at most; 0: there is none.
	Goal time.Duration
	// Least is how many requests are measured, however long they take.
	Least int
	// Once says that each request is sent once, and none to warm up.
	Once bool
	// Local, if set, is the whole measurement: one of what is not asked for over
	// HTTP.
	Local func(ctx context.Context) (Result, error)
	make  func(w *workload, i int) request
}

// request is a request that is ready to be sent.
type request struct {
	method, path string
	header       http.Header
	body         []byte
	events       int   // that must be accepted
	ids          []int // where the ids of its events are in body, see giveIDs
	into         any   // where the JSON of its answer goes; nil: nowhere
}

// Scenarios lists what can be measured, in a sensible order: the reads find what
// the writes before them left.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "track", About: "the dash plugin's wire: one event a request", Clients: 64, Events: 1, make: trackRequest},
		{Name: "single", About: "POST /ingest/events, one event a request", Clients: 64, Events: 1, make: batchRequest(1)},
		{Name: "batch100", About: "POST /ingest/events, 100 events a request", Clients: 16, Events: 100, make: batchRequest(100)},
		{Name: "batch1000", About: "POST /ingest/events, 1,000 events a request", Clients: 8, Events: 1000, make: batchRequest(1000)},
		{Name: "batch1000x4", About: "batch1000 from 4 clients, who keep two processors as busy as 8 do, and wait half as long", Clients: 4, Events: 1000, make: batchRequest(1000)},
		{Name: "batch1000x2", About: "batch1000 from 2 clients, who keep two processors nearly as busy, and wait less", Clients: 2, Events: 1000, make: batchRequest(1000)},
		{Name: "studio", About: fmt.Sprintf("the studio's wire, POST /ingest/studio: %d events a request, each with an id", studioBatch), Clients: 16, Events: studioBatch, make: studioRequest},
		{Name: "latest20-hot", About: "the latest 20 events of the busiest user", Clients: 4, make: latest(func(w *workload, _ int) string { return w.users[0] })},
		{Name: "latest20", About: "the latest 20 events of a random user", Clients: 4, make: latest(func(w *workload, i int) string { return w.users[i%len(w.users)] })},
		{Name: "latest20-all", About: "the latest 20 events of the project", Clients: 4, make: get("/v1/events?limit=20")},
		{Name: "count", About: "the number of failed sign-ins", Clients: 4, make: get("/v1/events/stats?type=login.failed")},
		{Name: "users", About: "GET /dash/users: a page of those without a verified address, by name", Clients: 1, make: userPages},
		{Name: "users-newest", About: "GET /dash/users: a page of the newest", Clients: 1, make: get("/dash/users?limit=25")},
		{Name: "users-search", About: "GET /dash/users: addresses that contain a text", Clients: 1, make: userSearch},
		{Name: "user", About: "GET /dash/user: a random user in detail", Clients: 1, make: userDetail},
		{Name: "mixed", About: "of 20 reads 9 latest20, 4 users-newest, 3 latest20-all, 2 count, 2 GET /dash/stats", Clients: 4, make: mixed},
		{Name: "asof-seq", About: "GET /dash/stats?asOf=: a random seq of the first --preload events that nobody has asked for yet", Clients: 1, Least: 5, Once: true, make: statsAsOf},
	}
}

// userPages asks for pages from the beginning to some way into the list.
func userPages(_ *workload, i int) request {
	return whereRequest("emailVerified", "eq", false, fmt.Sprintf("&limit=25&offset=%d&sortBy=name&sortOrder=asc", i%40*25))
}

// userSearch asks for a text that some of the addresses have in the middle.
func userSearch(_ *workload, i int) request {
	return whereRequest("email", "contains", fmt.Sprintf(".%c%d", 'a'+rune(i%24), i%977), "&limit=25")
}

func userDetail(w *workload, i int) request {
	return request{method: http.MethodGet, path: "/dash/user?userId=" + url.QueryEscape(w.users[i%len(w.users)])}
}

func whereRequest(field, operator string, value any, rest string) request {
	where := mustJSON([]map[string]any{{"field": field, "operator": operator, "value": value}})
	return request{method: http.MethodGet, path: "/dash/users?where=" + url.QueryEscape(string(where)) + rest}
}

// workload is what requests are made of. Requests are made in turn and kept, so
// that making them costs nothing while the clock runs.
type workload struct {
	source *genevents.Source
	users  []string // the busiest first, as far as a sample tells; of a crowd, some of those who came
	every  int      // of a crowd: one of so many who come is noted in users
	came   int      // since the last that was noted

	preloaded int // events that the log begins with

	history *History   // nil: the node was not filled with one
	rng     *rand.Rand // of moments of it
	asked   time.Time  // a moment of which is asked again and again
}

// sample is the number of events from which users are taken.
const sample = 20_000

// newCrowd is a workload whose first events bring all users, each with so many sessions.
func newCrowd(seed uint64, users, sessions int) *workload {
	return &workload{source: genevents.NewCrowd(seed, users, sessions), every: max(1, users/sample)}
}

func newWorkload(seed uint64, users int) *workload {
	w := &workload{source: genevents.New(seed, users)}
	count := map[string]int{}
	for range sample {
		if id := w.source.Next().UserID; id != "" {
			count[id]++
		}
	}
	w.users = slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	return w
}

var jsonBody = http.Header{"Content-Type": {"application/json"}}

// nativeEvent is an event as an HTTP client sends it, without an id.
type nativeEvent struct {
	Type           eventlog.Type   `json:"type"`
	Timestamp      time.Time       `json:"timestamp"`
	Status         string          `json:"status"`
	Source         string          `json:"source"`
	UserID         string          `json:"userId,omitempty"`
	SessionID      string          `json:"sessionId,omitempty"`
	OrganizationID string          `json:"organizationId,omitempty"`
	IPAddress      string          `json:"ipAddress,omitempty"`
	UserAgent      string          `json:"userAgent,omitempty"`
	Metadata       json.RawMessage `json:"metadata"`
}

// next makes the next event.
func (w *workload) next() eventlog.Event {
	e := w.source.Next()
	if w.every > 0 && e.Type == eventlog.UserJoined {
		if w.came++; w.came >= w.every {
			w.users, w.came = append(w.users, e.UserID), 0
		}
	}
	return e
}

func (w *workload) native() nativeEvent {
	e := w.next()
	return nativeEvent{
		Type: e.Type, Timestamp: time.UnixMilli(e.Time).UTC(), Status: e.Status.String(), Source: e.Source.String(),
		UserID: e.UserID, SessionID: e.SessionID, OrganizationID: e.OrganizationID,
		IPAddress: e.IPAddress, UserAgent: e.UserAgent, Metadata: e.Metadata,
	}
}

func batchRequest(n int) func(*workload, int) request {
	return func(w *workload, _ int) request {
		events := make([]nativeEvent, n)
		for i := range events {
			events[i] = w.native()
		}
		return request{method: http.MethodPost, path: "/ingest/events", header: jsonBody, body: mustJSON(events), events: n}
	}
}

func trackRequest(w *workload, _ int) request {
	e := w.source.Next()
	return request{method: http.MethodPost, path: "/events/track", header: jsonBody, events: 1, body: mustJSON(map[string]any{
		"eventType": e.Origin.Type, "eventKey": e.Key, "eventDisplayName": e.Origin.DisplayName,
		"eventData": json.RawMessage(e.Metadata), "ipAddress": e.IPAddress, "countryCode": e.CountryCode,
	})}
}

func latest(user func(w *workload, i int) string) func(*workload, int) request {
	return func(w *workload, i int) request {
		return request{method: http.MethodGet, path: "/v1/events?limit=20&userId=" + url.QueryEscape(user(w, i))}
	}
}

func get(path string) func(*workload, int) request {
	return func(*workload, int) request { return request{method: http.MethodGet, path: path} }
}

// mustJSON encodes values that are known to have a JSON text.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
