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

// period reads the grain that is asked for.
func (s *Server) period(in *input, def projections.Period) projections.Period {
	asked := in.optionalText("period", oneOf(string(projections.Daily), string(projections.Weekly), string(projections.Monthly)))
	if asked == nil {
		return def
	}
	return projections.Period(*asked)
}

func (s *Server) stats(w http.ResponseWriter, r *request) error {
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t.Stats(s.now(r), s.activity()))
}

// overTime is the answer to a question about several windows.
type overTime[Row any] struct {
	Data   []Row              `json:"data"`
	Period projections.Period `json:"period"`
}

func (s *Server) graph(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	p := s.period(in, projections.Daily)
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	points := t.Graph(s.now(r), p, s.activity())
	return writeJSON(w, http.StatusOK, overTime[projections.GraphPoint]{points, p})
}

func (s *Server) retention(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	p := s.period(in, projections.Weekly)
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	rows := t.Retention(s.now(r), p, s.activity())
	return writeJSON(w, http.StatusOK, overTime[projections.RetentionRow]{rows, p})
}

// mapCities is how many cities the map names, unless told.
const mapCities = 100

func (s *Server) worldMap(w http.ResponseWriter, r *request) error {
	q := projections.MapQuery{Cities: lenient(r.query, "limit", mapCities, 1, 1000)}
	for name, at := range map[string]*projections.Time{"since": &q.Since, "until": &q.Until} {
		ms, err := instant(r.query, name)
		if err != nil {
			return err
		}
		if ms != nil {
			*at = projections.Time(*ms)
		}
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.placed(t.WorldMap(q)))
}
