package httpapi

import "dashd/eventlog"

// drainRoutes are the rows of log drains.
func (s *Server) drainRoutes() []route {
	return []route{
		{
			method: "GET", pattern: "/dash/organization/log-drains", scope: drainsRead, handle: s.listDrains,
			section: "12", aliases: []string{"GET /dash/organization/{organizationId}/log-drains"},
		},
		{
			method: "POST", pattern: "/dash/organization/log-drain", scope: drainsWrite, handle: s.createDrain,
			section: "12", aliases: []string{"POST /dash/organization/log-drain/create"},
			command: "DrainCreate", events: []eventlog.Type{eventlog.DashdDrainCreated},
		},
		{
			method: "PATCH", pattern: "/dash/organization/log-drain", scope: drainsWrite, handle: s.updateDrain,
			section: "12", aliases: []string{"POST /dash/organization/log-drain/update"},
			command: "DrainUpdate", events: []eventlog.Type{eventlog.DashdDrainUpdated},
		},
		{
			method: "DELETE", pattern: "/dash/organization/log-drain", scope: drainsWrite, handle: s.deleteDrain,
			section: "12", aliases: []string{"POST /dash/organization/log-drain/delete"},
			command: "DrainDelete", events: []eventlog.Type{eventlog.DashdDrainDeleted},
		},
		{
			method: "POST", pattern: "/dash/organization/log-drain/test", scope: drainsWrite, handle: s.testDrain,
			section: "12", present: sends,
		},
		{
			method: "POST", pattern: "/dash/organization/log-drain/replay", scope: drainsWrite, handle: s.replayDrain,
			section: "12",
			command: "DrainReplay", events: []eventlog.Type{eventlog.DashdDrainReplayed},
		},
		{
			method: "GET", pattern: "/dash/organization/log-drain/status", scope: drainsRead, handle: s.drainStatus,
			section: "12", present: "how a delivery is doing is known of the present only",
		},
	}
}
