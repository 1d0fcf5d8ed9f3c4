package httpapi

import (
	"net/http"
	"strconv"

	"dashd/internal/display"
	"dashd/internal/wire"
)

// queryEvents serves GET /v1/events and the studio's GET /api/events.
func (s *Server) queryEvents(w http.ResponseWriter, r *request) error {
	q, err := s.eventQuery(r.URL.Query(), r.principal.Project)
	if err != nil {
		return err
	}
	page, err := s.Index.Query(r.Context(), q)
	if err != nil {
		return err
	}
	out := append([]byte(nil), `{"events":[`...)
	for i := range page.Records {
		if i > 0 {
			out = append(out, ',')
		}
		rec := &page.Records[i]
		message, severity := display.Of(&rec.Event)
		out = wire.AppendEvent(out, rec, message, severity)
	}
	out = append(out, `],"hasMore":`...)
	out = strconv.AppendBool(out, page.More)
	out = append(out, `,"nextCursor":`...)
	if n := len(page.Records); page.More && n > 0 {
		out = appendString(out, page.Records[n-1].ID)
	} else {
		out = append(out, "null"...)
	}
	out = append(out, `,"total":`...)
	out = strconv.AppendUint(out, page.Total, 10)
	setSeq(w, page.Seq)
	return writeBody(w, http.StatusOK, append(out, '}'))
}

// eventStats serves GET /v1/events/stats and the studio's GET /api/events/count.
func (s *Server) eventStats(w http.ResponseWriter, r *request) error {
	q, err := eventFilters(r.URL.Query(), r.principal.Project)
	if err != nil {
		return err
	}
	stats, seq, err := s.Index.Stats(r.Context(), q)
	if err != nil {
		return err
	}
	setSeq(w, seq)
	return writeJSON(w, http.StatusOK, stats)
}

// setSeq says which position of the log an answer is as of.
func setSeq(w http.ResponseWriter, seq uint64) {
	w.Header().Set("Dashd-Seq", strconv.FormatUint(seq, 10))
}
