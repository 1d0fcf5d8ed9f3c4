package httpapi_test

import (
	"log/slog"
	"net/http"
	"strings"

	"dashd/httpapi"
	"dashd/internal/commands"
)

// organizationContracts are replayed in the state that recordedOffice makes, less or more
// what an exchange needs.
var organizationContracts = []contract{
	{file: "post-dash-organization", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedUsers(); x.index > 1 {
			s.recordedOffice()
		}
	}},
	{file: "patch-dash-organization", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedOffice()
		if s.withoutOwner(x); x.Case == "organization-update-clear-logo" {
			s.must("PATCH", "/dash/organization", `{"organizationId":"organization_001","metadata":{"plan":"enterprise"}}`)
		}
	}},
	{file: "delete-dash-organization", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedOffice()
		s.withoutOwner(x)
	}},
	{file: "get-dash-organization", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedOffice(); x.Case == "organization-detail-after-update" {
			s.must("PATCH", "/dash/organization", `{"organizationId":"organization_001","name":"Acme Corp","metadata":{"plan":"enterprise"},"logo":""}`)
		}
	}},
	{file: "get-dash-organizations", tells: tellWhatWasReported, build: recordedOffice},
	{file: "extra-organizations", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedOffice()
		switch x.Case {
		case "organizations-export":
			s.must("PATCH", "/dash/organization", `{"organizationId":"organization_001","name":"Acme Corp","metadata":{"plan":"enterprise"},"logo":""}`)
			x.Request.Query["sortOrder"] = "asc" // acme was the only one left
		case "team-members-list":
			s.recordedTeam()
		}
	}},

	{file: "get-dash-organization-members", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if x.Case == "members-list" {
			s.recordedOffice()
			return
		}
		s.recordedInvitations()
		s.tell(accepted("invitation_001"))
	}},
	{file: "post-dash-organization-member", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedOffice(); x.Case == "member-add" {
			s.tell(left("member_004", "user_002"))
		}
	}},
	{file: "delete-dash-organization-member", tells: tellWhatWasReported, build: recordedOffice},
	{file: "patch-dash-organization-member-role", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if x.Case != "member-role-same" {
			s.recordedOffice()
			return
		}
		s.recordedUsers()
		s.tell(founded("organization_001", "Acme", "acme", 10, nil),
			joined("member_001", "organization_001", "user_001", "owner", 10),
			joined("member_003", "organization_001", "user_002", "member", 12))
	}},

	{file: "get-dash-organization-teams", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedOffice()
		s.tell(formed("team_003", "organization_001", "Platform", 32), formed("team_004", "organization_001", "Fourth", 33))
		if x.Case == "teams-list-with-members" {
			s.must("PATCH", "/dash/organization/team", `{"organizationId":"organization_001","teamId":"team_002","name":"Platform Engineering"}`)
			s.recordedTeam()
		}
	}},
	{file: "post-dash-organization-team", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedOffice()
		s.withoutOwner(x)
		if x.Note == "maximumTeams 4" {
			s.under(commands.Organizations{MaxTeams: 4})
			s.tell(formed("team_003", "organization_001", "Platform", 32), formed("team_004", "organization_001", "Fourth", 33))
		}
	}},
	{file: "patch-dash-organization-team", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedOffice(); x.Case == "team-update-empty-name" {
			s.must("PATCH", "/dash/organization/team", `{"organizationId":"organization_001","teamId":"team_002","name":"Platform Engineering"}`)
		}
	}},
	{file: "delete-dash-organization-team", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedOffice(); x.Note == "allowRemovingAllTeams false" {
			s.under(commands.Organizations{KeepLastTeam: true})
			s.must("DELETE", "/dash/organization/team?organizationId=organization_001&teamId=team_002", "")
		}
	}},
	{file: "post-dash-organization-team-member", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedOffice(); x.index > 0 {
			s.recordedTeam()
		}
		if x.Note == "maximumMembersPerTeam 2" {
			s.under(commands.Organizations{MaxTeamMembers: 2})
		}
	}},
	{file: "delete-dash-organization-team-member", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		if s.recordedOffice(); x.index == 0 {
			s.recordedTeam()
		}
	}},

	{file: "get-dash-organization-invitations", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedInvitations()
		if x.Case == "invitations-list-final" {
			s.tell(accepted("invitation_001"))
			s.must("POST", "/dash/organization/invite/cancel", `{"organizationId":"organization_001","invitationId":"invitation_002"}`)
		}
	}},
	{file: "post-dash-organization-invite", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		switch x.Case {
		case "invitation-create-errors":
			s.recordedInvitations()
		case "invitation-by-plain-member":
			s.recordedOffice()
			s.must("PATCH", "/dash/organization/member/role", `{"organizationId":"organization_001","memberId":"member_004","role":"member"}`)
		default:
			s.recordedOffice()
			s.tell(left("member_006", "user_004"))
		}
	}},
	{file: "post-dash-organization-invite-cancel", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		s.recordedInvitations()
		switch x.Case {
		case "invitation-cancel-again":
			s.must("POST", "/dash/organization/invite/cancel", `{"organizationId":"organization_001","invitationId":"invitation_002"}`)
		case "invitation-cancel-accepted":
			s.tell(accepted("invitation_001"))
		}
	}},
	{file: "post-dash-organization-invite-resend", tells: tellWhatWasReported, build: func(s *scene, x *exchange) {
		switch {
		case x.Note == "cancelled invitation":
			s.recordedInvitations()
			s.must("POST", "/dash/organization/invite/cancel", `{"organizationId":"organization_001","invitationId":"invitation_002"}`)
		case strings.HasSuffix(x.Case, "expired"):
			s.recordedOffice()
			old := invited("invitation_001", "organization_001", "user_001", "old@example.com", "member", 14)
			old["metadata"].(told)["set"] = told{"expiresAt": at(14)}
			s.tell(old)
			if x.Request.Method == http.MethodGet {
				s.must("POST", "/dash/organization/invite/resend", `{"organizationId":"organization_001","invitationId":"invitation_001"}`)
			}
		default:
			s.recordedInvitations()
		}
	}},
}

