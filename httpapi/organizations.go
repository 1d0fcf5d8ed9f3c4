package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// What a page of a list holds unless told, and at most.
const (
	defaultRows = 10
	maxRows     = 100
)

// The lengths of what people write, in characters.
const (
	maxTitle = 255
	maxLink  = 2048
)

// userPreview is what is shown of a user where he is not the subject.
type userPreview struct {
	ID    string           `json:"id"`
	Name  string           `json:"name"`
	Email string           `json:"email,omitempty"`
	Image projections.Text `json:"image"`
}

// preview returns the preview of a user, nil if there is no such user.
func preview(t *projections.Tables, id string) *userPreview {
	u, ok := t.User(id)
	if !ok {
		return nil
	}
	return previewOf(u)
}

func previewOf(u projections.User) *userPreview {
	return &userPreview{ID: u.ID, Name: u.Name, Email: u.Email, Image: u.Image}
}

// shownOrganization is an organization with the number of its members.
type shownOrganization struct {
	projections.Organization
	MemberCount int `json:"memberCount"`
}

// listedOrganization is an organization of a list, with the first of its members.
type listedOrganization struct {
	shownOrganization
	Members []*userPreview `json:"members"`
}

// organizationPage is the answer of GET /dash/organizations.
type organizationPage struct {
	Organizations []listedOrganization `json:"organizations"`
	Total         int                  `json:"total"`
	Offset        int                  `json:"offset"`
	Limit         int                  `json:"limit"`
}

// listOrganizations serves GET /dash/organizations.
func (s *Server) listOrganizations(w http.ResponseWriter, r *request) error {
	q, err := s.organizationQuery(w, r)
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	page, err := t.ListOrganizations(q)
	if err != nil {
		return err
	}
	answer := organizationPage{Organizations: []listedOrganization{}, Total: page.Total, Offset: q.Offset, Limit: q.Limit}
	for _, o := range page.Rows {
		answer.Organizations = append(answer.Organizations, listedOrganization{shown(t, o), firstMembers(t, o.ID)})
	}
	return writeJSON(w, http.StatusOK, answer)
}

// organizationQuery reads which organizations are asked for, in which order.
func (s *Server) organizationQuery(w http.ResponseWriter, r *request) (q projections.OrganizationQuery, err error) {
	in := s.read(w, r)
	q.Limit = lenient(r.query, "limit", defaultRows, 1, maxRows)
	q.Offset = lenient(r.query, "offset", 0, 0, maxOffset)
	q.Now = s.now(r)
	q.SortBy = optional(in.optionalText("sortBy", oneOf("createdAt", "name", "slug", "members")), "createdAt")
	q.Descending = optional(in.optionalText("sortOrder", oneOf("asc", "desc")), "desc") == "desc"
	q.Members = optional(in.optionalText("filterMembers", oneOf("abandoned", "eq1", "gt1", "gt5", "gt10")), "")
	q.Prefix = strings.TrimSpace(optional(in.optionalText("search", atMost(maxTitle)), ""))
	if err := in.err(); err != nil {
		return q, err
	}
	for param, bound := range map[string]*projections.Time{"startDate": &q.Since, "endDate": &q.Until} {
		ms, err := instant(r.query, param)
		if err != nil {
			return q, err
		}
		if ms != nil {
			*bound = projections.Time(*ms)
		}
	}
	return q, nil
}

// optional is a value that may be absent, or a default.
func optional(value *string, def string) string {
	if value == nil {
		return def
	}
	return *value
}

func shown(t *projections.Tables, o projections.Organization) shownOrganization {
	return shownOrganization{o, t.MemberCount(o.ID)}
}

// firstMembers are the users of an organization's first five memberships.
func firstMembers(t *projections.Tables, organizationID string) []*userPreview {
	const most = 5
	members, n := []*userPreview{}, 0
	for m := range t.Members(organizationID) {
		if n++; n > most {
			break
		}
		if p := preview(t, m.UserID); p != nil {
			members = append(members, p)
		}
	}
	return members
}

