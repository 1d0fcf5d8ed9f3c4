package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/display"
)

// studioBatch is how many events the studio gathers in the configuration that dashd recommends.
const studioBatch = 50

// studioEvent is an event as the studio sends it. Its producer chose id and time.
type studioEvent struct {
	ID        string          `json:"id"`
	Type      eventlog.Type   `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Status    string          `json:"status"`
	UserID    string          `json:"userId,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Metadata  json.RawMessage `json:"metadata"`
	IPAddress string          `json:"ipAddress,omitempty"`
	Source    string          `json:"source"`
	Display   studioDisplay   `json:"display"`
}

type studioDisplay struct {
	Message  string `json:"message"`
	Severity string `json:"severity"`
}

// idPlace stands where the id of an event will be: its last twelve digits are those of the request, the
// four in front the number in it, and the first eight are of the run.
const idPlace = "00000000-%04x-4000-8000-000000000000"

func studioRequest(w *workload, _ int) request {
	events := make([]studioEvent, studioBatch)
	for i := range events {
		e := w.next()
		message, severity := display.Of(&e)
		events[i] = studioEvent{
			ID: fmt.Sprintf(idPlace, i), Type: e.Type, Timestamp: time.UnixMilli(e.Time).UTC(), Status: e.Status.String(), UserID: e.UserID,
			SessionID: e.SessionID, Metadata: e.Metadata, IPAddress: e.IPAddress, Source: e.Source.String(),
			Display: studioDisplay{message, severity.String()},
		}
	}
	rq := request{
		method: http.MethodPost, path: "/ingest/studio", header: jsonBody, events: studioBatch,
		body: mustJSON(map[string]any{"events": events}),
	}
	begin := []byte(`{"id":"00000000-`)
	for at := 0; ; at += len(begin) {
		next := bytes.Index(rq.body[at:], begin)
		if next < 0 {
			return rq
		}
		at += next
		rq.ids = append(rq.ids, at+len(`{"id":"`))
	}
}

// giveIDs makes the ids of rq's events those of request n of a run, in a body of its own.
func (rq *request) giveIDs(run uint32, n int) {
	if len(rq.ids) == 0 {
		return
	}
	rq.body = slices.Clone(rq.body)
	first, last := fmt.Appendf(nil, "%08x", run), fmt.Appendf(nil, "%012x", n)
	for _, at := range rq.ids {
		copy(rq.body[at:], first)
		copy(rq.body[at+len(idOfRun):], last)
	}
}

// idOfRun is what stands in front of the digits of the request.
const idOfRun = "00000000-0000-4000-8000-"

// mixed is what an application and those who look at its dashboard read, in the shares that the scenario names.
func mixed(w *workload, i int) request {
	random := func(w *workload, i int) string { return w.users[i*7%len(w.users)] }
	switch k := i % 20; {
	case k < 9:
		return latest(random)(w, i)
	case k < 13:
		return get("/dash/users?limit=25")(w, i)
	case k < 16:
		return get("/v1/events?limit=20")(w, i)
	case k < 18:
		return get("/v1/events/stats?type=login.failed")(w, i)
	}
	return get("/dash/stats")(w, i)
}

// statsAsOf asks for the figures of a random moment.
func statsAsOf(w *workload, _ int) request {
	if w.rng == nil {
		w.rng = rand.New(rand.NewPCG(1, 0x61736f66))
	}
	return read(fmt.Sprintf("/dash/stats?asOf=%d", 1+w.rng.IntN(max(w.preloaded, 1))))
}
