package httpapi

import (
	"net/url"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
)

// Route is a row of the route table.
type Route struct {
	Method, Pattern, Scope string
	Aliases                []string
	Section, Command       string
	Events                 []eventlog.Type
	KeyInURL, EndUsers     bool
}

// Public is the scope of the routes that answer anybody, AnyKey of those that answer
// any good key.
const (
	Public = string(public)
	AnyKey = string(anyKey)
)

// Routes is the route table.
func Routes() []Route {
	var all []Route
	for _, rt := range new(Server).routes() {
		all = append(all, Route{
			Method: rt.method, Pattern: rt.pattern, Scope: string(rt.scope), Aliases: rt.aliases,
			Section: rt.section, Command: rt.command, Events: rt.events, KeyInURL: rt.keyInURL, EndUsers: rt.endUsers,
		})
	}
	return all
}

// The limits of batches.
const (
	MaxBatchBody    = maxBatchBody
	MaxStudioEvents = maxStudioEvents
	BatchEvents     = batchEvents
	BatchBytes      = batchBytes
)

// SetPatience changes how long a server waits for others; 0 changes nothing.
func (s *Server) SetPatience(heartbeat, write, body, query time.Duration) {
	for _, p := range []struct {
		have *time.Duration
		want time.Duration
	}{{&s.patience.heartbeat, heartbeat}, {&s.patience.write, write}, {&s.patience.body, body}, {&s.patience.query, query}} {
		if p.want != 0 {
			*p.have = p.want
		}
	}
}

// EventQuery reads the query string of GET /v1/events.
func (s *Server) EventQuery(q url.Values, project string) (index.Query, error) {
	return s.eventQuery(q, project)
}
