package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// listedInvitation is an invitation of a list.
type listedInvitation struct {
	projections.Invitation
	Expired bool         `json:"expired,omitempty"` // pending, but no longer to be accepted
	User    *userPreview `json:"user"`              // who has that e-mail address
}

// listInvitations serves GET /dash/organization/invitations, in the order in which they
// were made.
func (s *Server) listInvitations(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.idOf("organizationId")
	status := in.optionalText("status", oneOf(projections.InvitationPending, projections.InvitationAccepted,
		projections.InvitationRejected, projections.InvitationCanceled))
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	now := s.now(r)
	invitations := func(yield func(listedInvitation) bool) {
		for _, v := range t.Invitations(id) {
			if status == nil || v.Status == *status {
				if !yield(listInvitation(t, v, now)) {
					return
				}
			}
		}
	}
	return writeJSON(w, http.StatusOK, window(r, invitations))
}

func listInvitation(t *projections.Tables, v projections.Invitation, now projections.Time) listedInvitation {
	l := listedInvitation{Invitation: v, Expired: v.Status == projections.InvitationPending && v.ExpiresAt <= now}
	if u, ok := t.UserByEmail(v.Email); ok {
		l.User = previewOf(u)
	}
	return l
}

// invite serves POST /dash/organization/invite. Nothing is mailed: whoever asks hands
// the invitation on.
func (s *Server) invite(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.InvitationCreate{
		OrganizationID: in.id("organizationId"),
		Email:          in.text("email"),
		Role:           in.text("role", role),
		InviterID:      in.optionalID("invitedBy"),
	}
	if err := in.err(); err != nil {
		return err
	}
	if email(cmd.Email) != "" {
		return errs.New(errs.Invalid, "INVALID_EMAIL", "Invalid email")
	}
	done, id, err := s.Commands.CreateInvitation(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	answer := struct {
		projections.Invitation
		EmailSent bool `json:"emailSent"`
	}{}
	var ok bool
	if answer.Invitation, ok = done.Tables.Invitation(id); !ok {
		return errs.New(errs.NotFound, "INVITATION_NOT_FOUND", "Invitation not found")
	}
	return s.done(w, done, answer)
}

// cancelInvitation serves POST /dash/organization/invite/cancel.
func (s *Server) cancelInvitation(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.InvitationCancel{OrganizationID: in.id("organizationId"), InvitationID: in.idOf("invitationId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.CancelInvitation(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// resendInvitation serves POST /dash/organization/invite/resend.
func (s *Server) resendInvitation(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.InvitationResend{OrganizationID: in.id("organizationId"), InvitationID: in.idOf("invitationId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.ResendInvitation(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}
