package projections_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"dashd/eventlog"
	"dashd/projections"
)

func (m *model) organization(id string) *projections.Organization {
	return find(m.organizations, func(o projections.Organization) bool { return o.ID == id })
}

func (m *model) team(id string) *projections.Team {
	return find(m.teams, func(t projections.Team) bool { return t.ID == id })
}

func (m *model) memberOf(organization, user string) *projections.Member {
	return find(m.members, func(v projections.Member) bool {
		return v.OrganizationID == organization && v.UserID == user
	})
}

func (m *model) place(team, user string) *projections.TeamMember {
	return find(m.teamMembers, func(v projections.TeamMember) bool { return v.TeamID == team && v.UserID == user })
}

func modelID(kind, a, b string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + a + "\x00" + b))
	return hex.EncodeToString(sum[:16])
}

// foldGroups applies the events of organizations.
func (m *model) foldGroups(e *modelEvent) {
	meta := e.meta
	switch e.Type {
	case eventlog.OrganizationCreated, eventlog.OrganizationUpdated:
		m.know(e, e.whom(), meta.name("userName", "name"), meta.name("userEmail", "email"))
		m.organizationChanged(e)
	case eventlog.OrganizationDeleted:
		m.organizationDeleted(e.OrganizationID)
	case eventlog.MemberAdded, eventlog.MemberRoleChanged:
		m.know(e, e.whom("userId"), meta.name("memberName", "addedByName", "changedByName"),
			meta.name("memberEmail", "addedByEmail", "changedByEmail"))
		if v := m.member(e, e.whom("userId")); v != nil {
			if role := meta.text("newRole", "role"); role != "" {
				v.Role = role
			}
			e.set.putText("role", &v.Role)
			e.set.putTime("createdAt", &v.CreatedAt)
		}
	case eventlog.MemberRemoved:
		m.memberRemoved(e)
	case eventlog.TeamCreated, eventlog.TeamUpdated:
		m.know(e, e.whom(), meta.name("userName", "name"), meta.name("userEmail", "email"))
		m.teamChanged(e)
	case eventlog.TeamDeleted:
		if team := m.team(meta.text("teamId")); team != nil && team.OrganizationID == e.OrganizationID {
			m.teamDeleted(team.ID)
		}
	case eventlog.TeamMemberAdded:
		m.know(e, e.whom("userId", "userid"), meta.name("memberName", "addedName"), meta.name("memberEmail", "addedEmail"))
		if team := m.teamMeant(e); team != nil {
			user, id := e.whom("userId", "userid"), e.set.text("id")
			if id == "" {
				id = meta.text("teamMemberId")
			}
			if place := m.placed(e, team.ID, user, id); place != nil {
				e.set.putTime("createdAt", &place.CreatedAt)
			}
		}
	case eventlog.TeamMemberRemoved:
		if team := m.team(meta.text("teamId")); team != nil && team.OrganizationID == e.OrganizationID {
			user := e.whom("userId", "userid")
			m.teamMembers = without(m.teamMembers, func(v projections.TeamMember) bool {
				return v.TeamID == team.ID && v.UserID == user
			})
		}
	case eventlog.InvitationCreated:
		m.know(e, e.whom("inviterId"), meta.name("inviterName"), meta.name("inviterEmail"))
		m.invited(e)
	case eventlog.InvitationAccepted:
		m.know(e, e.whom("acceptedById"), meta.name("acceptedByName", "name"),
			meta.name("acceptedByEmail", "inviteeEmail", "email"))
		m.accepted(e)
	case eventlog.InvitationRejected:
		m.know(e, e.whom("rejectedById"), meta.name("rejectedByName", "name"),
			meta.name("rejectedByEmail", "inviteeEmail", "email"))
		m.answered(e, projections.InvitationRejected)
	case eventlog.InvitationCancelled:
		m.know(e, e.whom("cancelledById"), meta.name("cancelledByName"), meta.name("cancelledByEmail"))
		m.answered(e, projections.InvitationCanceled)
	}
}

