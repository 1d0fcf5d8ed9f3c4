package httpapi

import (
	"net/http"
	"slices"

	"dashd/internal/errs"
	"dashd/projections"
)

// online is how long a user counts as being there after he was last active, in ms.
const online = 120_000

// shownUser is a user as most answers have him.
type shownUser struct {
	projections.User
	LastActiveAt *projections.Time `json:"lastActiveAt,omitempty"` // absent unless activity is tracked
}

// showUser is a user as one sees him at the moment of the request.
func (s *Server) showUser(r *request, u projections.User) shownUser {
	shown := shownUser{User: s.present(r, u)}
	if s.Settings.ActivityTracking {
		shown.LastActiveAt = &shown.User.LastActiveAt
	}
	return shown
}

// present is a user as of the moment of the request. Without the feature, nobody is banned.
func (s *Server) present(r *request, u projections.User) projections.User {
	if !s.on(Admin) {
		u.Banned, u.BanReason, u.BanExpires = false, "", 0
	}
	return u.AsOf(s.now(r))
}

func (s *Server) showUsers(r *request, users []projections.User) []shownUser {
	shown := make([]shownUser, len(users))
	for i, u := range users {
		shown[i] = s.showUser(r, u)
	}
	return shown
}

// onlineUsers counts the users who are there.
func (s *Server) onlineUsers(r *request, t *projections.Tables) int {
	if !s.Settings.ActivityTracking {
		return 0
	}
	return t.OnlineUsers(s.now(r) - online)
}

// userID is the id of the user a request is about, also under the name id, if that is
// the only one: else id may be anything.
func (in *input) userID() string {
	if in.optionalID("userId") == "" {
		return in.idOf("userId")
	}
	return in.id("userId")
}

func userNotFound() error { return errs.New(errs.NotFound, "USER_NOT_FOUND", "User not found") }

// userPage is the answer of GET /dash/users.
type userPage struct {
	Users            []shownUser `json:"users"`
	Total            int         `json:"total"`
	Offset           int         `json:"offset"`
	Limit            int         `json:"limit"`
	OnlineUsers      int         `json:"onlineUsers"`
	ActivityTracking bool        `json:"activityTrackingEnabled"`
}

// listUsers serves GET /dash/users.
func (s *Server) listUsers(w http.ResponseWriter, r *request) error {
	q, err := s.userQuery(w, r)
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	page, err := t.ListUsers(q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, userPage{
		Users: s.showUsers(r, page.Rows), Total: page.Total, Offset: q.Offset, Limit: q.Limit,
		OnlineUsers: s.onlineUsers(r, t), ActivityTracking: s.Settings.ActivityTracking,
	})
}

// userQuery reads which users are asked for, in which order.
func (s *Server) userQuery(w http.ResponseWriter, r *request) (q projections.Query, err error) {
	columns := projections.UserColumns
	in := s.read(w, r)
	q.Limit = lenient(r.query, "limit", defaultRows, 1, maxRows)
	q.Offset = lenient(r.query, "offset", 0, 0, maxOffset)
	q.Now = s.now(r)
	q.SortBy = optional(in.optionalText("sortBy"), "createdAt")
	order := "sortOrder"
	if !in.given(order) {
		order = "sortDirection"
	}
	q.Descending = optional(in.optionalText(order, oneOf("asc", "desc")), "desc") == "desc"
	clauses := userClauses(in)
	if err := in.err(); err != nil {
		return q, err
	}
	if !columns.Has(q.SortBy) {
		return q, invalid("sortBy", "there is no column %q", q.SortBy)
	}
	if where, ok := first(r.query, "where"); ok {
		if q.Where, err = projections.ParseFilter("where", where, columns); err != nil {
			return q, err
		}
	}
	for _, c := range clauses {
		if q.Where, err = q.Where.And(c); err != nil {
			return q, err
		}
	}
	if where, ok := first(r.query, "countWhere"); ok {
		count, err := projections.ParseFilter("countWhere", where, columns)
		if err != nil {
			return q, err
		}
		q.Count = &count
	}
	return q, nil
}

// userOperators are those of conditions in the words of Better Auth's own listing.
var userOperators = []string{"eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "starts_with", "ends_with"}

// userClauses reads the conditions of Better Auth's own listing of users.
func userClauses(in *input) (clauses []projections.Clause) {
	if value := in.optionalText("searchValue", atMost(maxTitle)); value != nil && *value != "" {
		clauses = append(clauses, projections.Clause{
			Field:       optional(in.optionalText("searchField", oneOf("email", "name")), "email"),
			Operator:    optional(in.optionalText("searchOperator", oneOf("contains", "starts_with", "ends_with")), "contains"),
			Value:       *value,
			Insensitive: true,
		})
	}
	if value := in.optionalText("filterValue", atMost(maxTitle)); value != nil {
		c := projections.Clause{
			Field:    optional(in.optionalText("filterField"), "email"),
			Operator: optional(in.optionalText("filterOperator", oneOf(userOperators...)), "eq"),
			Value:    *value,
		}
		switch {
		case c.Operator == "in" || c.Operator == "not_in":
			var values []any
			for _, v := range list(in.query, "filterValue") {
				values = append(values, v)
			}
			c.Value = values
		case slices.Contains([]string{"emailVerified", "banned", "twoFactorEnabled"}, c.Field):
			c.Value = *value == "true" // in a query, everything is text
		}
		clauses = append(clauses, c)
	}
	return clauses
}

// onlineCount serves GET /dash/users/online-count.
func (s *Server) onlineCount(w http.ResponseWriter, r *request) error {
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		OnlineUsers int `json:"onlineUsers"`
	}{s.onlineUsers(r, t)})
}
