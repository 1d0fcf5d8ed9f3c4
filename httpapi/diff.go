package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"dashd/eventlog"
	"dashd/internal/display"
	"dashd/internal/errs"
	"dashd/projections"
)

const (
	diffPage    = 100
	maxDiffPage = 1000
)

// diffRoutes are the rows of what differs between two moments.
func (s *Server) diffRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/diff", scope: usersRead, handle: s.diff, present: "name two moments with from and to"},
	}
}

// diffAnswer is the answer of GET /v1/diff.
type diffAnswer struct {
	From    diffMoment `json:"from"`
	To      diffMoment `json:"to"`
	Added   int        `json:"added"` // of all pages
	Removed int        `json:"removed"`
	Changed int        `json:"changed"`
	Rows    []diffRow  `json:"rows"`
	More    bool       `json:"hasMore"`
	Cursor  *string    `json:"nextCursor"`
}

type diffMoment struct {
	Seq  uint64      `json:"seq"`
	Time instantText `json:"time"`
}

type diffRow struct {
	projections.RowChange
	EventCount int         `json:"eventCount"`
	Events     []diffEvent `json:"events"`
}

// diffEvent is an event that changed a row.
type diffEvent struct {
	Seq     uint64      `json:"seq"`
	ID      string      `json:"id"`
	Type    string      `json:"type"`
	Time    instantText `json:"timestamp"`
	UserID  string      `json:"userId,omitempty"`
	ActorID string      `json:"actorId,omitempty"`
	Message string      `json:"message"`
}

// diff serves GET /v1/diff?from=&to=: the rows that were added, removed and changed by the events after
// from, up to to, and which events did it.
func (s *Server) diff(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	q := projections.DiffQuery{
		Project: r.principal.Project, UserID: in.optionalID("userId"), OrganizationID: in.optionalID("organizationId"),
	}
	if err := in.err(); err != nil {
		return err
	}
	var err error
	if q.Kinds, err = diffKinds(r); err != nil {
		return err
	}
	limit, err := strict(r.query, "limit", diffPage, 1, maxDiffPage)
	if err != nil {
		return err
	}
	from, to, skip, err := s.diffRange(r)
	if err != nil {
		return err
	}
	if err := s.started(); err != nil {
		return err
	}
	q.From, q.To = from.seq, to.seq
	d, err := s.History.Diff(r.Context(), q)
	if err != nil {
		return err
	}
	a := diffAnswer{From: diffMoment{from.seq, instantText(from.at)}, To: diffMoment{to.seq, instantText(to.at)}, Rows: []diffRow{}}
	a.Added, a.Removed, a.Changed = d.Count()
	for i := min(skip, d.Len()); i < min(skip+limit, d.Len()); i++ {
		row, err := s.diffRow(d.Row(i))
		if err != nil {
			return err
		}
		a.Rows = append(a.Rows, row)
	}
	if next := skip + limit; next < d.Len() {
		text := diffCursor(from, to, next)
		a.More, a.Cursor = true, &text
	}
	setSeq(w, to.seq)
	return writeJSON(w, http.StatusOK, a)
}

// kindScopes are the rights that the kinds of rows need which are not of users.
var kindScopes = map[string]scope{
	projections.KindOrganization: orgsRead, projections.KindMember: orgsRead, projections.KindTeam: orgsRead,
	projections.KindTeamMember: orgsRead, projections.KindInvitation: orgsRead, projections.KindSSOProvider: orgsRead,
	projections.KindDirectory: orgsRead, projections.KindDrain: drainsRead,
}

// diffKinds are the kinds of rows that are asked for, all by default. The key must be good for each.
func diffKinds(r *request) (kinds []string, err error) {
	for _, name := range list(r.query, "kind") {
		kind, ok := projections.KindOf(name)
		if !ok {
			return nil, invalid("kind", "expected some of %v", projections.Kinds())
		}
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		kinds = projections.Kinds()
	}
	for _, kind := range kinds {
		if need := kindScopes[kind]; need != "" && !r.principal.Can(string(need)) {
			return nil, errs.New(errs.Forbidden, "FORBIDDEN", "this key lacks the scope %s, without which there is no %s: name others with kind", need, kind)
		}
	}
	return kinds, nil
}

// diffRange reads the two moments, and how many rows come before the page: from the cursor
// if there is one, so that all pages are of the same two.
func (s *Server) diffRange(r *request) (from, to *moment, skip int, err error) {
	if cursor, ok := first(r.query, "cursor"); ok {
		return s.readDiffCursor(cursor)
	}
	text, ok := first(r.query, "from")
	if !ok {
		return nil, nil, 0, required("from")
	}
	if from, err = s.momentOf(r.Context(), "from", text); err != nil {
		return nil, nil, 0, err
	}
	if text, ok = first(r.query, "to"); ok {
		to, err = s.momentOf(r.Context(), "to", text)
	} else {
		to = &moment{s.Store.Head(), s.Now()}
	}
	if err == nil && to.seq < from.seq {
		err = invalid("to", "expected a moment after from")
	}
	return from, to, 0, err
}

// diffCursor says where the next page begins: whoever has it need not name the moments again.
func diffCursor(from, to *moment, skip int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %d %d %d", from.seq, from.at, to.seq, to.at, skip))
}

func (s *Server) readDiffCursor(text string) (from, to *moment, skip int, err error) {
	from, to = new(moment), new(moment)
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		_, err = fmt.Sscanf(string(plain), "%d %d %d %d %d", &from.seq, &from.at, &to.seq, &to.at, &skip)
	}
	if err != nil || skip < 0 || skip > maxOffset || from.seq > to.seq || to.seq > s.Store.Head() || diffCursor(from, to, skip) != text {
		return nil, nil, 0, errs.New(errs.Invalid, "INVALID_CURSOR", "cursor is not one that this node has given")
	}
	return from, to, skip, nil
}

// diffRow reads the events that changed a row.
func (s *Server) diffRow(d projections.DiffRow) (diffRow, error) {
	row := diffRow{RowChange: d.RowChange, EventCount: d.Events, Events: make([]diffEvent, 0, len(d.Seqs))}
	for _, seq := range d.Seqs {
		rec, err := s.Store.Read(seq)
		if err != nil {
			return row, err
		}
		row.Events = append(row.Events, diffEventOf(&rec))
	}
	return row, nil
}

func diffEventOf(rec *eventlog.Record) diffEvent {
	message, _ := display.Of(&rec.Event)
	return diffEvent{
		Seq: rec.Seq, ID: rec.ID, Type: string(rec.Type), Time: instantText(rec.Time),
		UserID: rec.UserID, ActorID: rec.ActorID, Message: message,
	}
}
