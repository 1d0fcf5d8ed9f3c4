// Package sample makes the events that peers are sent: the same that dashd is sent by its load
// generator, from the same source, seed and number of users, in the same number of different requests.
//
// Start reading at [Sample].
package sample

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/genevents"
)

// What "dashd bench" uses unless it is told otherwise.
const (
	Seed  = 1
	Users = 50_000
)

// drawn is how many events the source makes before the first that is sent: dashd's load generator learns from them who is busy.
const drawn = 20_000

// kept is how many events are made before the clock starts.
const kept = 20_000

// Sample is where events come from. It is not safe for concurrent use.
type Sample struct {
	source *genevents.Source
	users  []string
}

// New returns the sample that dashd's scenarios have with the same seed and users.
func New(seed uint64, users int) *Sample {
	s := &Sample{source: genevents.New(seed, users)}
	count := map[string]int{}
	for range drawn {
		if id := s.source.Next().UserID; id != "" {
			count[id]++
		}
	}
	s.users = slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	return s
}

// Users are those that reads ask for, the busiest first.
func (s *Sample) Users() []string { return s.users }

// Next returns the next event, with a place, as a log would store it. Its ID is new.
func (s *Sample) Next() eventlog.Event { return s.source.Next() }

// Batch returns the next n events.
func (s *Sample) Batch(n int) []eventlog.Event {
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i] = s.Next()
	}
	return events
}

// Requests returns the different requests of n events each that dashd's scenario with such requests makes before the clock starts, and
// sends in turn, again and again. Whoever stores them under an id needs a new one each time: see [IDs].
func (s *Sample) Requests(n int) [][]eventlog.Event {
	requests := make([][]eventlog.Event, max(64, min(2048, kept/n)))
	for i := range requests {
		requests[i] = s.Batch(n)
	}
	return requests
}

// JSON is the text that dashd is sent for an event: what a store that looks into nothing would keep.
func JSON(e *eventlog.Event) []byte {
	text, err := json.Marshal(native{
		Type: e.Type, Timestamp: time.UnixMilli(e.Time).UTC(), Status: e.Status.String(), Source: e.Source.String(),
		UserID: e.UserID, SessionID: e.SessionID, OrganizationID: e.OrganizationID,
		IPAddress: e.IPAddress, UserAgent: e.UserAgent, Metadata: e.Metadata,
	})
	if err != nil {
		panic(err) // such a value has a JSON text
	}
	return text
}

// native is an event as an HTTP client sends it to dashd, without an id.
type native struct {
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
