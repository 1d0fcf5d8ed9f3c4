package httpapi

import (
	"iter"
	"net/http"
	"strings"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// window returns the part of a bare list that a request asks for: all of it unless told. It
// is never nil, and looks no further into the list than it has to.
func window[R any](r *request, rows iter.Seq[R]) []R {
	offset := lenient(r.query, "offset", 0, 0, maxOffset)
	limit := lenient(r.query, "limit", maxOffset, 1, maxOffset)
	part := []R{}
	for row := range rows {
		if offset > 0 {
			offset--
			continue
		}
		if part = append(part, row); len(part) == limit {
			break
		}
	}
	return part
}

// listedMember is a member of a list.
type listedMember struct {
	projections.Member
	User      *userPreview `json:"user"`
	InvitedBy *userPreview `json:"invitedBy"` // if he came by an invitation
}

// listMembers serves GET /dash/organization/members, in the order in which they joined.
func (s *Server) listMembers(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.idOf("organizationId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	if _, ok := t.Organization(id); !ok {
		return organizationNotFound()
	}
	return writeJSON(w, http.StatusOK, window(r, listedMembers(t, id)))
}

// listedMembers yields the members of an organization, but those who are no users.
func listedMembers(t *projections.Tables, organizationID string) iter.Seq[listedMember] {
	inviters := map[string]string{} // by the e-mail of an accepted invitation; the last one counts
	for _, v := range t.Invitations(organizationID) {
		if v.Status == projections.InvitationAccepted {
			inviters[v.Email] = v.InviterID
		}
	}
	return func(yield func(listedMember) bool) {
		for m := range t.Members(organizationID) {
			u, ok := t.User(m.UserID)
			if !ok {
				continue
			}
			l := listedMember{Member: m, User: previewOf(u)}
			if inviter, ok := inviters[strings.ToLower(u.Email)]; ok {
				l.InvitedBy = preview(t, inviter)
			}
			if !yield(l) {
				return
			}
		}
	}
}

// addMember serves POST /dash/organization/member.
func (s *Server) addMember(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.MemberAdd{
		OrganizationID: in.id("organizationId"),
		UserID:         in.id("userId"),
		Role:           optional(in.optionalText("role", role), ""),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, id, err := s.Commands.AddMember(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.doneMember(w, done, id)
}

// doneMember answers a command with the member it is about.
func (s *Server) doneMember(w http.ResponseWriter, done commands.Done, id string) error {
	m, ok := done.Tables.Member(id)
	if !ok {
		return errs.New(errs.NotFound, "MEMBER_NOT_FOUND", "Member not found")
	}
	return s.done(w, done, m)
}

// removeMember serves DELETE /dash/organization/member.
func (s *Server) removeMember(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.MemberRemove{OrganizationID: in.id("organizationId"), UserID: in.optionalID("userId")}
	if cmd.UserID == "" {
		cmd.MemberID = in.idOf("memberId")
	} else {
		cmd.MemberID = in.optionalID("memberId")
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.RemoveMember(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// changeMemberRole serves PATCH /dash/organization/member/role.
func (s *Server) changeMemberRole(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.MemberRole{
		OrganizationID: in.id("organizationId"),
		MemberID:       in.idOf("memberId"),
		Role:           in.text("role", role),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.ChangeMemberRole(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.doneMember(w, done, cmd.MemberID)
}
