package projections

import "strings"

// The keys of invitations.
const (
	invitationOrganization = iota
	invitationInviter
	invitationEmail
)

func (v *Invitation) rowID() string { return v.ID }

func (v *Invitation) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{
		invitationOrganization: v.OrganizationID,
		invitationInviter:      v.InviterID,
		invitationEmail:        v.Email,
	}
}

func codeInvitation(c *coder, v *Invitation) {
	codeText(c, &v.ID)
	codeText(c, &v.OrganizationID)
	codeText(c, &v.Email)
	codeShared(c, &v.Role)
	codeText(c, &v.TeamID)
	codeShared(c, &v.Status)
	c.time(&v.ExpiresAt)
	c.time(&v.CreatedAt)
	codeText(c, &v.InviterID)
}

// Invitation finds an invitation by its id.
func (t *Tables) Invitation(id string) (Invitation, bool) { return t.invitations.get(id) }

// Invitations are those to an organization, of every status.
func (t *Tables) Invitations(organizationID string) []Invitation {
	return t.invitations.list(invitationOrganization, organizationID)
}

// InvitationsTo are those to an e-mail address, ignoring case.
func (t *Tables) InvitationsTo(email string) []Invitation {
	return t.invitations.list(invitationEmail, strings.ToLower(email))
}

// InvitationsBy are those that a user has sent.
func (t *Tables) InvitationsBy(inviterID string) []Invitation {
	return t.invitations.list(invitationInviter, inviterID)
}

// Who does what to an invitation. Where Studio says email, it is that of the invitee.
var (
	inviterNaming = naming{
		ids: []string{"inviterId"}, names: []string{"inviterName"}, emails: []string{"inviterEmail"},
	}
	accepterNaming = naming{
		ids:    []string{"acceptedById"},
		names:  []string{"acceptedByName", "name"},
		emails: []string{"acceptedByEmail", "inviteeEmail", "email"},
	}
	rejecterNaming = naming{
		ids:    []string{"rejectedById"},
		names:  []string{"rejectedByName", "name"},
		emails: []string{"rejectedByEmail", "inviteeEmail", "email"},
	}
	cancellerNaming = naming{
		ids: []string{"cancelledById"}, names: []string{"cancelledByName"}, emails: []string{"cancelledByEmail"},
	}
)

// invitationLifetime is how long an invitation can be accepted, in ms, if its event
// does not say.
const invitationLifetime = 48 * 3600 * 1000

// invitationID is the id of the invitation that a fact is about. The plugin calls it
// that of the invitee.
func invitationID(f *fact) string { return f.first("inviteeId", "invitationId") }

// foldInvitation folds invitation.created. One that is known already has been sent again.
func (t *Tables) foldInvitation(f *fact) {
	id := invitationID(f)
	if id == "" || f.OrganizationID == "" {
		return
	}
	v, again := t.invitations.get(id)
	if again && v.OrganizationID != f.OrganizationID {
		return
	}
	set := f.set()
	if !again {
		v = Invitation{
			ID:             id,
			OrganizationID: f.OrganizationID,
			Email:          f.first("inviteeEmail", "email"),
			Role:           Text(f.first("inviteeRole", "role")),
			TeamID:         Text(f.first("inviteeTeamId", "teamId")),
			Status:         InvitationPending,
			CreatedAt:      f.at(),
			InviterID:      inviterNaming.user(f),
		}
		putText(set, "email", &v.Email)
		putText(set, "role", &v.Role)
		putText(set, "teamId", &v.TeamID)
		putText(set, "status", &v.Status)
		putText(set, "inviterId", &v.InviterID)
		putTime(set, "createdAt", &v.CreatedAt)
		v.Email = strings.ToLower(v.Email)
	}
	v.ExpiresAt = boundedTime(int64(f.at()) + invitationLifetime)
	putTime(set, "expiresAt", &v.ExpiresAt)
	t.invitations.put(v)
}

// foldInvitationAccepted makes the member, and gives him his place in the teams that
// he was invited to. Neither has an event of its own.
func (t *Tables) foldInvitationAccepted(f *fact) {
	v := t.answerInvitation(f, InvitationAccepted)
	user := accepterNaming.user(f)
	m, ok := t.MemberOf(f.OrganizationID, user)
	if !ok {
		m, ok = t.newMember(f, user, f.text("memberId"))
	}
	if !ok {
		return
	}
	role := f.first("memberRole", "inviteeRole", "role")
	if role == "" {
		role = string(v.Role)
	}
	if role != "" {
		m.Role = role
	}
	t.putMember(m)
	teams := f.first("inviteeTeamId", "teamId")
	if teams == "" {
		teams = string(v.TeamID)
	}
	for id := range strings.SplitSeq(teams, ",") {
		if team, ok := t.teams.get(strings.TrimSpace(id)); ok && team.OrganizationID == f.OrganizationID {
			t.addTeamMember(f, team.ID, user, "")
		}
	}
}

func (t *Tables) foldInvitationRejected(f *fact) { t.answerInvitation(f, InvitationRejected) }

func (t *Tables) foldInvitationCancelled(f *fact) { t.answerInvitation(f, InvitationCanceled) }

// answerInvitation gives the invitation of a fact another status, and returns it; the
// empty one if it is not known.
func (t *Tables) answerInvitation(f *fact, status string) Invitation {
	v, ok := t.invitations.get(invitationID(f))
	if !ok || v.OrganizationID != f.OrganizationID {
		return Invitation{}
	}
	v.Status = status
	t.invitations.put(v)
	return v
}