func (m *model) organizationChanged(e *modelEvent) {
	o := m.organization(e.OrganizationID)
	if o == nil {
		return
	}
	if name := e.meta.name("organizationName"); name != "" {
		o.Name = name
	}
	if slug := e.meta.name("organizationSlug"); slug != "" {
		o.Slug = slug
	}
	e.set.putText("name", &o.Name)
	e.set.putText("slug", &o.Slug)
	e.set.putNullable("logo", &o.Logo)
	e.set.putNullable("metadata", &o.Metadata)
	e.set.putTime("createdAt", &o.CreatedAt)
}

func (m *model) organizationDeleted(id string) {
	if id == "" {
		return
	}
	m.organizations = without(m.organizations, func(o projections.Organization) bool { return o.ID == id })
	m.members = without(m.members, func(v projections.Member) bool { return v.OrganizationID == id })
	for _, team := range without(m.teams, func(v projections.Team) bool { return v.OrganizationID != id }) {
		m.teamDeleted(team.ID)
	}
	m.invitations = without(m.invitations, func(v projections.Invitation) bool { return v.OrganizationID == id })
	m.providers = without(m.providers, func(v projections.SSOProvider) bool { return string(v.OrganizationID) == id })
	m.directories = without(m.directories, func(v projections.Directory) bool { return v.OrganizationID == id })
	for _, d := range m.drains {
		if d.OrganizationID == id {
			m.forgetPosition(d.ID)
		}
	}
	m.drains = without(m.drains, func(v projections.Drain) bool { return v.OrganizationID == id })
	for i := range m.sessions {
		if s := &m.sessions[i]; string(s.ActiveOrganizationID) == id {
			s.ActiveOrganizationID = ""
		}
	}
}

// member finds the membership that an event is about, or makes it. It is nil if the
// event does not say enough.
func (m *model) member(e *modelEvent, user string) *projections.Member {
	id := e.meta.text("memberId")
	byID := find(m.members, func(v projections.Member) bool { return v.ID == id })
	if byID != nil && byID.OrganizationID == e.OrganizationID && e.Type != eventlog.InvitationAccepted {
		return byID
	}
	if v := m.memberOf(e.OrganizationID, user); v != nil {
		return v
	}
	if e.OrganizationID == "" || user == "" || e.Type == eventlog.MemberRemoved {
		return nil
	}
	if id == "" || byID != nil {
		id = modelID("member", e.OrganizationID, user)
	}
	if find(m.members, func(v projections.Member) bool { return v.ID == id }) != nil {
		return nil
	}
	m.members = append(m.members, projections.Member{
		ID: id, OrganizationID: e.OrganizationID, UserID: user, Role: "member", CreatedAt: e.at,
	})
	return &m.members[len(m.members)-1]
}

func (m *model) memberRemoved(e *modelEvent) {
	found := m.member(e, e.whom("userId"))
	if found == nil {
		return
	}
	gone := *found
	m.members = without(m.members, func(v projections.Member) bool { return v.ID == gone.ID })
	m.teamMembers = without(m.teamMembers, func(v projections.TeamMember) bool {
		team := m.team(v.TeamID)
		return v.UserID == gone.UserID && team != nil && team.OrganizationID == gone.OrganizationID
	})
}

// teamMeant finds the team that an event is about, or makes it; nil if it is another
// organization's.
func (m *model) teamMeant(e *modelEvent) *projections.Team {
	id := e.meta.text("teamId")
	if id == "" || e.OrganizationID == "" {
		return nil
	}
	team := m.team(id)
	if team == nil {
		m.teams = append(m.teams, projections.Team{
			ID: id, Name: e.meta.text("teamName"), OrganizationID: e.OrganizationID, CreatedAt: e.at,
		})
		return &m.teams[len(m.teams)-1]
	}
	if team.OrganizationID != e.OrganizationID {
		return nil
	}
	return team
}

