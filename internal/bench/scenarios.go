package bench

import (
	"cmp"
	"encoding/json"
	"maps"
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
	make    func(w *workload, i int) request
}

// request is a request that is ready to be sent.
type request struct {
	method, path string
	header       http.Header
	body         []byte
}

// Scenarios lists what can be measured, in a sensible order: the reads find what
// the writes before them left.
func Scenarios() []Scenario {
	return []Scenario{
		{"track", "the dash plugin's wire: one event a request", 64, 1, trackRequest},
		{"single", "POST /ingest/events, one event a request", 64, 1, batchRequest(1)},
		{"batch100", "POST /ingest/events, 100 events a request", 16, 100, batchRequest(100)},
		{"batch1000", "POST /ingest/events, 1,000 events a request", 8, 1000, batchRequest(1000)},
		{"latest20-hot", "the latest 20 events of the busiest user", 4, 0, latest(func(w *workload, _ int) string { return w.users[0] })},
		{"latest20", "the latest 20 events of a random user", 4, 0, latest(func(w *workload, i int) string { return w.users[i%len(w.users)] })},
		{"latest20-all", "the latest 20 events of the project", 4, 0, get("/v1/events?limit=20")},
		{"count", "the number of failed sign-ins", 4, 0, get("/v1/events/stats?type=login.failed")},
	}
}

// workload is what requests are made of. Requests are made in turn and kept, so
// that making them costs nothing while the clock runs.
type workload struct {
	source *genevents.Source
	users  []string // the busiest first, as far as a sample tells
}

// sample is the number of events from which users are taken.
const sample = 20_000

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

func (w *workload) native() nativeEvent {
	e := w.source.Next()
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
		return request{http.MethodPost, "/ingest/events", jsonBody, mustJSON(events)}
	}
}

func trackRequest(w *workload, _ int) request {
	e := w.source.Next()
	return request{http.MethodPost, "/events/track", jsonBody, mustJSON(map[string]any{
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
