package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dashd/eventlog"
)

// scope is the right a key needs for a route.
type scope string

// The scopes. public is for the routes that answer anybody, anyKey for those that
// answer any good key.
const (
	public      scope = "public"
	anyKey      scope = "any"
	eventsWrite scope = "events:write"
	eventsRead  scope = "events:read"
	usersRead   scope = "users:read"
	usersWrite  scope = "users:write"
	orgsRead    scope = "orgs:read"
	orgsWrite   scope = "orgs:write"
	drainsRead  scope = "drains:read"
	drainsWrite scope = "drains:write"
	exports     scope = "export"
	projectsAll scope = "projects:*"
	keysAll     scope = "keys:*"
	adminOnly   scope = "admin"
)

// ofProject reports whether a route with this scope acts on one project.
func (s scope) ofProject() bool { return s != public && s != projectsAll && s != adminOnly }

// The paths that are answered before the node is open.
const (
	jwksPath   = "/api/auth/jwks"
	studioPath = "/ingest/studio"
	healthPath = "/healthz"
)

// route is a row of the route table.
//
// A pattern with {parameters} is one of the reference's own paths; the others are
// those of the seed, and have none, or :parameters. The names of parameters are those of
// identifiers, as in {organizationId}.
type route struct {
	method, pattern string
	scope           scope
	handle          func(http.ResponseWriter, *request) error
	keyInURL        bool // the key may come as ?key=
	json            bool // a body must be declared as JSON; those of the dashboard always must
	endless         bool // the answer has no length known before, so there is no HEAD
	endUsers        bool // an application's user may ask, with a signed token
	anyAge          bool // a signed token may be used again, however old
	here            bool // it acts on this node, or is decided by the log: any node executes it, whoever leads
	unanswered      bool // if nothing can be stored, the connection is closed without an answer
	// present says of a row that changes nothing why it answers as of the present only, for the
	// refusal of asOf=; "": it answers as of any moment.
	present string

	// What the rows of the dashboard's API have besides.

	section      string          // of the contract: "4 POST /dash/user"
	aliases      []string        // "POST /dash/create-user": the reference's method and path for the same
	command      string          // "UserCreate": the command that is executed
	events       []eventlog.Type // what it may append; none if it only reads
	bodyOptional bool            // a POST or PATCH may come without a body
	anyTarget    bool            // a signed token need not name what is changed: it stands in the body
	feature      Feature         // which must be on
	whenOff      any             // what is answered if it is not: a value, or a refusal; nil: that of the feature
}

// Why a row answers as of the present only.
const (
	rightsAreNow   = "rights are those of the present"
	settingsAreNow = "it tells how this node is set"
	nodeIsNow      = "it tells how this node is"
	takesEvents    = "it takes events"
	sends          = "it sends something now"
	secretsAreNow  = "secrets are shown as they are only"
)

// ofDashboard reports whether the route is one of the dashboard's API.
func (rt *route) ofDashboard() bool { return strings.HasPrefix(rt.pattern, "/dash/") }

// mutates reports whether the route changes anything.
func (rt *route) mutates() bool { return len(rt.events) > 0 }

// routes is the table of everything the daemon answers.
func (s *Server) routes() []route {
	table := slices.Concat(s.ownRoutes(), s.systemRoutes(), s.userRoutes(), s.organizationRoutes(), s.ssoRoutes(), s.drainRoutes(), s.analyticsRoutes(), s.diffRoutes())
	for i := range table {
		rt := &table[i]
		if err := rt.check(); err != nil {
			panic(err) // at start, whatever the configuration: the table is code
		}
		rt.json = rt.json || rt.ofDashboard()
		rt.handle = s.gate(rt)
	}
	return table
}

// check finds what is missing in a row. No row is served without a scope.
func (rt *route) check() error {
	switch {
	case rt.scope == "":
		return fmt.Errorf("%s %s has no scope", rt.method, rt.pattern)
	case rt.handle == nil:
		return fmt.Errorf("%s %s has no handler", rt.method, rt.pattern)
	case rt.ofDashboard() && rt.section == "":
		return fmt.Errorf("%s %s names no section of the contract", rt.method, rt.pattern)
	case (rt.command == "") != (len(rt.events) == 0):
		return fmt.Errorf("%s %s has a command or events, not both", rt.method, rt.pattern)
	}
	return nil
}

// systemRoutes are what a dashboard asks before anything else.
func (s *Server) systemRoutes() []route {
	return []route{
		{method: "GET", pattern: "/dash/validate", scope: anyKey, handle: s.validate, section: "17", anyAge: true, present: rightsAreNow},
		{method: "GET", pattern: "/dash/config", scope: usersRead, handle: s.configuration, section: "17", present: settingsAreNow},
		{
			method: "GET", pattern: "/dash/organization/options", scope: orgsRead, handle: s.organizationOptions, section: "17",
			feature: Teams, whenOff: map[string]bool{"teamsEnabled": false}, present: settingsAreNow,
		},
	}
}

