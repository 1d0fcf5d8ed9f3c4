package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// InvitationCancel asks that an invitation can no longer be accepted.
type InvitationCancel struct {
	OrganizationID, InvitationID string
}

// CancelInvitation takes a pending invitation back.
func (c *Commands) CancelInvitation(ctx context.Context, call Call, cmd InvitationCancel) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, v, err := invitation(t, cmd.OrganizationID, cmd.InvitationID)
		if err != nil {
			return nil, err
		}
		if v.Status != projections.InvitationPending {
			return nil, refuse(errs.Invalid, "Only pending invitations can be cancelled")
		}
		if _, ok := t.User(v.InviterID); !ok {
			return nil, refuse(errs.NotFound, "Inviter not found or is not associated with this invitation")
		}
		// It is the operator who cancels, and he has no row among the users.
		more := append(aboutInvitee(v), "cancelledById", call.Actor, "cancelledByName", nil, "cancelledByEmail", nil)
		return []eventlog.Event{c.aboutOrganization(call, eventlog.InvitationCancelled, o, more, nil)}, nil
	})
}

// invitation finds the organization and the invitation a command is about.
func invitation(t *projections.Tables, organizationID, id string) (projections.Organization, projections.Invitation, error) {
	o, known := t.Organization(organizationID)
	v, ok := t.Invitation(id)
	if !known || !ok || v.OrganizationID != o.ID {
		return o, v, refuse(errs.NotFound, "Invitation not found")
	}
	return o, v, nil
}
