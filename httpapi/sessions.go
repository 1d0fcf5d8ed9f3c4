package httpapi

import (
	"cmp"
	"net/http"
	"slices"

	"dashd/internal/commands"
	"dashd/projections"
)

// listedSession is a session of a list.
type listedSession struct {
	projections.Session
	User *userPreview `json:"user"` // null if there is no such user
}

// sessionPage is the answer of GET /dash/sessions.
type sessionPage struct {
	Sessions []listedSession `json:"sessions"`
	Total    int             `json:"total"`
	Limit    int             `json:"limit"`
	Offset   int             `json:"offset"`
}

// listSessions serves GET /dash/sessions.
func (s *Server) listSessions(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	grouped := in.optionalText("groupBy", oneOf("user"))
	if err := in.err(); err != nil {
		return err
	}
	if grouped != nil {
		return s.listSessionsOfUsers(w, r)
	}
	q, t, page, err := s.sessions(w, r)
	if err != nil {
		return err
	}
	answer := sessionPage{Sessions: []listedSession{}, Total: page.Total, Limit: q.Limit, Offset: q.Offset}
	for _, session := range page.Rows {
		answer.Sessions = append(answer.Sessions, listedSession{session, preview(t, session.UserID)})
	}
	return writeJSON(w, http.StatusOK, answer)
}

// userSessions is a user with his sessions of a page.
type userSessions struct {
	shownUser
	Sessions []projections.Session `json:"sessions"`
}

// listSessionsOfUsers answers with the users whose sessions are asked for, oldest user
// first. A page counts sessions.
func (s *Server) listSessionsOfUsers(w http.ResponseWriter, r *request) error {
	_, t, page, err := s.sessions(w, r)
	if err != nil {
		return err
	}
	answer, at := []userSessions{}, map[string]int{}
	for _, session := range page.Rows {
		i, seen := at[session.UserID]
		if !seen {
			u, ok := t.User(session.UserID)
			if !ok {
				continue
			}
			i, at[u.ID] = len(answer), len(answer)
			answer = append(answer, userSessions{shownUser: s.showUser(r, u)})
		}
		answer[i].Sessions = append(answer[i].Sessions, session)
	}
	slices.SortFunc(answer, func(a, b userSessions) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return writeJSON(w, http.StatusOK, answer)
}

// sessions reads which sessions are asked for, in which order, and finds them.
func (s *Server) sessions(w http.ResponseWriter, r *request) (q projections.SessionQuery, t *projections.Tables, page projections.Page[projections.Session], err error) {
	in := s.read(w, r)
	q.Limit = lenient(r.query, "limit", defaultRows, 1, maxRows)
	q.Offset = lenient(r.query, "offset", 0, 0, maxOffset)
	q.Now = s.now(r)
	q.SortBy = optional(in.optionalText("sortBy", oneOf("createdAt", "updatedAt", "expiresAt")), "createdAt")
	q.Descending = optional(in.optionalText("sortOrder", oneOf("asc", "desc")), "desc") == "desc"
	q.UserID, q.OrganizationID = in.optionalID("userId"), in.optionalID("organizationId")
	q.ActiveOnly = in.flag("active", false)
	if err := in.err(); err != nil {
		return q, nil, page, err
	}
	if where, ok := first(r.query, "where"); ok {
		if q.Where, err = projections.ParseFilter("where", where, projections.SessionColumns); err != nil {
			return q, nil, page, err
		}
	}
	if t, err = s.tables(w, r); err != nil {
		return q, nil, page, err
	}
	page, err = t.ListSessions(q)
	return q, t, page, err
}

// deleteSessions serves DELETE /dash/sessions.
func (s *Server) deleteSessions(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	var cmd commands.SessionsDelete
	if in.given("userId") || !in.given("sessionIds") {
		cmd.UserID = in.id("userId")
	}
	if in.given("sessionIds") {
		cmd.IDs = in.ids("sessionIds")
	}
	if err := in.err(); err != nil {
		return err
	}
	done, n, err := s.Commands.DeleteSessions(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
		Deleted int    `json:"deletedCount"`
	}{true, "Sessions deleted", n})
}

// revokeSession serves POST /dash/session/revoke.
func (s *Server) revokeSession(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.SessionRevoke{ID: in.idOf("sessionId"), UserID: in.optionalID("userId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.RevokeSession(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// revokeAllSessions serves POST /dash/sessions/revoke-all.
func (s *Server) revokeAllSessions(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.id("userId")
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.RevokeAllSessions(r.Context(), r.call(), id)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// revokeManySessions serves POST /dash/sessions/revoke-many.
func (s *Server) revokeManySessions(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	ids := in.ids("userIds")
	if err := in.err(); err != nil {
		return err
	}
	done, did, err := s.Commands.RevokeManySessions(r.Context(), r.call(), ids)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool     `json:"success"`
		Revoked int      `json:"revokedCount"` // users
		Skipped []string `json:"skippedUserIds"`
	}{true, len(did.Done), did.Skipped})
}
