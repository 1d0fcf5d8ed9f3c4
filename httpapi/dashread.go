package httpapi

import (
	"net/http"
	"strconv"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/display"
	"dashd/internal/wire"
)

// The plugin reads in pages of 1 to 100 events, 50 unless told.
const (
	dashDefault = 50
	dashMax     = 100
)

// userEvents serves GET /events/user: the events whose stream is the user's.
func (s *Server) userEvents(w http.ResponseWriter, r *request) error {
	user, ok := first(r.query, "userId")
	if !ok {
		return required("userId")
	}
	return s.dashPage(w, r, index.Query{All: [][]index.Term{{{Field: index.Key, Value: user}}}}, "")
}

// organizationEvents serves GET /events/organization: the events of the
// organization's stream, and those that name it.
func (s *Server) organizationEvents(w http.ResponseWriter, r *request) error {
	id, ok := first(r.query, "organizationId")
	if !ok {
		return required("organizationId")
	}
	return s.dashPage(w, r, index.Query{All: [][]index.Term{organizationTerms(id)}}, "")
}

// organizationTerms select what belongs to any of the organizations.
func organizationTerms(ids ...string) []index.Term {
	var terms []index.Term
	for _, id := range ids {
		terms = append(terms, index.Term{Field: index.Key, Value: id}, index.Term{Field: index.Organization, Value: id})
	}
	return terms
}

// activityEvents serves GET /events/activity: the events of a list of
// organizations. The list is the only fence between the tenants of an
// application, so userId only ever narrows it.
func (s *Server) activityEvents(w http.ResponseWriter, r *request) error {
	params := r.query
	ids := list(params, "organizationIds")
	if len(ids) == 0 {
		return required("organizationIds")
	}
	q := index.Query{All: [][]index.Term{organizationTerms(ids...)}}
	user, byUser := first(params, "userId")
	if byUser && user != eventlog.NoKey {
		// What concerns has to read is narrowed by what the index knows of the same
		// keys; of "unknown" it knows nothing.
		q.All = append(q.All, []index.Term{
			{Field: index.Key, Value: user}, {Field: index.User, Value: user}, {Field: index.Actor, Value: user},
		})
	}
	identifier, byIdentifier := first(params, "identifier")
	if byUser || byIdentifier {
		q.Match = func(rec *eventlog.Record) bool {
			return (!byUser || concerns(rec, user)) && (!byIdentifier || hasText(rec, "identifier", identifier))
		}
	}
	asked, _ := first(params, "eventType")
	return s.dashPage(w, r, q, asked)
}

// concerns reports whether an event is about or by a user, as the plugin means
// it: its stream, or one of three keys of its data.
func concerns(rec *eventlog.Record, user string) bool {
	if rec.Key == user {
		return true
	}
	if rec.Origin.Vocabulary != eventlog.VocabularyDash {
		return rec.UserID == user || rec.ActorID == user
	}
	return hasText(rec, "userId", user) || hasText(rec, "userid", user) || hasText(rec, "triggeredBy", user)
}

func hasText(rec *eventlog.Record, key, want string) bool {
	got, ok := eventlog.MetadataText(rec.Metadata, key)
	return ok && got == want
}

// dashPage answers with a page of events in the plugin's form, newest first by
// the log's order. asked is the event type the caller filters by, if any: any of
// its names selects it, and it comes back under the name that was asked for.
func (s *Server) dashPage(w http.ResponseWriter, r *request, q index.Query, asked string) error {
	q.Project, q.BySeq = r.principal.Project, true
	q.Limit = lenient(r.query, "limit", dashDefault, 1, dashMax)
	q.Offset = lenient(r.query, "offset", 0, 0, maxOffset)
	if asked != "" {
		askType(&q, asked)
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
		options.Message, _ = display.Of(&rec.Event)
		out = wire.AppendDash(out, rec, options)
	}
	out = appendPaging(append(out, ']'), q, page)
	setSeq(w, page.Seq)
	writeBody(w, http.StatusOK, append(out, '}'))
	return nil
}

// appendPaging appends the members by which the plugin pages.
func appendPaging(dst []byte, q index.Query, page index.Page) []byte {
	dst = append(dst, `,"total":`...)
	dst = strconv.AppendUint(dst, page.Total, 10)
	dst = append(dst, `,"limit":`...)
	dst = strconv.AppendInt(dst, int64(q.Limit), 10)
	dst = append(dst, `,"offset":`...)
	return strconv.AppendInt(dst, int64(q.Offset), 10)
}

// askType narrows q to what somebody means who asks for an event type by one of
// its names. A name that fits no vocabulary can only be that of events that were
// sent under it.
func askType(q *index.Query, name string) {
	types, failed := eventlog.TypesOf(name)
	if len(types) == 0 {
		q.Types, q.Categories = nil, []string{"custom"}
		also(q, func(rec *eventlog.Record) bool { return rec.Origin.Type == name })
		return
	}
	q.Types, q.Categories = types, nil
	if failed {
		intersectStatuses(q, []eventlog.Status{eventlog.Failed})
	}
}

// dashOptions are what all items of an answer share.
func (s *Server) dashOptions(r *request, asked string) wire.DashOptions {
	return wire.DashOptions{ProjectID: r.principal.Project, Now: int64(s.now(r)), Names: s.Settings.Names, EventType: asked}
}
