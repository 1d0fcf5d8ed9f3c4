package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// InvitationResend asks that an invitation is sent once more.
type InvitationResend struct {
	OrganizationID, InvitationID string
}

// ResendInvitation lets a pending invitation live for its whole lifetime again, also
// one that has expired. Its inviter must still have the right to invite.
func (c *Commands) ResendInvitation(ctx context.Context, call Call, cmd InvitationResend) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		_, v, err := invitation(t, cmd.OrganizationID, cmd.InvitationID)
		if err != nil {
			return nil, err
		}
		if v.Status != projections.InvitationPending {
			return nil, refuse(errs.Invalid, "Only pending invitations can be resent")
		}
		role := string(v.Role)
		if role == "" {
			role = roleMember
		}
		i, err := c.inviter(t, InvitationCreate{OrganizationID: v.OrganizationID, Role: role, InviterID: v.InviterID})
		if err != nil {
			return nil, err
		}
		if err := i.mayInvite(t, v.Email, role); err != nil {
			return nil, err
		}
		return []eventlog.Event{c.invited(call, i, v, data{"resend", true})}, nil
	})
}
