package httpapi

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/commands"
	"dashd/internal/display"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

// listEvents serves GET /events/list: the project's events, or those of the
// user or organization that is named. An application's user gets his own.
func (s *Server) listEvents(w http.ResponseWriter, r *request) error {
	q, asked, err := logQuery(r)
	if err != nil {
		return err
	}
	return s.logPage(w, r, q, asked)
}

// auditLogs serves GET /events/audit-logs. To an operator it is the list. A user gets his
// own events, or those of the organization he works in that concern him.
func (s *Server) auditLogs(w http.ResponseWriter, r *request) error {
	organization, given := first(r.query, "organizationId")
	if _, ok := r.ofUser(); ok && given && organization != r.token.organization {
		return mayNot("Not allowed to access this organization")
	}
	return s.listEvents(w, r)
}

// organizational are the categories of what happens in organizations.
var organizational = []string{"organization", "member", "team", "invitation", "sso", "directory"}

// allAuditLogs serves GET /events/all-audit-logs: the events of one
// organization, or of all of them, or those of the latter that concern one user. To a
// user, all of them are those he owns or administers.
func (s *Server) allAuditLogs(w http.ResponseWriter, r *request) error {
	_, user := first(r.query, "userId")
	_, organization := first(r.query, "organizationId")
	if user && organization {
		return errs.New(errs.Invalid, "VALIDATION_ERROR", "[query] Provide at most one of userId and organizationId.")
	}
	if me, ok := r.ofUser(); ok {
		return s.administered(w, r, me)
	}
	q, asked, err := logQuery(r)
	if err != nil {
		return err
	}
	if !organization {
		narrowToCategories(&q, organizational)
	}
	return s.logPage(w, r, q, asked)
}

// administered answers with the events of the organizations that me administers.
func (s *Server) administered(w http.ResponseWriter, r *request, me string) error {
	tables, err := s.tablesNow(r)
	if err != nil {
		return err
	}
	asked, one := first(r.query, "organizationId")
	var ids []string
	for _, m := range tables.Memberships(me) {
		if administers(m.Role) && (!one || m.OrganizationID == asked) {
			ids = append(ids, m.OrganizationID)
		}
	}
	if len(ids) == 0 {
		return mayNot("Only organization owners and admins can view activity logs.")
	}
	params := maps.Clone(r.query)
	delete(params, "organizationId")
	user, byUser := first(params, "userId")
	delete(params, "userId")
	q, name, err := queryOf(params, r.principal.Project)
	if err != nil {
		return err
	}
	q.All = append(q.All, organizationTerms(ids...))
	if byUser {
		also(&q, func(rec *eventlog.Record) bool { return concerns(rec, user) })
	}
	return s.logPage(w, r, q, name)
}

// administers reports whether a member's role, which may be several with commas
// between, is one that may see what the others do.
func administers(role string) bool {
	for one := range strings.SplitSeq(role, ",") {
		if one = strings.TrimSpace(one); one == "owner" || one == "admin" {
			return true
		}
	}
	return false
}

// mayNot refuses what an application's user asks for.
func mayNot(message string) error {
	return because(commands.BeyondToken, errs.New(errs.Forbidden, codeOf(message), "%s", message))
}

// narrowToCategories leaves out the events whose type is in none of the categories.
func narrowToCategories(q *index.Query, categories []string) {
	if len(q.Types)+len(q.Categories) == 0 {
		q.Categories = categories
		return
	}
	q.Types = slices.DeleteFunc(slices.Clone(q.Types), func(t eventlog.Type) bool { return !slices.Contains(categories, t.Category()) })
	q.Categories = slices.DeleteFunc(slices.Clone(q.Categories), func(c string) bool { return !slices.Contains(categories, c) })
	if len(q.Types)+len(q.Categories) == 0 {
		nothing(q)
	}
}

// logPage answers with a page of events that carry both the plugin's keys and
// AuthEvent's, and both styles of paging. Filters apply before paging, so total
// is the number of matches.
func (s *Server) logPage(w http.ResponseWriter, r *request, q index.Query, asked string) (err error) {
	q.Limit = lenient(r.query, "limit", dashDefault, 1, dashMax)
	q.Offset = lenient(r.query, "offset", 0, 0, maxOffset)
	_, skips := first(r.query, "offset")
	if after, ok := first(r.query, "after"); ok && !skips {
		if q.After, err = s.place(q.Project, after); err != nil {
			return err
		}
	}
	page, err := s.find(r, q)
	if err != nil {
		return err
	}
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
	out = appendPaging(append(out, ']'), q, page)
	out = appendCursor(out, page)
	setSeq(w, page.Seq)
	writeBody(w, http.StatusOK, append(out, '}'))
	return nil
}

// logQuery reads the filters and the order. asked is the name under which events
// are asked for, if there is one. What an application's user asks for is narrowed to
// what concerns him.
func logQuery(r *request) (q index.Query, asked string, err error) {
	params := maps.Clone(r.query)
	user, byUser := first(params, "userId")
	organization, byOrganization := first(params, "organizationId")
	delete(params, "userId")
	delete(params, "organizationId")
	if me, ok := r.ofUser(); ok {
		if byUser && user != me {
			return q, "", mayNot("Not allowed to access another user's audit logs")
		}
		user, byUser = me, true
	}
	if q, asked, err = queryOf(params, r.principal.Project); err != nil {
		return q, "", err
	}
	if byUser {
		q.All = append(q.All, []index.Term{{Field: index.Key, Value: user}, {Field: index.User, Value: user}})
	}
	if byOrganization {
		q.All = append(q.All, organizationTerms(organization))
	}
	return q, asked, nil
}

// queryOf reads the filters that are neither user nor organization, and the order.
func queryOf(params url.Values, project string) (q index.Query, asked string, err error) {
	if asked, _ = first(params, "eventType"); asked != "" {
		delete(params, "type") // a synonym
	}
	if search, ok := first(params, "search"); ok && !params.Has("q") {
		params.Set("q", search)
	}
	if q, err = eventFilters(params, project); err != nil {
		return q, "", err
	}
	if q.Ascending, err = choice(params, "sort", "desc", "asc"); err != nil {
		return q, "", err
	}
	if asked != "" {
		askType(&q, asked)
	} else if name, ok := first(params, "type"); ok && !strings.ContainsAny(name, ".,") {
		asked = name // the same vocabulary comes back
	}
	if identifier, ok := first(params, "identifier"); ok {
		also(&q, func(rec *eventlog.Record) bool { return hasText(rec, "identifier", identifier) })
	}
	return q, asked, nil
}
