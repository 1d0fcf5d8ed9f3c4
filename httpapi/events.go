package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"dashd/eventlog/index"
	"dashd/internal/display"
	"dashd/internal/wire"
)

// queryEvents serves GET /v1/events and the studio's GET /api/events.
func (s *Server) queryEvents(w http.ResponseWriter, r *request) error {
	q, err := s.eventQuery(r.query, r.principal.Project)
	if err != nil {
		return err
	}
	page, err := s.find(r, q)
	if err != nil {
		return err
	}
	body := bodies.Get().(*[]byte)
	defer giveBack(body)
	out := append((*body)[:0], `{"events":[`...)
	for i := range page.Records {
		if i > 0 {
			out = append(out, ',')
		}
		rec := &page.Records[i]
		message, severity := display.Of(&rec.Event)
		out = wire.AppendEvent(out, rec, message, severity)
	}
	out = appendCursor(append(out, ']'), page)
	out = append(out, `,"total":`...)
	out = strconv.AppendUint(out, page.Total, 10)
	*body = append(out, '}')
	setSeq(w, page.Seq)
	writeBody(w, http.StatusOK, *body)
	return nil
}

// bodies hold what answers are put together in: a page of events has some tens of kB, and to
// grow a slice up to that costs as much as to write the events.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// longestPage is the longest that is kept.
const longestPage = 256 << 10

// giveBack is for a body that was sent.
func giveBack(body *[]byte) {
	if cap(*body) <= longestPage {
		bodies.Put(body)
	}
}

// appendCursor appends the members by which AuthEvent's readers page.
func appendCursor(dst []byte, page index.Page) []byte {
	dst = append(dst, `,"hasMore":`...)
	dst = strconv.AppendBool(dst, page.More)
	dst = append(dst, `,"nextCursor":`...)
	if n := len(page.Records); page.More && n > 0 {
		return appendString(dst, page.Records[n-1].ID)
	}
	return append(dst, "null"...)
}

// find asks the index, for as long as a query may take.
func (s *Server) find(r *request, q index.Query) (index.Page, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.patience.query)
	defer cancel()
	if err := r.bound(&q); err != nil {
		return index.Page{}, err
	}
	return s.Index.Query(ctx, q)
}

// eventStats serves GET /v1/events/stats and the studio's GET /api/events/count.
func (s *Server) eventStats(w http.ResponseWriter, r *request) error {
	q, err := eventFilters(r.query, r.principal.Project)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.patience.query)
	defer cancel()
	if err := r.bound(&q); err != nil {
		return err
	}
	stats, seq, err := s.Index.Stats(ctx, q)
	if err != nil {
		return err
	}
	setSeq(w, seq)
	return writeJSON(w, http.StatusOK, stats)
}
