package httpapi

import (
	"net/http"

	"dashd/projections"
)

// analyticsRoutes is a part of the route table.
func (s *Server) analyticsRoutes() []route {
	return []route{
		{
			method: "GET", pattern: "/dash/stats", scope: usersRead, handle: s.stats, section: "14 GET /dash/stats",
			aliases: []string{"GET /dash/user-stats"},
		},
		{
			method: "GET", pattern: "/dash/graph", scope: usersRead, handle: s.graph, section: "14 GET /dash/graph",
			aliases: []string{"GET /dash/user-graph-data"},
		},
		{
			method: "GET", pattern: "/dash/retention", scope: usersRead, handle: s.retention, section: "14 GET /dash/retention",
			aliases: []string{"GET /dash/user-retention-data"},
		},
		{
			method: "GET", pattern: "/dash/map", scope: usersRead, handle: s.worldMap, section: "14 GET /dash/map",
			aliases: []string{"GET /dash/user-map-data"},
		},
	}
}

// activity is where the application's activity is read from: while it is tracked,
// from the users, else from their sessions.
func (s *Server) activity() projections.Activity {
	if s.Settings.ActivityTracking {
		return projections.ActivityLastActive
	}
	return projections.ActivitySessions
}

// sources are the names of what activity is read from.
var sources = map[string]projections.Activity{
	"sessions":     projections.ActivitySessions,
	"lastActiveAt": projections.ActivityLastActive,
	"events":       projections.ActivityEvents,
}

// figures reads what figures over time are asked for, by default of a period.
func (s *Server) figures(w http.ResponseWriter, r *request, def projections.Period) (q projections.FigureQuery, err error) {
	in := s.read(w, r)
	q = projections.FigureQuery{Now: s.now(r), Source: s.activity(), Period: def}
	if p := in.optionalText("period", oneOf(string(projections.Daily), string(projections.Weekly), string(projections.Monthly))); p != nil {
		q.Period = projections.Period(*p)
	}
	if name := in.optionalText("source", oneOf("sessions", "lastActiveAt", "events")); name != nil {
		q.Source = sources[*name]
	}
	q.OrganizationID = in.optionalID("organizationId")
	if err := in.err(); err != nil {
		return q, err
	}
	q.Since, q.Until, err = sinceUntil(r)
	return q, err
}

// sinceUntil reads since= and until=.
func sinceUntil(r *request) (since, until *projections.Time, err error) {
	for _, p := range []struct {
		name string
		at   **projections.Time
	}{{"since", &since}, {"until", &until}} {
		ms, err := instant(r.query, p.name)
		switch {
		case err != nil:
			return nil, nil, err
		case ms == nil:
		case *ms < projections.MinTime || *ms > projections.MaxTime:
			return nil, nil, invalid(p.name, "expected a time of the years 1 to 9999")
		default:
			*p.at = new(projections.Time(*ms))
		}
	}
	return since, until, nil
}

func (s *Server) stats(w http.ResponseWriter, r *request) error {
	q, err := s.figures(w, r, "")
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	stats, err := t.Stats(q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, stats)
}

// overTime is the answer to a question about several windows.
type overTime[Row any] struct {
	Data   []Row              `json:"data"`
	Period projections.Period `json:"period"`
}

func (s *Server) graph(w http.ResponseWriter, r *request) error {
	return rowsOverTime(s, w, r, projections.Daily, (*projections.Tables).Graph)
}

func (s *Server) retention(w http.ResponseWriter, r *request) error {
	return rowsOverTime(s, w, r, projections.Weekly, (*projections.Tables).Retention)
}

// rowsOverTime serves figures of several windows.
func rowsOverTime[Row any](
	s *Server, w http.ResponseWriter, r *request, def projections.Period,
	rows func(*projections.Tables, projections.FigureQuery) ([]Row, error),
) error {
	q, err := s.figures(w, r, def)
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	data, err := rows(t, q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, overTime[Row]{data, q.Period})
}

// mapCities is how many cities the map names, unless told.
const mapCities = 100

func (s *Server) worldMap(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	q := projections.MapQuery{
		Cities:         lenient(r.query, "limit", mapCities, 1, 1000),
		OrganizationID: in.optionalID("organizationId"),
	}
	if err := in.err(); err != nil {
		return err
	}
	var err error
	if q.Since, q.Until, err = sinceUntil(r); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.placed(t.WorldMap(q)))
}