// organizationDeviations are those of the answers about organizations.
var organizationDeviations = []exception{
	{"post-dash-organization", 1, "body.metadata: string, captured null", "6 POST: metadata is accepted"},
	{"patch-dash-organization", 1, "body.logo: null, captured string", "6 PATCH: an empty logo is null"},
	{"get-dash-organization", 1, "body.logo: null, captured string", "6 PATCH: an empty logo is null"},
	{"extra-organizations", 5, "body[].logo: null, captured string", "6 PATCH: an empty logo is null"},
	{"patch-dash-organization", 4, "status 200, captured 400", "6 PATCH: metadata may be an object"},
	{"patch-dash-organization", 11, "status 200, captured 500", `6 PATCH: metadata "" takes it away`},
	{"patch-dash-organization", 11, `a body, captured none`, `6 PATCH: metadata "" takes it away`},
	{"patch-dash-organization", 8, `message "Organization not found", *`, "6 PATCH: no owner is needed"},
	{"post-dash-organization-team", 2, `message "Organization not found", *`, "6 PATCH: no owner is needed, to make teams neither"},
	{"patch-dash-organization", 10, "status 200, captured 404", "6 PATCH: no owner is needed"},
	{"delete-dash-organization", 1, "status 200, captured 404", "6 PATCH: no owner is needed, to delete neither"},
	{"post-dash-organization-team", 5, "status 200, captured 404", "6 PATCH: no owner is needed, to make teams neither"},
	{"get-dash-organizations", 11, "body.organizations: 1 items, captured 3", "6 GET: limit is held between 1 and 100"},
	{"get-dash-organizations", 12, "status 200, captured 500", "6 GET: a limit that is no number is 10"},
	{"get-dash-organizations", 12, `a body, captured none`, "6 GET: a limit that is no number is 10"},
	{"get-dash-organizations", 13, "status 400, captured 500", "6 GET: 400 for a date that is none"},
	{"get-dash-organizations", 13, `a body, captured none`, "6 GET: 400 for a date that is none"},
	{"extra-organizations", 4, "body.deletedOrgIds: 1 items, captured 2", "19.10: unknown ids are skipped"},
	{"extra-organizations", 4, "body.skippedOrgIds: 1 items, captured 0", "19.10: unknown ids are skipped"},
	{"extra-organizations", 6, "body[].membershipKey: missing", "3 TeamMember"},
	{"post-dash-organization-team-member", 0, "body.membershipKey: missing", "3 TeamMember"},
	{"post-dash-organization-member", 1, "status 400, captured 200", "7 POST: nobody is a member twice"},
	{"post-dash-organization-member", 1, `message "User is already a member of this organization"*`, "7 POST: nobody is a member twice"},
	{"delete-dash-organization-member", 2, "status 400, captured 200", "7 DELETE: the last owner stays"},
	{"delete-dash-organization-member", 2, `message "You cannot leave the organization as the only owner"*`, "7 DELETE: the last owner stays"},
	{"patch-dash-organization-member-role", 3, "status 400, captured 200", "7 PATCH: the last owner stays one"},
	{"patch-dash-organization-member-role", 3, `message "You cannot leave the organization without an owner"*`, "7 PATCH: the last owner stays one"},
	{"post-dash-organization-team", 6, "status 400, captured 200", "8 POST: an empty name is refused"},
	{"post-dash-organization-team", 6, `message "[body.name] Too small: expected string to have >=1 characters"*`, "8 POST: an empty name is refused"},
	{"post-dash-organization-invite", 0, "body.emailSent: added", "9 POST: without a mail sender, the answer says so"},
	{"post-dash-organization-invite", 1, "body.emailSent: added", "9 POST: without a mail sender, the answer says so"},
	{"post-dash-organization-invite-cancel", 1, "status 400, captured 200", "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-cancel", 1, `message "Only pending invitations can be cancelled"*`, "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-cancel", 5, "status 400, captured 200", "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-cancel", 5, `message "Only pending invitations can be cancelled"*`, "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-resend", 6, "body: 1 items, captured 2", "9 resend: an expired invitation is prolonged"},
}

