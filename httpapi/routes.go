package httpapi

import "net/http"

// scope is the right a key needs for a route.
type scope string

// The scopes. public is for the routes that answer anybody.
const (
	public      scope = "public"
	eventsWrite scope = "events:write"
	eventsRead  scope = "events:read"
	projectsAll scope = "projects:*"
	keysAll     scope = "keys:*"
	adminOnly   scope = "admin"
)

// ofProject reports whether a route with this scope acts on one project.
func (s scope) ofProject() bool { return s == eventsWrite || s == eventsRead || s == keysAll }

// The paths that are answered before the node is open.
const (
	jwksPath   = "/api/auth/jwks"
	studioPath = "/ingest/studio"
	healthPath = "/healthz"
)

// route is a row of the route table.
type route struct {
	method, pattern string
	scope           scope
	handle          func(http.ResponseWriter, *request) error
	keyInURL        bool // the key may come as ?key=
	json            bool // a body must be declared as JSON
	endless         bool // the answer has no length known before, so there is no HEAD
	unanswered      bool // if nothing can be stored, the connection is closed without an answer
}

// routes is the table of everything the daemon answers.
func (s *Server) routes() []route {
	return []route{
		// Producers.
		{method: "POST", pattern: "/events/track", scope: eventsWrite, handle: s.track},
		{method: "POST", pattern: studioPath, scope: eventsWrite, handle: s.ingestStudio, keyInURL: true, unanswered: true},
		{method: "POST", pattern: "/ingest/events", scope: eventsWrite, handle: s.ingestEvents},

		// The plugin's reads.
		{method: "GET", pattern: "/events/user", scope: eventsRead, handle: s.userEvents},
		{method: "GET", pattern: "/events/organization", scope: eventsRead, handle: s.organizationEvents},
		{method: "GET", pattern: "/events/activity", scope: eventsRead, handle: s.activityEvents},
		{method: "GET", pattern: jwksPath, scope: public, handle: s.jwks},
		{method: "POST", pattern: "/api/auth/check-jti", scope: eventsRead, handle: s.checkJTI, json: true},

		// The dashboard's reads.
		{method: "GET", pattern: "/events/list", scope: eventsRead, handle: s.listEvents},
		{method: "GET", pattern: "/events/audit-logs", scope: eventsRead, handle: s.auditLogs},
		{method: "GET", pattern: "/events/all-audit-logs", scope: eventsRead, handle: s.allAuditLogs},
		{method: "GET", pattern: "/events/types", scope: eventsRead, handle: s.eventTypes},

		// The native API.
		{method: "GET", pattern: "/v1/events", scope: eventsRead, handle: s.queryEvents},
		{method: "GET", pattern: "/v1/events/stats", scope: eventsRead, handle: s.eventStats},
		{method: "GET", pattern: "/v1/events/stream", scope: eventsRead, handle: s.streamEvents, endless: true},
		{method: "GET", pattern: "/v1/projects", scope: projectsAll, handle: s.listProjects},
		{method: "POST", pattern: "/v1/projects", scope: projectsAll, handle: s.createProject, json: true},
		{method: "GET", pattern: "/v1/keys", scope: keysAll, handle: s.listKeys},
		{method: "POST", pattern: "/v1/keys", scope: keysAll, handle: s.createKey, json: true},
		{method: "DELETE", pattern: "/v1/keys/:id", scope: keysAll, handle: s.revokeKey},
		{method: "GET", pattern: "/v1/status", scope: adminOnly, handle: s.status},
		{method: "GET", pattern: "/v1/blocks", scope: adminOnly, handle: s.blocks, endless: true},

		// The studio's reads.
		{method: "GET", pattern: "/api/events", scope: eventsRead, handle: s.queryEvents, keyInURL: true},
		{method: "GET", pattern: "/api/events/count", scope: eventsRead, handle: s.eventStats, keyInURL: true},

		{method: "GET", pattern: healthPath, scope: public, handle: s.healthz},
		{method: "GET", pattern: "/readyz", scope: public, handle: s.readyz},
	}
}
