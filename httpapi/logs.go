package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/display"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

// listEvents serves GET /events/list: the project's events, or those of the
// user or organization that is named.
func (s *Server) listEvents(w http.ResponseWriter, r *request) error { return s.logPage(w, r) }

// auditLogs serves GET /events/audit-logs. To an operator it is the list: what
// the application's own endpoint of that name holds back concerns its users.
func (s *Server) auditLogs(w http.ResponseWriter, r *request) error { return s.logPage(w, r) }

// allAuditLogs serves GET /events/all-audit-logs: the events of one
// organization, or those about one user in any, or those of all organizations.
func (s *Server) allAuditLogs(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	if q.Has("userId") && q.Has("organizationId") {
		return errs.New(errs.Invalid, "BAD_REQUEST", "Provide either userId or organizationId, not both")
	}
	return s.logPage(w, r)
}

// logPage answers with a page of events that carry both the plugin's keys and
// AuthEvent's, and both styles of paging. Filters apply before paging, so total
// is the number of matches.
func (s *Server) logPage(w http.ResponseWriter, r *request) error {
	params := r.URL.Query()
	q, asked, err := s.logQuery(r)
	if err != nil {
		return err
	}
	q.Limit = lenient(params, "limit", dashDefault, 1, dashMax)
	q.Offset = lenient(params, "offset", 0, 0, maxOffset)
	if after, ok := first(params, "after"); ok && !params.Has("offset") {
		if q.After, err = s.place(q.Project, after); err != nil {
			return err
		}
	}
	var page index.Page
	if asked == "" || len(q.Types) > 0 {
		if page, err = s.Index.Query(r.Context(), q); err != nil {
			return err
		}
	}
	setSeq(w, page.Seq)
	return writeBody(w, http.StatusOK, s.appendLogPage(r, q, asked, page))
}

// logQuery reads the filters and the order.
func (s *Server) logQuery(r *request) (q index.Query, asked string, err error) {
	params := r.URL.Query()
	if search, ok := first(params, "search"); ok && !params.Has("q") {
		params.Set("q", search)
	}
	if q, err = eventFilters(params, r.principal.Project); err != nil {
		return q, "", err
	}
	if q.Ascending, err = choice(params, "sort", "desc", "asc"); err != nil {
		return q, "", err
	}
	if asked, _ = first(params, "eventType"); asked != "" {
		askType(&q, asked)
	} else if name, ok := first(params, "type"); ok && !strings.ContainsAny(name, ".,") {
		asked = name // type is a synonym: the same vocabulary comes back
	}
	if identifier, ok := first(params, "identifier"); ok {
		rest := q.Match
		q.Match = func(rec *eventlog.Record) bool {
			return hasText(rec, "identifier", identifier) && (rest == nil || rest(rec))
		}
	}
	return q, asked, nil
}

func (s *Server) appendLogPage(r *request, q index.Query, asked string, page index.Page) []byte {
	options := s.dashOptions(r, asked)
	out := append([]byte(nil), `{"events":[`...)
	for i := range page.Records {
		if i > 0 {
			out = append(out, ',')
		}
		rec := &page.Records[i]
		message, severity := display.Of(&rec.Event)
		options.Message = message
		out = wire.AppendListItem(out, rec, severity, options)
	}
	out = append(out, `],"total":`...)
	out = strconv.AppendUint(out, page.Total, 10)
	out = append(out, `,"limit":`...)
	out = strconv.AppendInt(out, int64(q.Limit), 10)
	out = append(out, `,"offset":`...)
	out = strconv.AppendInt(out, int64(q.Offset), 10)
	out = append(out, `,"hasMore":`...)
	out = strconv.AppendBool(out, page.More)
	out = append(out, `,"nextCursor":`...)
	if n := len(page.Records); page.More && n > 0 {
		out = appendString(out, page.Records[n-1].ID)
	} else {
		out = append(out, "null"...)
	}
	return append(out, '}')
}
