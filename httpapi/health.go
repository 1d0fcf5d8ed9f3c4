package httpapi

import "net/http"

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *request) error {
	writeBody(w, http.StatusOK, []byte(`{"status":"ok"}`))
	return nil
}

// readyz says whether this node can take and answer requests. The reasons why
// not are for operators: they stand in GET /v1/status.
func (s *Server) readyz(w http.ResponseWriter, _ *request) error {
	if len(s.Health.Ready()) > 0 {
		writeBody(w, http.StatusServiceUnavailable, []byte(`{"status":"not ready"}`))
		return nil
	}
	writeBody(w, http.StatusOK, []byte(`{"status":"ready"}`))
	return nil
}

// status serves GET /v1/status.
func (s *Server) status(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, s.Health.Status())
}
