package httpapi

import (
	"net/http"

	"dashd/projections"
)

// deleteOrganizations serves POST /dash/organization/delete-many.
func (s *Server) deleteOrganizations(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	ids := in.ids("organizationIds")
	if err := in.err(); err != nil {
		return err
	}
	done, did, err := s.Commands.DeleteOrganizations(r.Context(), r.call(), ids)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool     `json:"success"`
		Deleted []string `json:"deletedOrgIds"`
		Skipped []string `json:"skippedOrgIds"`
	}{true, did.Done, did.Skipped})
}

// exportOrganizations serves GET /dash/export-organizations.
func (s *Server) exportOrganizations(w http.ResponseWriter, r *request) error {
	q, err := s.exportQuery(w, r, projections.OrganizationColumns)
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return export(s, w, func(emit func(projections.Organization) error) error { return t.EachOrganization(q, emit) })
}

// userOrganization is an organization as one of its members sees it.
type userOrganization struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Logo      projections.Text `json:"logo"`
	CreatedAt projections.Time `json:"createdAt"`
	Slug      string           `json:"slug"`
	Role      string           `json:"role"`
	Teams     []shownTeam      `json:"teams"` // those he is in
}

// userOrganizations is the answer of GET /dash/user-organizations.
type userOrganizations struct {
	Organizations []userOrganization `json:"organizations"`
}

// userOrganizations serves GET /dash/user-organizations: what a user is a member of.
func (s *Server) userOrganizations(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	userID := in.idOf("userId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	teams := map[string][]shownTeam{} // by organization
	if s.on(Teams) {
		for _, tm := range t.TeamMemberships(userID) {
			if team, ok := t.Team(tm.TeamID); ok {
				teams[team.OrganizationID] = append(teams[team.OrganizationID], showTeam(t, team))
			}
		}
	}
	answer := userOrganizations{Organizations: []userOrganization{}}
	for _, m := range t.Memberships(userID) {
		o, ok := t.Organization(m.OrganizationID)
		if !ok {
			continue
		}
		answer.Organizations = append(answer.Organizations, userOrganization{
			ID: o.ID, Name: o.Name, Logo: o.Logo, CreatedAt: o.CreatedAt, Slug: o.Slug, Role: m.Role,
			Teams: append([]shownTeam{}, teams[o.ID]...),
		})
	}
	return writeJSON(w, http.StatusOK, answer)
}

// checkUserByEmail serves POST /dash/organization/check-user-by-email: whether there is
// such a user, and whether he is in the organization already.
func (s *Server) checkUserByEmail(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organizationID, address := in.id("organizationId"), in.text("email", email)
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	var answer struct {
		Exists bool         `json:"exists"`
		User   *userPreview `json:"user"`
		Member bool         `json:"isAlreadyMember"`
	}
	if u, ok := t.UserByEmail(address); ok {
		answer.Exists, answer.User = true, previewOf(u)
		_, answer.Member = t.MemberOf(organizationID, u.ID)
	}
	return writeJSON(w, http.StatusOK, answer)
}

// exportQuery reads which rows of a table an export is of, in which order: all of them
// unless told.
func (s *Server) exportQuery(w http.ResponseWriter, r *request, columns projections.Columns) (q projections.Query, err error) {
	in := s.read(w, r)
	q.SortBy = optional(in.optionalText("sortBy"), "createdAt")
	q.Descending = optional(in.optionalText("sortOrder", oneOf("asc", "desc")), "desc") == "desc"
	if err := in.err(); err != nil {
		return q, err
	}
	if !columns.Has(q.SortBy) {
		return q, invalid("sortBy", "there is no column %q", q.SortBy)
	}
	q.Limit = lenient(r.query, "limit", -1, -1, maxOffset)
	q.Offset = lenient(r.query, "offset", 0, 0, maxOffset)
	q.Now = s.now(r)
	if where, ok := first(r.query, "where"); ok {
		q.Where, err = projections.ParseFilter("where", where, columns)
	}
	return q, err
}
