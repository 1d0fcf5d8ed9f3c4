package httpapi

import (
	"errors"
	"net/http"
)

// rebuildBegun is the answer of POST /v1/projections/dash/rebuild.
type rebuildBegun struct {
	// Number is that of dash.rebuilt in the node's status when the rebuild is done.
	Number uint64 `json:"number"`
}

// rebuildProjection serves POST /v1/projections/dash/rebuild. It answers when the rebuild has begun.
func (s *Server) rebuildProjection(w http.ResponseWriter, r *request) error {
	number, err := s.Commands.RebuildProjection(r.Context(), r.principal, s.Dash)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rebuildBegun{number})
}

// projectionRows serves GET /v1/projections/dash/rows: the rows of all projects as this node has
// them, as of after= at least, for comparison by another process. projections.ReadImage reads them.
func (s *Server) projectionRows(w http.ResponseWriter, r *request) error {
	after, err := strict(r.query, "after", 0, 0, maxOffset)
	if err != nil {
		return err
	}
	r.fresh.after = uint64(after)
	if err := s.folded(r); err != nil {
		return err
	}
	image := s.Dash.Image()
	setSeq(w, image.Seq())
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	sink := s.newSink(w)
	err = image.WriteRows(s.Dash.Status().Version, func(b []byte) error {
		if err := r.Context().Err(); err != nil {
			return errGone
		}
		return sink.write(b)
	})
	if errors.Is(err, errGone) {
		panic(http.ErrAbortHandler)
	}
	return err
}
