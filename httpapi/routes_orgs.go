package httpapi

import (
	"slices"

	"dashd/eventlog"
)

// organizationRoutes is a part of the route table.
func (s *Server) organizationRoutes() []route {
	noOrganizations := organizationPage{Organizations: []listedOrganization{}, Limit: defaultRows}
	table := []route{
		{
			method: "GET", pattern: "/dash/organizations", scope: orgsRead, handle: s.listOrganizations, section: "6",
			aliases: []string{"GET /dash/list-organizations"}, whenOff: noOrganizations,
		},
		{
			method: "GET", pattern: "/dash/organization", scope: orgsRead, handle: s.showOrganization, section: "6",
			aliases: []string{"GET /dash/organization/{organizationId}"},
		},
		{
			method: "POST", pattern: "/dash/organization", scope: orgsWrite, handle: s.createOrganization, section: "6",
			aliases: []string{"POST /dash/organization/create"}, command: "OrganizationCreate",
			events: []eventlog.Type{eventlog.MemberAdded, eventlog.TeamCreated, eventlog.OrganizationCreated},
		},
		{
			method: "PATCH", pattern: "/dash/organization", scope: orgsWrite, handle: s.updateOrganization, section: "6",
			aliases: []string{"POST /dash/organization/update"}, command: "OrganizationUpdate",
			events: []eventlog.Type{eventlog.OrganizationUpdated},
		},
		{
			method: "DELETE", pattern: "/dash/organization", scope: orgsWrite, handle: s.deleteOrganization, section: "6",
			aliases: []string{"POST /dash/organization/delete"}, command: "OrganizationDelete",
			events: []eventlog.Type{eventlog.OrganizationDeleted},
		},
		{
			method: "POST", pattern: "/dash/organization/delete-many", scope: orgsWrite, handle: s.deleteOrganizations, section: "17",
			command: "OrganizationsDelete", events: []eventlog.Type{eventlog.OrganizationDeleted}, bodyOptional: true,
		},
		{
			method: "GET", pattern: "/dash/export-organizations", scope: exports, handle: s.exportOrganizations, section: "17",
		},
		{
			method: "GET", pattern: "/dash/user-organizations", scope: orgsRead, handle: s.userOrganizations, section: "17",
			whenOff: userOrganizations{Organizations: []userOrganization{}},
		},
		{
			method: "POST", pattern: "/dash/organization/check-user-by-email", scope: orgsRead, handle: s.checkUserByEmail, section: "17",
		},
	}
	table = slices.Concat(table, s.memberRoutes(), s.teamRoutes(), s.invitationRoutes())
	for i := range table {
		if table[i].feature == "" {
			table[i].feature = Organizations
		}
	}
	return table
}

func (s *Server) memberRoutes() []route {
	return []route{
		{
			method: "GET", pattern: "/dash/organization/members", scope: orgsRead, handle: s.listMembers, section: "7",
			aliases: []string{"GET /dash/organization/{organizationId}/members"}, whenOff: none,
		},
		{
			method: "POST", pattern: "/dash/organization/member", scope: orgsWrite, handle: s.addMember, section: "7",
			aliases: []string{"POST /dash/organization/add-member"}, command: "MemberAdd",
			events: []eventlog.Type{eventlog.MemberAdded},
		},
		{
			method: "DELETE", pattern: "/dash/organization/member", scope: orgsWrite, handle: s.removeMember, section: "7",
			aliases: []string{"POST /dash/organization/remove-member"}, command: "MemberRemove",
			events: []eventlog.Type{eventlog.MemberRemoved, eventlog.TeamMemberRemoved},
		},
		{
			method: "PATCH", pattern: "/dash/organization/member/role", scope: orgsWrite, handle: s.changeMemberRole, section: "7",
			aliases: []string{"POST /dash/organization/update-member-role"}, command: "MemberRole",
			events: []eventlog.Type{eventlog.MemberRoleChanged},
		},
	}
}

func (s *Server) teamRoutes() []route {
	table := []route{
		{
			method: "GET", pattern: "/dash/organization/teams", scope: orgsRead, handle: s.listTeams, section: "8",
			aliases: []string{"GET /dash/organization/{organizationId}/teams"}, whenOff: none,
		},
		{
			method: "POST", pattern: "/dash/organization/team", scope: orgsWrite, handle: s.createTeam, section: "8",
			aliases: []string{"POST /dash/organization/create-team"}, command: "TeamCreate",
			events: []eventlog.Type{eventlog.TeamCreated},
		},
		{
			method: "PATCH", pattern: "/dash/organization/team", scope: orgsWrite, handle: s.updateTeam, section: "8",
			aliases: []string{"POST /dash/organization/update-team"}, command: "TeamUpdate",
			events: []eventlog.Type{eventlog.TeamUpdated},
		},
		{
			method: "DELETE", pattern: "/dash/organization/team", scope: orgsWrite, handle: s.deleteTeam, section: "8",
			aliases: []string{"POST /dash/organization/delete-team"}, command: "TeamDelete",
			events: []eventlog.Type{eventlog.TeamDeleted},
		},
		{
			method: "GET", pattern: "/dash/organization/team/members", scope: orgsRead, handle: s.listTeamMembers, section: "17",
			aliases: []string{"GET /dash/organization/{organizationId}/teams/{teamId}/members"}, whenOff: none,
		},
		{
			method: "POST", pattern: "/dash/organization/team/member", scope: orgsWrite, handle: s.addTeamMember, section: "8",
			aliases: []string{"POST /dash/organization/add-team-member"}, command: "TeamMemberAdd",
			events: []eventlog.Type{eventlog.TeamMemberAdded},
		},
		{
			method: "DELETE", pattern: "/dash/organization/team/member", scope: orgsWrite, handle: s.removeTeamMember, section: "8",
			aliases: []string{"POST /dash/organization/remove-team-member"}, command: "TeamMemberRemove",
			events: []eventlog.Type{eventlog.TeamMemberRemoved},
		},
	}
	for i := range table {
		table[i].feature = Teams
	}
	return table
}

func (s *Server) invitationRoutes() []route {
	return []route{
		{
			method: "GET", pattern: "/dash/organization/invitations", scope: orgsRead, handle: s.listInvitations, section: "9",
			aliases: []string{"GET /dash/organization/{organizationId}/invitations"}, whenOff: none,
		},
		{
			method: "POST", pattern: "/dash/organization/invite", scope: orgsWrite, handle: s.invite, section: "9",
			aliases: []string{"POST /dash/organization/invite-member"}, command: "InvitationCreate",
			events: []eventlog.Type{eventlog.InvitationCreated}, feature: InvitationEmail,
		},
		{
			method: "POST", pattern: "/dash/organization/invite/cancel", scope: orgsWrite, handle: s.cancelInvitation, section: "9",
			aliases: []string{"POST /dash/organization/cancel-invitation"}, command: "InvitationCancel",
			events: []eventlog.Type{eventlog.InvitationCancelled},
		},
		{
			method: "POST", pattern: "/dash/organization/invite/resend", scope: orgsWrite, handle: s.resendInvitation, section: "9",
			aliases: []string{"POST /dash/organization/resend-invitation"}, command: "InvitationResend",
			events: []eventlog.Type{eventlog.InvitationCreated}, feature: InvitationEmail,
		},
	}
}
