package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/display"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

const (
	defaultPage = 20
	maxPage     = 1000
	maxOffset   = 1 << 53
)

// eventQuery reads the options of GET /v1/events: the filters, the page and the
// order.
func (s *Server) eventQuery(q url.Values, project string) (index.Query, error) {
	iq, err := eventFilters(q, project)
	if err != nil {
		return iq, err
	}
	if iq.Limit, err = strict(q, "limit", defaultPage, 1, maxPage); err != nil {
		return iq, err
	}
	if iq.Offset, err = strict(q, "offset", 0, 0, maxOffset); err != nil {
		return iq, err
	}
	if iq.Ascending, err = choice(q, "sort", "desc", "asc"); err != nil {
		return iq, err
	}
	if iq.BySeq, err = choice(q, "order", "time", "seq"); err != nil {
		return iq, err
	}
	_, skips := first(q, "offset")
	if after, ok := first(q, "after"); ok && !skips {
		iq.After, err = s.place(project, after)
	}
	return iq, err
}

// place finds where the event with the given id stands.
func (s *Server) place(project, id string) (*index.Place, error) {
	seq, ok, err := s.Store.FindID(project, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errs.New(errs.Invalid, "INVALID_CURSOR", "after names no event of this project")
	}
	rec, err := s.Store.Read(seq)
	if err != nil {
		return nil, err
	}
	return &index.Place{Time: rec.Time, Seq: seq}, nil
}

// eventFilters reads which events are asked for.
func eventFilters(q url.Values, project string) (index.Query, error) {
	iq := index.Query{Project: project}
	if err := typeFilter(&iq, list(q, "type")); err != nil {
		return iq, err
	}
	statuses, err := names(q, "status", eventlog.ParseStatus)
	if err != nil {
		return iq, err
	}
	intersectStatuses(&iq, statuses)
	if iq.Severities, err = names(q, "severity", eventlog.ParseSeverity); err != nil {
		return iq, err
	}
	if iq.Sources, err = names(q, "source", eventlog.ParseSource); err != nil {
		return iq, err
	}
	for _, f := range []struct {
		param string
		field index.Field
	}{
		{"userId", index.User},
		{"organizationId", index.Organization},
		{"sessionId", index.Session},
		{"actorId", index.Actor},
	} {
		if v, ok := first(q, f.param); ok {
			iq.All = append(iq.All, []index.Term{{Field: f.field, Value: v}})
		}
	}
	if v, ok := first(q, "ip"); ok {
		addr, ok := eventlog.CleanIP(v)
		if !ok {
			return iq, invalid("ip", "expected an IP address")
		}
		iq.All = append(iq.All, []index.Term{{Field: index.IP, Value: addr}})
	}
	if countries := list(q, "country"); len(countries) > 0 {
		var any []index.Term
		for _, c := range countries {
			any = append(any, index.Term{Field: index.Country, Value: strings.ToUpper(c)})
		}
		iq.All = append(iq.All, any)
	}
	if iq.Since, err = instant(q, "since"); err != nil {
		return iq, err
	}
	if iq.Until, err = instant(q, "until"); err != nil {
		return iq, err
	}
	return iq, residualFilters(&iq, q)
}

// intersectStatuses narrows the query to statuses, if any are asked for.
func intersectStatuses(iq *index.Query, asked []eventlog.Status) {
	if len(asked) == 0 {
		return
	}
	if len(iq.Statuses) == 0 {
		iq.Statuses = asked
		return
	}
	iq.Statuses = slices.DeleteFunc(slices.Clone(iq.Statuses), func(s eventlog.Status) bool { return !slices.Contains(asked, s) })
	if len(iq.Statuses) == 0 { // the name of the type means failed events, the status does not
		nothing(iq)
	}
}

// nothing makes the query select no event, without looking at any.
func nothing(iq *index.Query) { iq.All = append(iq.All, nil) }

// also narrows the query to the events for which match holds.
func also(iq *index.Query, match func(*eventlog.Record) bool) {
	if before := iq.Match; before != nil {
		iq.Match = func(r *eventlog.Record) bool { return before(r) && match(r) }
		return
	}
	iq.Match = match
}

