package httpapi

import (
	"net/http"

	"dashd/internal/errs"
	"dashd/projections"
)

// tablesMemory is the answer of GET /v1/projections/dash/memory.
type tablesMemory struct {
	Seq     uint64                   `json:"seq"`
	Bytes   int64                    `json:"bytes"`
	Figures int64                    `json:"figures"` // of those, what is there for figures over time alone
	Tables  []projections.TableBytes `json:"tables"`
}

// projectionMemory serves GET /v1/projections/dash/memory: how much of the heap the rows of all projects and
// what finds them take. It looks at all of them, so one request does it at a time.
func (s *Server) projectionMemory(w http.ResponseWriter, r *request) error {
	if err := s.started(); err != nil {
		return err
	}
	if !s.weighing.TryLock() {
		return errs.New(errs.Busy, "BUSY", "the memory is being looked at for another request; try again")
	}
	defer s.weighing.Unlock()
	image := s.Dash.Image()
	setSeq(w, image.Seq())
	m := tablesMemory{Seq: image.Seq(), Tables: image.Memory()}
	for _, t := range m.Tables {
		if m.Bytes += t.Bytes; t.Figures {
			m.Figures += t.Bytes
		}
	}
	return writeJSON(w, http.StatusOK, m)
}