// ownRoutes are those of producers, of events, and of dashd itself.
func (s *Server) ownRoutes() []route {
	return []route{
		// Producers.
		{method: "POST", pattern: "/events/track", scope: eventsWrite, handle: s.track, section: "18", present: takesEvents},
		{method: "POST", pattern: studioPath, scope: eventsWrite, handle: s.ingestStudio, keyInURL: true, unanswered: true, present: takesEvents},
		{method: "POST", pattern: "/ingest/events", scope: eventsWrite, handle: s.ingestEvents, present: takesEvents},

		// The plugin's reads.
		{method: "GET", pattern: "/events/user", scope: eventsRead, handle: s.userEvents, section: "18"},
		{method: "GET", pattern: "/events/organization", scope: eventsRead, handle: s.organizationEvents, section: "18"},
		{method: "GET", pattern: "/events/activity", scope: eventsRead, handle: s.activityEvents, section: "18"},
		{method: "GET", pattern: jwksPath, scope: public, handle: s.jwks, section: "18", present: rightsAreNow},
		{method: "POST", pattern: "/api/auth/check-jti", scope: eventsRead, handle: s.checkJTI, json: true, here: true, section: "18", command: "UseJTI", events: []eventlog.Type{eventlog.DashdTokenUsed}},

		// The dashboard's reads.
		{method: "GET", pattern: "/events/list", scope: eventsRead, handle: s.listEvents, endUsers: true, section: "13"},
		{method: "GET", pattern: "/events/audit-logs", scope: eventsRead, handle: s.auditLogs, endUsers: true, section: "13"},
		{method: "GET", pattern: "/events/all-audit-logs", scope: eventsRead, handle: s.allAuditLogs, endUsers: true, section: "13"},
		{method: "GET", pattern: "/events/types", scope: eventsRead, handle: s.eventTypes, endUsers: true, section: "13"},

		// The native API.
		{method: "GET", pattern: "/v1/events", scope: eventsRead, handle: s.queryEvents},
		{method: "GET", pattern: "/v1/events/stats", scope: eventsRead, handle: s.eventStats},
		{method: "GET", pattern: "/v1/analytics/timeseries", scope: eventsRead, handle: s.timeseries},
		{method: "GET", pattern: "/v1/analytics/cohorts", scope: usersRead, handle: s.cohorts},
		{method: "GET", pattern: "/v1/analytics/cohorts/users", scope: usersRead, handle: s.cohortMembers},
		{method: "GET", pattern: "/v1/events/stream", scope: eventsRead, handle: s.streamEvents, endless: true, present: "it follows the log"},
		{method: "GET", pattern: "/v1/projects", scope: projectsAll, handle: s.listProjects},
		{method: "POST", pattern: "/v1/projects", scope: projectsAll, handle: s.createProject, json: true, command: "ProjectCreate", events: []eventlog.Type{eventlog.DashdProjectCreated}},
		{method: "GET", pattern: "/v1/keys", scope: keysAll, handle: s.listKeys},
		{method: "POST", pattern: "/v1/keys", scope: keysAll, handle: s.createKey, json: true, command: "KeyCreate", events: []eventlog.Type{eventlog.DashdKeyCreated}},
		{method: "DELETE", pattern: "/v1/keys/:id", scope: keysAll, handle: s.revokeKey, command: "KeyRevoke", events: []eventlog.Type{eventlog.DashdKeyRevoked}},
		{method: "GET", pattern: "/v1/status", scope: adminOnly, handle: s.status, present: nodeIsNow},
		{method: "GET", pattern: "/v1/blocks", scope: adminOnly, handle: s.blocks, endless: true, present: "it is the log itself: name its blocks with from and to"},

		{method: "GET", pattern: "/v1/cluster", scope: adminOnly, handle: s.clusterStatus, present: nodeIsNow},
		{method: "POST", pattern: "/v1/cluster/join-tokens", scope: adminOnly, handle: s.createJoinToken, json: true, bodyOptional: true, command: "JoinTokenCreate", events: []eventlog.Type{eventlog.DashdJoinTokenCreated}},
		{method: "POST", pattern: "/v1/cluster/transfer", scope: adminOnly, handle: s.transferLead, json: true, bodyOptional: true, command: "LeadershipTransfer", events: []eventlog.Type{eventlog.DashdLeadershipTransferred}},
		{method: "DELETE", pattern: "/v1/cluster/nodes/:id", scope: adminOnly, handle: s.removeNode, command: "NodeRemove", events: []eventlog.Type{eventlog.DashdNodeRemoved}},

		{method: "POST", pattern: "/v1/projections/dash/rebuild", scope: adminOnly, handle: s.rebuildProjection, here: true, command: "ProjectionRebuild", events: []eventlog.Type{eventlog.DashdProjectionRebuild}},
		{method: "GET", pattern: "/v1/projections/dash/memory", scope: adminOnly, handle: s.projectionMemory, present: nodeIsNow},
		{method: "GET", pattern: "/v1/projections/dash/rows", scope: adminOnly, handle: s.projectionRows, endless: true, present: nodeIsNow},

		// The studio's reads.
		{method: "GET", pattern: "/api/events", scope: eventsRead, handle: s.queryEvents, keyInURL: true},
		{method: "GET", pattern: "/api/events/count", scope: eventsRead, handle: s.eventStats, keyInURL: true},

		{method: "GET", pattern: healthPath, scope: public, handle: s.healthz, present: nodeIsNow},
		{method: "GET", pattern: "/readyz", scope: public, handle: s.readyz, present: nodeIsNow},
	}
}