// residualFilters adds what no index answers, so that every event that passes
// the rest has to be read.
func residualFilters(iq *index.Query, q url.Values) error {
	vocabularies, err := names(q, "origin", eventlog.ParseVocabulary)
	if err != nil {
		return err
	}
	if len(vocabularies) > 0 {
		also(iq, func(r *eventlog.Record) bool { return slices.Contains(vocabularies, r.Origin.Vocabulary) })
	}
	if text, search := first(q, "q"); search {
		needle := strings.ToLower(text)
		also(iq, func(r *eventlog.Record) bool { return contains(r, needle) })
	}
	return nil
}

// contains reports whether an event's message, type, ids, name or e-mail contain
// the lower-case needle, ignoring case.
func contains(r *eventlog.Record, needle string) bool {
	message, _ := display.Of(&r.Event)
	for _, hay := range []string{
		message, string(r.Type), r.ID, r.UserID, r.SessionID, r.OrganizationID, r.ActorID, r.Key,
	} {
		if strings.Contains(strings.ToLower(hay), needle) {
			return true
		}
	}
	for _, key := range []string{"name", "email", "userName", "userEmail"} {
		if v, ok := eventlog.MetadataText(r.Metadata, key); ok && strings.Contains(strings.ToLower(v), needle) {
			return true
		}
	}
	return false
}

// typeFilter selects types by any of their names, and categories as "user.*".
func typeFilter(iq *index.Query, asked []string) error {
	onlyFailed := map[eventlog.Type]bool{} // false: any status
	for _, name := range asked {
		if category, ok := strings.CutSuffix(name, ".*"); ok {
			iq.Categories = append(iq.Categories, category)
			continue
		}
		types, failed := eventlog.TypesOf(name)
		if len(types) == 0 {
			return invalid("type", "%q is not the name of a type", name)
		}
		for _, t := range types {
			before, seen := onlyFailed[t]
			if !seen {
				iq.Types = append(iq.Types, t)
			}
			onlyFailed[t] = failed && (before || !seen)
		}
	}
	narrowToFailed(iq, onlyFailed)
	return nil
}

// narrowToFailed leaves out the events of a type that are not failed, if the name
// that was asked for means only those: user_sign_in_failed.
func narrowToFailed(iq *index.Query, onlyFailed map[eventlog.Type]bool) {
	n := 0
	for _, only := range onlyFailed {
		if only {
			n++
		}
	}
	switch {
	case n == 0:
	case n == len(onlyFailed) && len(iq.Categories) == 0:
		iq.Statuses = []eventlog.Status{eventlog.Failed}
	default:
		categories := iq.Categories
		also(iq, func(r *eventlog.Record) bool {
			return r.Status == eventlog.Failed || !onlyFailed[r.Type] || slices.Contains(categories, r.Type.Category())
		})
	}
}

// names reads a comma-separated list of names of an enumeration.
func names[T any](q url.Values, param string, parse func(string) (T, bool)) ([]T, error) {
	var all []T
	for _, name := range list(q, param) {
		v, ok := parse(name)
		if !ok {
			return nil, invalid(param, "%q is not one of its values", name)
		}
		all = append(all, v)
	}
	return all, nil
}

// choice reads a parameter with two values and reports whether it is the second;
// the first is the default.
func choice(q url.Values, param, first1, second string) (bool, error) {
	switch v, given := first(q, param); {
	case !given || v == first1:
		return false, nil
	case v == second:
		return true, nil
	}
	return false, invalid(param, `Invalid option: expected one of "%s"|"%s"`, first1, second)
}

// instant reads a time: ISO 8601 or milliseconds since 1970.
func instant(q url.Values, param string) (*int64, error) {
	text, ok := first(q, param)
	if !ok {
		return nil, nil
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return &ms, nil
	}
	ms, ok := wire.ParseTime([]byte(text))
	if !ok {
		return nil, invalid(param, "expected an ISO 8601 time or milliseconds since 1970")
	}
	return &ms, nil
}