func (m *model) teamChanged(e *modelEvent) {
	team := m.teamMeant(e)
	if team == nil {
		return
	}
	if name := e.meta.text("teamName"); name != "" {
		team.Name = name
	}
	if e.Type == eventlog.TeamUpdated {
		team.UpdatedAt = e.at
	}
	e.set.putText("name", &team.Name)
	e.set.putTime("createdAt", &team.CreatedAt)
	e.set.putTime("updatedAt", &team.UpdatedAt)
	for _, v := range e.set.objects("members") {
		m.placed(e, team.ID, v.text("userId"), v.text("id"))
	}
}

func (m *model) teamDeleted(id string) {
	m.teams = without(m.teams, func(v projections.Team) bool { return v.ID == id })
	m.teamMembers = without(m.teamMembers, func(v projections.TeamMember) bool { return v.TeamID == id })
	for i := range m.sessions {
		if s := &m.sessions[i]; string(s.ActiveTeamID) == id {
			s.ActiveTeamID = ""
		}
	}
}

// placed returns a user's place in a team, which it makes if he has none.
func (m *model) placed(e *modelEvent, team, user, id string) *projections.TeamMember {
	if user == "" {
		return nil
	}
	if v := m.place(team, user); v != nil {
		return v
	}
	taken := func(id string) bool {
		return find(m.teamMembers, func(v projections.TeamMember) bool { return v.ID == id }) != nil
	}
	if id == "" || taken(id) {
		id = modelID("team member", team, user)
	}
	if taken(id) {
		return nil
	}
	m.teamMembers = append(m.teamMembers, projections.TeamMember{ID: id, TeamID: team, UserID: user, CreatedAt: e.at})
	return &m.teamMembers[len(m.teamMembers)-1]
}

func (m *model) invitation(e *modelEvent) *projections.Invitation {
	id := e.meta.text("inviteeId", "invitationId")
	return find(m.invitations, func(v projections.Invitation) bool { return v.ID == id })
}

func (m *model) invited(e *modelEvent) {
	id := e.meta.text("inviteeId", "invitationId")
	if id == "" || e.OrganizationID == "" {
		return
	}
	const twoDays = 48 * 60 * 60 * 1000
	if v := m.invitation(e); v != nil {
		if v.OrganizationID == e.OrganizationID {
			v.ExpiresAt = e.at + twoDays
			e.set.putTime("expiresAt", &v.ExpiresAt)
		}
		return
	}
	v := projections.Invitation{
		ID: id, OrganizationID: e.OrganizationID, Email: e.meta.text("inviteeEmail", "email"),
		Role:   projections.Text(e.meta.text("inviteeRole", "role")),
		TeamID: projections.Text(e.meta.text("inviteeTeamId", "teamId")),
		Status: projections.InvitationPending, CreatedAt: e.at, ExpiresAt: e.at + twoDays,
		InviterID: e.whom("inviterId"),
	}
	e.set.putText("email", &v.Email)
	e.set.putNullable("role", &v.Role)
	e.set.putNullable("teamId", &v.TeamID)
	e.set.putText("status", &v.Status)
	e.set.putText("inviterId", &v.InviterID)
	e.set.putTime("createdAt", &v.CreatedAt)
	e.set.putTime("expiresAt", &v.ExpiresAt)
	v.Email = strings.ToLower(v.Email)
	m.invitations = append(m.invitations, v)
}

func (m *model) answered(e *modelEvent, status string) projections.Invitation {
	v := m.invitation(e)
	if v == nil || v.OrganizationID != e.OrganizationID {
		return projections.Invitation{}
	}
	v.Status = status
	return *v
}

func (m *model) accepted(e *modelEvent) {
	v := m.answered(e, projections.InvitationAccepted)
	user := e.whom("acceptedById")
	member := m.member(e, user)
	if member == nil {
		return
	}
	if role := e.meta.text("memberRole", "inviteeRole", "role"); role != "" {
		member.Role = role
	} else if v.Role != "" {
		member.Role = string(v.Role)
	}
	teams := e.meta.text("inviteeTeamId", "teamId")
	if teams == "" {
		teams = string(v.TeamID)
	}
	for _, id := range strings.Split(teams, ",") {
		if team := m.team(strings.TrimSpace(id)); team != nil && team.OrganizationID == e.OrganizationID {
			m.placed(e, team.ID, user, "")
		}
	}
}