// under serves the scene under other rules for organizations.
func (s *scene) under(rules commands.Organizations) {
	o := s.options(slog.New(slog.DiscardHandler))
	o.Tokens, o.Commands = keySets(s.t, s.project), s.commandsWith(rules)
	s.handler = httpapi.New(o).Handler(false)
}

func recordedOffice(s *scene, _ *exchange) { s.recordedOffice() }

// recordedUsers tells of the users of the recordings.
func (s *scene) recordedUsers() {
	s.tell(append(people(), person("user_005", "Barbara Liskov", "barbara@example.com", 9, nil))...)
}

// recordedOffice tells of the users and organizations of the recordings, as they were when
// all of them had been made: acme with four members and two teams, globex, initech.
func (s *scene) recordedOffice() {
	s.recordedUsers()
	s.tell(
		founded("organization_001", "Acme Inc", "acme", 6, told{"logo": "https://img.example.com/acme.png"}),
		joined("member_001", "organization_001", "user_001", "owner", 6),
		formed("team_001", "organization_001", "Core", 6),
		teamed("teamMember_001", "organization_001", "team_001", "user_001", 6),
		founded("organization_002", "Globex", "globex", 7, nil),
		joined("member_002", "organization_002", "user_002", "owner", 7),
		founded("organization_003", "Initech", "initech", 13, nil),
		joined("member_003", "organization_003", "user_003", "owner", 13),
		joined("member_004", "organization_001", "user_002", "admin", 14),
		joined("member_005", "organization_001", "user_003", "member", 15),
		joined("member_006", "organization_001", "user_004", "member", 16),
		formed("team_002", "organization_001", "Platform", 29),
	)
}

// recordedTeam tells who is in the second team.
func (s *scene) recordedTeam() {
	s.tell(teamed("teamMember_002", "organization_001", "team_002", "user_002", 40),
		teamed("teamMember_003", "organization_001", "team_002", "user_003", 44))
}

// recordedInvitations tells of the two invitations to acme, of Edsger, who has left, and
// of somebody new.
func (s *scene) recordedInvitations() {
	s.recordedOffice()
	s.tell(left("member_006", "user_004"),
		invited("invitation_001", "organization_001", "user_001", "edsger@example.com", "member", 53),
		invited("invitation_002", "organization_001", "user_001", "new@example.com", "admin", 62))
}

// withoutOwner takes away the only owner of acme, which the application can do, if the
// exchange was recorded so.
func (s *scene) withoutOwner(x *exchange) {
	if x.Note == "organization without an owner" {
		s.tell(left("member_001", "user_001"))
	}
}

// left is the event that ends a membership of acme.
func left(id, user string) told {
	return told{"type": "member.removed", "organizationId": "organization_001", "userId": user, "metadata": told{"memberId": id, "userId": user}}
}

// accepted is the event that Edsger has accepted an invitation to acme.
func accepted(id string) told {
	return told{"type": "invitation.accepted", "organizationId": "organization_001", "metadata": told{
		"inviteeId": id, "inviteeEmail": "edsger@example.com", "acceptedById": "user_004", "acceptedByName": "Edsger Dijkstra",
		"acceptedByEmail": "edsger@example.com", "memberId": "member_007", "memberRole": "member",
	}}
}
