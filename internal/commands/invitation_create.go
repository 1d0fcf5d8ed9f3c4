package commands

import (
	"context"
	"strings"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

const (
	// invitationLifetime is how long an invitation can be accepted.
	invitationLifetime = 48 * time.Hour
	// maxInvitations bounds the open invitations of an organization.
	maxInvitations = 100
)

// InvitationCreate asks that somebody is invited to an organization.
type InvitationCreate struct {
	OrganizationID string
	Email          string // a valid address
	Role           string
	InviterID      string // empty: the oldest owner
}

// CreateInvitation invites somebody. The id is that of the invitation, also for a
// repeat.
func (c *Commands) CreateInvitation(ctx context.Context, call Call, cmd InvitationCreate) (done Done, id string, err error) {
	cmd.Email = strings.ToLower(cmd.Email)
	id = call.newID("invitation")
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		i, err := c.inviter(t, cmd)
		if err != nil {
			return nil, err
		}
		if err := i.mayInvite(t, cmd.Email, cmd.Role); err != nil {
			return nil, err
		}
		pending := 0
		for _, other := range t.Invitations(i.organization.ID) {
			if other.Status != projections.InvitationPending || int64(other.ExpiresAt) <= c.o.Now() {
				continue
			}
			if pending++; other.Email == cmd.Email {
				return nil, refuse(errs.Invalid, "User is already invited to this organization")
			}
		}
		if pending >= maxInvitations {
			return nil, errs.New(errs.Forbidden, "INVITATION_LIMIT_REACHED", "Invitation limit reached")
		}
		return []eventlog.Event{c.invited(call, i, projections.Invitation{
			ID: id, Email: cmd.Email, Role: projections.Text(cmd.Role),
		}, nil)}, nil
	})
	return done, id, err
}

// inviter is a member in whose name somebody is invited.
type inviter struct {
	organization projections.Organization
	member       projections.Member
	user         projections.User
}

// inviter finds out in whose name a command invites. Of an organization that does not
// exist it says what the reference says: that the inviter is no member.
func (c *Commands) inviter(t *projections.Tables, cmd InvitationCreate) (i inviter, err error) {
	var found, known, member bool
	i.organization, found = t.Organization(cmd.OrganizationID)
	id := cmd.InviterID
	if id == "" && found {
		owner, _ := oldestOwner(t, cmd.OrganizationID)
		id = owner.UserID
	}
	i.user, known = t.User(id)
	if !known && (found || cmd.InviterID != "") {
		return i, refuse(errs.Invalid, "Invited by user not found")
	}
	if err := c.o.Organizations.checkRole(cmd.Role); err != nil {
		return i, err
	}
	if i.member, member = t.MemberOf(i.organization.ID, id); !found || !member {
		return i, refuse(errs.Invalid, "Member not found")
	}
	return i, nil
}

// mayInvite refuses what the inviter has no right to, and who is in already.
func (i inviter) mayInvite(t *projections.Tables, email, role string) error {
	owner := hasRole(i.member.Role, roleOwner)
	if !owner && !hasRole(i.member.Role, roleAdmin) {
		return refuse(errs.Forbidden, "You are not allowed to invite users to this organization")
	}
	if !owner && hasRole(role, roleOwner) {
		return errs.New(errs.Forbidden, "YOU_ARE_NOT_ALLOWED_TO_INVITE_USER_WITH_THIS_ROLE",
			"You are not allowed to invite a user with this role")
	}
	if u, ok := t.UserByEmail(email); ok {
		if _, ok := t.MemberOf(i.organization.ID, u.ID); ok {
			return alreadyMember()
		}
	}
	return nil
}

// invited says that somebody has been invited, or again, and can accept for the
// lifetime of an invitation from now on.
func (c *Commands) invited(call Call, i inviter, v projections.Invitation, more data) eventlog.Event {
	more = append(aboutInvitee(v), more...)
	more = append(more, "inviterId", i.user.ID, "inviterName", i.user.Name, "inviterEmail", i.user.Email)
	until := projections.Time(c.o.Now() + invitationLifetime.Milliseconds())
	return c.aboutOrganization(call, eventlog.InvitationCreated, i.organization, more, data{"expiresAt", until})
}

// aboutInvitee names an invitation as the plugin does, whose inviteeId is the
// invitation's.
func aboutInvitee(v projections.Invitation) data {
	return data{"inviteeId", v.ID, "inviteeEmail", v.Email, "inviteeRole", v.Role, "inviteeTeamId", v.TeamID}
}