// showOrganization serves GET /dash/organization, by id or by slug.
func (s *Server) showOrganization(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	slug := optional(in.optionalText("slug"), "")
	id := ""
	if slug == "" || in.given("organizationId") || in.given("id") {
		id = in.idOf("organizationId")
	}
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	o, ok := t.Organization(id)
	if id == "" {
		o, ok = t.OrganizationBySlug(slug)
	}
	if !ok {
		return organizationNotFound()
	}
	return writeJSON(w, http.StatusOK, shown(t, o))
}

func organizationNotFound() error {
	return errs.New(errs.NotFound, "ORGANIZATION_NOT_FOUND", "Organization not found")
}

// createOrganization serves POST /dash/organization.
func (s *Server) createOrganization(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.OrganizationCreate{
		OwnerID:         in.id("userId"),
		Name:            in.text("name", atMost(maxTitle)),
		Slug:            in.text("slug", slug),
		Logo:            optional(in.nullableText("logo", atMost(maxLink)), ""),
		Metadata:        optional(in.metadata(), ""),
		DefaultTeam:     optional(in.optionalText("defaultTeamName", atMost(maxTitle)), ""),
		SkipDefaultTeam: in.flag("skipDefaultTeam", false) || !s.on(Teams),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, id, err := s.Commands.CreateOrganization(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	answer := struct {
		projections.Organization
		Members []projections.Member `json:"members"`
	}{Members: []projections.Member{}}
	var ok bool
	if answer.Organization, ok = done.Tables.Organization(id); !ok {
		return organizationNotFound()
	}
	if owner, ok := done.Tables.MemberOf(id, cmd.OwnerID); ok {
		answer.Members = append(answer.Members, owner)
	}
	return s.done(w, done, answer)
}

// updateOrganization serves PATCH /dash/organization.
func (s *Server) updateOrganization(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.OrganizationUpdate{
		ID:       in.organizationID(),
		Name:     in.optionalText("name", atMost(maxTitle)),
		Slug:     in.optionalText("slug", slug),
		Logo:     in.nullableText("logo", logo),
		Metadata: in.metadata(),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UpdateOrganization(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	o, ok := done.Tables.Organization(cmd.ID)
	if !ok {
		return organizationNotFound()
	}
	return s.done(w, done, o)
}

// deleteOrganization serves DELETE /dash/organization.
func (s *Server) deleteOrganization(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.organizationID()
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.DeleteOrganization(r.Context(), r.call(), id)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// organizationID is the id of the organization a request is about, also under the name
// id, if that is the only one: else id may be anything.
func (in *input) organizationID() string {
	if id := in.optionalID("organizationId"); id == "" {
		return in.idOf("organizationId")
	}
	return in.id("organizationId")
}

// logo refuses what is neither a link nor empty.
func logo(text string) string {
	if text != "" && httpURL(text) != "" {
		return "Invalid input"
	}
	return ""
}

// metadata reads an organization's metadata, an object or the text of any JSON value.
// It is nil if absent; "" and null take it away.
func (in *input) metadata() *string {
	text := in.raw("metadata")
	if text == nil {
		return nil
	}
	value := new(string)
	switch kindOf(text) {
	case "null":
	case "object":
		var b bytes.Buffer
		_ = json.Compact(&b, text) // it is valid, as all of the body
		*value = b.String()
	default:
		value = in.optionalText("metadata")
		if in.ok() && *value != "" && !json.Valid([]byte(*value)) {
			in.fail(errs.New(errs.Invalid, "INVALID_METADATA_MUST_BE_VALID_JSON", "Invalid metadata: must be valid JSON"))
		}
	}
	if reason := atMost(maxText)(*value); reason != "" {
		in.refuse("metadata", reason)
	}
	return value
}
