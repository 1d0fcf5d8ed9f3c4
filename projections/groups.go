package projections

import "dashd/eventlog"

// groups are the tables of organizations and what belongs to one.
type groups struct {
	organizations table[organizationRow, *organizationRow]
	members       table[Member, *Member]
	teams         table[Team, *Team]
	teamMembers   table[TeamMember, *TeamMember]
	invitations   table[Invitation, *Invitation]
}

// organizationRules are those of the events of organizations.
var organizationRules = map[eventlog.Type]rule{
	eventlog.OrganizationCreated: {fold: (*Tables).foldOrganization, knows: true},
	eventlog.OrganizationUpdated: {fold: (*Tables).foldOrganization, knows: true},
	eventlog.OrganizationDeleted: {fold: (*Tables).foldOrganizationDeleted},

	eventlog.MemberAdded:       {fold: (*Tables).foldMember, knows: true, who: &memberNaming},
	eventlog.MemberRoleChanged: {fold: (*Tables).foldMember, knows: true, who: &memberNaming},
	eventlog.MemberRemoved:     {fold: (*Tables).foldMemberRemoved},

	eventlog.TeamCreated:       {fold: (*Tables).foldTeam, knows: true},
	eventlog.TeamUpdated:       {fold: (*Tables).foldTeam, knows: true},
	eventlog.TeamDeleted:       {fold: (*Tables).foldTeamDeleted},
	eventlog.TeamMemberAdded:   {fold: (*Tables).foldTeamMember, knows: true, who: &teamMemberNaming},
	eventlog.TeamMemberRemoved: {fold: (*Tables).foldTeamMemberRemoved},

	eventlog.InvitationCreated:   {fold: (*Tables).foldInvitation, knows: true, who: &inviterNaming},
	eventlog.InvitationAccepted:  {fold: (*Tables).foldInvitationAccepted, knows: true, who: &accepterNaming},
	eventlog.InvitationRejected:  {fold: (*Tables).foldInvitationRejected, knows: true, who: &rejecterNaming},
	eventlog.InvitationCancelled: {fold: (*Tables).foldInvitationCancelled, knows: true, who: &cancellerNaming},
}

func (g *groups) freeze() groups {
	return groups{
		organizations: g.organizations.freeze(),
		members:       g.members.freeze(),
		teams:         g.teams.freeze(),
		teamMembers:   g.teamMembers.freeze(),
		invitations:   g.invitations.freeze(),
	}
}

// kept are the tables that checkpoints hold.
func (g *groups) kept() []keptTable {
	return []keptTable{
		g.organizations.kept("organizations", codeOrganization),
		g.members.kept("members", codeMember),
		g.teams.kept("teams", codeTeam),
		g.teamMembers.kept("team members", codeTeamMember),
		g.invitations.kept("invitations", codeInvitation),
	}
}

// reindex makes everything but the rows from the rows.
func (g *groups) reindex() {
	g.organizations.reindex()
	g.members.reindex()
	g.teams.reindex()
	g.teamMembers.reindex()
	g.invitations.reindex()
	for m := range g.members.all() {
		g.countMember(m.OrganizationID, 1)
	}
}

// forgetUser removes what a user who was deleted had in organizations: memberships and
// the invitations he sent.
func (g *groups) forgetUser(id string) {
	g.members.removeHaving(memberUser, id, func(m *Member) { g.countMember(m.OrganizationID, -1) })
	g.teamMembers.removeHaving(teamMemberUser, id, nil)
	g.invitations.removeHaving(invitationInviter, id, nil)
}
