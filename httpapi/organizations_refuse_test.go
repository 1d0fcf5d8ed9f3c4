package httpapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
)

// refused is a request that must not change anything.
type refused struct {
	name, method, path, body string
	status                   int
	message                  string
	code                     string // empty: the message in capitals
}

var noLetters = regexp.MustCompile(`[^A-Z0-9]+`)

// wantRefusals sends the requests, and looks that after each the tables and the log are
// as before.
func (o *office) wantRefusals(t *testing.T, tests []refused) {
	before, head := o.state(), o.node.Store.Head()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := o.ask(tt.method, tt.path, tt.body)
			var got struct{ Message, Code string }
			if err := json.Unmarshal(a.body, &got); err != nil {
				t.Fatalf("%v in %s", err, a.body)
			}
			code := tt.code
			switch {
			case code == "" && strings.HasPrefix(tt.message, "["):
				code = "VALIDATION_ERROR"
			case code == "":
				code = strings.Trim(noLetters.ReplaceAllString(strings.ToUpper(tt.message), "_"), "_")
			}
			if a.status != tt.status || got.Message != tt.message || got.Code != code {
				t.Errorf("%s %s %s\n got %d %s\nwant %d %s %s", tt.method, tt.path, o.fill(tt.body), a.status, a.body, tt.status, tt.message, code)
			}
			if now := o.node.Store.Head(); now != head {
				types, _ := o.events(head)
				t.Errorf("a refusal appended %v", types)
				head = now
			}
			if after := o.state(); after != before {
				t.Errorf("a refusal changed\n%s\nto\n%s", before, after)
				before = after
			}
		})
	}
}

const (
	tooLong     = "Too big: expected string to have <=255 characters"
	badRole     = "Role must start with a letter and contain only letters, numbers, hyphens, and underscores"
	unknownRole = "Invalid role. Allowed roles: member, admin, owner"
	noSuchTeam  = "Team not found or does not belong to this organization"
)

func TestOrganizationsAreRefused(t *testing.T) {
	o := openOffice(t)
	long := strings.Repeat("x", 256)
	o.wantRefusals(t, []refused{
		{"an owner nobody knows", "POST", "/dash/organization", `{"userId":"nobody","name":"X","slug":"x"}`, 400, "User not found", ""},
		{"no owner", "POST", "/dash/organization", `{"name":"X","slug":"x"}`, 400, "[body.userId] Invalid input: expected string, received undefined", ""},
		{"an empty name", "POST", "/dash/organization", `{"userId":"ada","name":"","slug":"x"}`, 400, "Too small: expected string to have >=1 characters", ""},
		{"no name", "POST", "/dash/organization", `{"userId":"ada","slug":"x"}`, 400, "[body.name] Invalid input: expected string, received undefined", ""},
		{"a name that is too long", "POST", "/dash/organization", `{"userId":"ada","name":"` + long + `","slug":"x"}`, 400, "[body.name] " + tooLong, ""},
		{"a slug that is taken", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"acme"}`, 400, "Organization already exists", ""},
		{"a slug in capitals", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"ACME"}`, 400, "[body.slug] Slug can only contain lowercase letters, numbers, and hyphens", ""},
		{"an empty slug", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":""}`, 400, "[body.slug] Slug is required", ""},
		{"a slug that is too long", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"` + long + `"}`, 400, "[body.slug] " + tooLong, ""},
		{"a logo that is too long", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"x","logo":"` + strings.Repeat(long, 9) + `"}`, 400, "[body.logo] Too big: expected string to have <=2048 characters", ""},
		{"metadata that is no JSON", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"x","metadata":"{bad"}`, 400, "Invalid metadata: must be valid JSON", ""},
		{"metadata that is a number", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"x","metadata":1}`, 400, "[body.metadata] Invalid input: expected string, received number", ""},
		{"metadata that is too large", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"x","metadata":{"a":"` + strings.Repeat(long, 128) + `"}}`, 400, "[body.metadata] Too big: expected string to have <=32768 characters", ""},
		{"a team's name that is too long", "POST", "/dash/organization", `{"userId":"ada","name":"X","slug":"x","defaultTeamName":"` + long + `"}`, 400, "[body.defaultTeamName] " + tooLong, ""},
		{"no JSON", "POST", "/dash/organization", `{"userId"`, 400, "Invalid JSON in request body", "BAD_REQUEST"},
		{"no body", "POST", "/dash/organization?userId=ada", "", 400, "[body] Invalid input: expected object, received undefined", ""},

		{"a change of nothing", "PATCH", "/dash/organization", `{"organizationId":"{acme}"}`, 400, "No valid fields to update", ""},
		{"a change of what cannot be changed", "PATCH", "/dash/organization", `{"organizationId":"{acme}","id":"x","createdAt":"2000-01-01"}`, 400, "No valid fields to update", ""},
		{"a change to an empty name", "PATCH", "/dash/organization", `{"organizationId":"{acme}","name":""}`, 400, "Too small: expected string to have >=1 characters", ""},
		{"a change to a slug of another", "PATCH", "/dash/organization", `{"organizationId":"{acme}","slug":"globex"}`, 400, "Slug already exists", ""},
		{"a logo that is no link", "PATCH", "/dash/organization", `{"organizationId":"{acme}","logo":"ftp://x"}`, 400, "[body.logo] Invalid input", ""},
		{"a logo with a password", "PATCH", "/dash/organization", `{"organizationId":"{acme}","logo":"https://u:p@x.example/l.png"}`, 400, "[body.logo] Invalid input", ""},
		{"a change of an organization nobody knows", "PATCH", "/dash/organization", `{"organizationId":"x","name":"X"}`, 404, "Organization not found", ""},
		{"a change of two organizations", "PATCH", "/dash/organization?organizationId={globex}", `{"organizationId":"{acme}","name":"X"}`, 400, "Organization ID mismatch", ""},

		{"the end of an organization nobody knows", "DELETE", "/dash/organization?organizationId=x", "", 404, "Organization not found", ""},
		{"the end of two organizations", "DELETE", "/dash/organization?organizationId={globex}", `{"organizationId":"{acme}"}`, 400, "Organization ID mismatch", ""},
		{"the end of none", "DELETE", "/dash/organization", "", 400, "[query.organizationId] Invalid input: expected string, received undefined", ""},
		{"the end of a list that is none", "POST", "/dash/organization/delete-many", `{"organizationIds":"x"}`, 400, "[body.organizationIds] Invalid input: expected array, received string", ""},

		{"an unknown order", "GET", "/dash/organizations?sortBy=id", "", 400, `[query.sortBy] Invalid option: expected one of "createdAt"|"name"|"slug"|"members"`, ""},
		{"an unknown filter", "GET", "/dash/organizations?filterMembers=gt2", "", 400, `[query.filterMembers] Invalid option: expected one of "abandoned"|"eq1"|"gt1"|"gt5"|"gt10"`, ""},
		{"a date that is none", "GET", "/dash/organizations?startDate=garbage", "", 400, "[query.startDate] expected an ISO 8601 time or milliseconds since 1970", ""},
		{"an organization nobody knows", "GET", "/dash/organization?organizationId=x", "", 404, "Organization not found", ""},
		{"a slug nobody has", "GET", "/dash/organization?slug=x", "", 404, "Organization not found", ""},
		{"an export by a column there is not", "GET", "/dash/export-organizations?sortBy=x", "", 400, `[query.sortBy] there is no column "x"`, ""},
		{"an e-mail address that is none", "POST", "/dash/organization/check-user-by-email", `{"organizationId":"{acme}","email":"x"}`, 400, "[body.email] Invalid email address", ""},
	})
}

func TestMembersAreRefused(t *testing.T) {
	o := openOffice(t)
	o.wantRefusals(t, []refused{
		{"a member of an organization nobody knows", "POST", "/dash/organization/member", `{"organizationId":"x","userId":"edsger","role":"member"}`, 404, "Organization not found", ""},
		{"a member nobody knows", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"nobody","role":"member"}`, 404, "User not found", ""},
		{"a member twice", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"grace","role":"member"}`, 400, "User is already a member of this organization", ""},
		{"a role there is not", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger","role":"boss"}`, 400, unknownRole, ""},
		{"a role that cannot be one", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger","role":"1x"}`, 400, "[body.role] " + badRole, ""},
		{"two roles", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger","role":"owner,admin"}`, 400, "[body.role] " + badRole, ""},
		{"no role", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger","role":""}`, 400, "[body.role] Role is required", ""},
		{"a role that is too long", "POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"edsger","role":"` + strings.Repeat("x", 65) + `"}`, 400, "[body.role] Role is too long", ""},
		{"members of an organization nobody knows", "GET", "/dash/organization/members?organizationId=x", "", 404, "Organization not found", ""},

		{"to remove a member nobody knows", "DELETE", "/dash/organization/member?organizationId={acme}&memberId=x", "", 404, "Member not found", ""},
		{"to remove a member of another organization", "DELETE", "/dash/organization/member?organizationId={acme}&memberId={grace@globex}", "", 404, "Member not found", ""},
		{"to remove a user who is no member", "DELETE", "/dash/organization/member?organizationId={acme}&userId=edsger", "", 404, "Member not found", ""},
		{"to remove nobody", "DELETE", "/dash/organization/member?organizationId={acme}", "", 400, "[query.memberId] Invalid input: expected string, received undefined", ""},
		{"to remove two", "DELETE", "/dash/organization/member?organizationId={acme}&memberId={alan@acme}&userId=grace", "", 400, "User ID mismatch", ""},
		{"to remove the only owner", "DELETE", "/dash/organization/member?organizationId={acme}&memberId={ada@acme}", "", 400, "You cannot leave the organization as the only owner", ""},
		{"to remove the only owner by the user", "DELETE", "/dash/organization/member?organizationId={acme}&userId=ada", "", 400, "You cannot leave the organization as the only owner", ""},

		{"a role of a member nobody knows", "PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"x","role":"admin"}`, 404, "Member not found", ""},
		{"a role of a member of another organization", "PATCH", "/dash/organization/member/role", `{"organizationId":"{globex}","memberId":"{alan@acme}","role":"admin"}`, 404, "Member not found", ""},
		{"a change to a role there is not", "PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{alan@acme}","role":"boss"}`, 400, unknownRole, ""},
		{"a change to no role", "PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{alan@acme}"}`, 400, "[body.role] Invalid input: expected string, received undefined", ""},
		{"another role for the only owner", "PATCH", "/dash/organization/member/role", `{"organizationId":"{acme}","memberId":"{ada@acme}","role":"admin"}`, 400, "You cannot leave the organization without an owner", ""},
	})
}

func TestTeamsAreRefused(t *testing.T) {
	o := openOffice(t)
	o.api.Commands = o.commandsWith(commands.Organizations{MaxTeams: 1, MaxTeamMembers: 1, KeepLastTeam: true})
	long := strings.Repeat("x", 256)
	o.wantRefusals(t, []refused{
		{"a team of an organization nobody knows", "POST", "/dash/organization/team", `{"organizationId":"x","name":"X"}`, 404, "Organization not found", ""},
		{"a team without a name", "POST", "/dash/organization/team", `{"organizationId":"{acme}"}`, 400, "[body.name] Invalid input: expected string, received undefined", ""},
		{"a team with an empty name", "POST", "/dash/organization/team", `{"organizationId":"{acme}","name":""}`, 400, "[body.name] Too small: expected string to have >=1 characters", ""},
		{"a team's name that is too long", "POST", "/dash/organization/team", `{"organizationId":"{acme}","name":"` + long + `"}`, 400, "[body.name] " + tooLong, ""},
		{"one team too many", "POST", "/dash/organization/team", `{"organizationId":"{acme}","name":"X"}`, 400, "Maximum number of teams (1) reached for this organization", ""},

		{"a name of a team nobody knows", "PATCH", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"x","name":"X"}`, 404, noSuchTeam, ""},
		{"a name of a team of another organization", "PATCH", "/dash/organization/team", `{"organizationId":"{globex}","teamId":"{core}","name":"X"}`, 404, noSuchTeam, ""},
		{"another name that is too long", "PATCH", "/dash/organization/team", `{"organizationId":"{acme}","teamId":"{core}","name":"` + long + `"}`, 400, "[body.name] " + tooLong, ""},
		{"the end of a team nobody knows", "DELETE", "/dash/organization/team?organizationId={acme}&teamId=x", "", 404, noSuchTeam, ""},
		{"the end of a team of another organization", "DELETE", "/dash/organization/team?organizationId={globex}&teamId={core}", "", 404, noSuchTeam, ""},
		{"the end of the last team", "DELETE", "/dash/organization/team?organizationId={acme}&teamId={core}", "", 400, "Cannot remove the last team in the organization", ""},

		{"into a team nobody knows", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"x","userId":"alan"}`, 404, noSuchTeam, ""},
		{"into a team of another organization", "POST", "/dash/organization/team/member", `{"organizationId":"{globex}","teamId":"{core}","userId":"grace"}`, 404, noSuchTeam, ""},
		{"into a team without being a member", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"edsger"}`, 400, "User not found or is not a member of this organization", ""},
		{"into a team without existing", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"nobody"}`, 400, "User not found or is not a member of this organization", ""},
		{"into a team twice", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"ada"}`, 400, "User is already a member of this team", ""},
		{"into a team that is full", "POST", "/dash/organization/team/member", `{"organizationId":"{acme}","teamId":"{core}","userId":"alan"}`, 400, "Maximum number of team members (1) reached for this team", ""},
		{"out of a team nobody knows", "DELETE", "/dash/organization/team/member?organizationId={acme}&teamId=x&userId=ada", "", 404, noSuchTeam, ""},
		{"out of a team without being in it", "DELETE", "/dash/organization/team/member?organizationId={acme}&teamId={core}&userId=alan", "", 404, "User not found or is not a member of this team", ""},
	})
}

func TestInvitationsAreRefused(t *testing.T) {
	o := openOffice(t)
	for _, name := range []string{"pending", "canceled", "joined", "left"} {
		o.names[name] = o.made("POST", "/dash/organization/invite", `{"organizationId":"{acme}","email":"`+name+`@example.com","role":"member"}`)
	}
	wantSuccess(t, o.ask("POST", "/dash/organization/invite/cancel", `{"organizationId":"{acme}","invitationId":"{canceled}"}`))
	o.tell(eventlog.Event{Type: "organization_member_invited", OrganizationID: "{acme}"}, `{"inviteeId":"orphan","inviteeEmail":"o@example.com","inviteeRole":"member","inviterId":"nobody"}`)
	o.tell(eventlog.Event{Type: "organization_member_invited", OrganizationID: "{acme}"}, `{"inviteeId":"alans","inviteeEmail":"a@example.com","inviteeRole":"member","inviterId":"alan"}`)
	o.tell(eventlog.Event{Type: "organization_member_invited", OrganizationID: "{acme}"}, `{"inviteeId":"edsgers","inviteeEmail":"e@example.com","inviteeRole":"member","inviterId":"edsger"}`)
	o.person("joined")
	o.made("POST", "/dash/organization/member", `{"organizationId":"{acme}","userId":"joined"}`)
	o.tell(eventlog.Event{Type: "organization_member_invite_accepted", OrganizationID: "{acme}"}, `{"inviteeId":"{left}","memberId":"m9","memberRole":"member","acceptedById":"lefty","acceptedByName":"Lefty","acceptedByEmail":"left@example.com"}`)

	invite := func(fields string) string { return `{"organizationId":"{acme}",` + fields + `}` }
	const onlyPending = "Only pending invitations can be "
	o.wantRefusals(t, []refused{
		{"by nobody", "POST", "/dash/organization/invite", invite(`"email":"x@example.com","role":"member","invitedBy":"nobody"`), 400, "Invited by user not found", ""},
		{"by one who is no member", "POST", "/dash/organization/invite", invite(`"email":"x@example.com","role":"member","invitedBy":"edsger"`), 400, "Member not found", ""},
		{"by a plain member", "POST", "/dash/organization/invite", invite(`"email":"x@example.com","role":"member","invitedBy":"alan"`), 403, "You are not allowed to invite users to this organization", ""},
		{"an owner by an admin", "POST", "/dash/organization/invite", invite(`"email":"x@example.com","role":"owner","invitedBy":"grace"`), 403, "You are not allowed to invite a user with this role", "YOU_ARE_NOT_ALLOWED_TO_INVITE_USER_WITH_THIS_ROLE"},
		{"into an organization nobody knows", "POST", "/dash/organization/invite", `{"organizationId":"x","email":"x@example.com","role":"member","invitedBy":"ada"}`, 400, "Member not found", ""},
		{"into an organization nobody knows, by nobody", "POST", "/dash/organization/invite", `{"organizationId":"x","email":"x@example.com","role":"member"}`, 400, "Member not found", ""},
		{"an address that is none", "POST", "/dash/organization/invite", invite(`"email":"bad","role":"member"`), 400, "Invalid email", ""},
		{"no address", "POST", "/dash/organization/invite", invite(`"role":"member"`), 400, "[body.email] Invalid input: expected string, received undefined", ""},
		{"an address that is too long", "POST", "/dash/organization/invite", invite(`"email":"` + strings.Repeat("x", 250) + `@example.com","role":"member"`), 400, "Invalid email", ""},
		{"a role there is not", "POST", "/dash/organization/invite", invite(`"email":"x@example.com","role":"boss"`), 400, unknownRole, ""},
		{"a role that cannot be one", "POST", "/dash/organization/invite", invite(`"email":"x@example.com","role":"a b"`), 400, "[body.role] " + badRole, ""},
		{"no role", "POST", "/dash/organization/invite", invite(`"email":"x@example.com"`), 400, "[body.role] Invalid input: expected string, received undefined", ""},
		{"a member", "POST", "/dash/organization/invite", invite(`"email":"Grace@Example.com","role":"member"`), 400, "User is already a member of this organization", ""},
		{"who is invited", "POST", "/dash/organization/invite", invite(`"email":"Pending@Example.com","role":"member"`), 400, "User is already invited to this organization", ""},

		{"an unknown state", "GET", "/dash/organization/invitations?organizationId={acme}&status=open", "", 400, `[query.status] Invalid option: expected one of "pending"|"accepted"|"rejected"|"canceled"`, ""},
		{"to cancel what nobody knows", "POST", "/dash/organization/invite/cancel", invite(`"invitationId":"x"`), 404, "Invitation not found", ""},
		{"to cancel that of another organization", "POST", "/dash/organization/invite/cancel", `{"organizationId":"{globex}","invitationId":"{pending}"}`, 404, "Invitation not found", ""},
		{"to cancel two", "POST", "/dash/organization/invite/cancel?invitationId=x", invite(`"invitationId":"{pending}"`), 400, "Invitation ID mismatch", ""},
		{"to cancel twice", "POST", "/dash/organization/invite/cancel", invite(`"invitationId":"{canceled}"`), 400, onlyPending + "cancelled", ""},
		{"to cancel what was accepted", "POST", "/dash/organization/invite/cancel", invite(`"invitationId":"{left}"`), 400, onlyPending + "cancelled", ""},
		{"to cancel one whose inviter nobody knows", "POST", "/dash/organization/invite/cancel", invite(`"invitationId":"orphan"`), 404, "Inviter not found or is not associated with this invitation", ""},
		{"to resend what nobody knows", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"x"`), 404, "Invitation not found", ""},
		{"to resend that of another organization", "POST", "/dash/organization/invite/resend", `{"organizationId":"{globex}","invitationId":"{pending}"}`, 404, "Invitation not found", ""},
		{"to resend two", "POST", "/dash/organization/invite/resend?invitationId=x", invite(`"invitationId":"{pending}"`), 400, "Invitation ID mismatch", ""},
		{"to resend what was cancelled", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"{canceled}"`), 400, onlyPending + "resent", ""},
		{"to resend what was accepted", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"{left}"`), 400, onlyPending + "resent", ""},
		{"to resend to a member", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"{joined}"`), 400, "User is already a member of this organization", ""},
		{"to resend for nobody", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"orphan"`), 400, "Invited by user not found", ""},
		{"to resend for a plain member", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"alans"`), 403, "You are not allowed to invite users to this organization", ""},
		{"to resend for one who has left", "POST", "/dash/organization/invite/resend", invite(`"invitationId":"edsgers"`), 400, "Member not found", ""},
	})
}

// wantSuccess is for commands that make nothing to show.
func wantSuccess(t testing.TB, a answer) {
	t.Helper()
	if !decode[struct{ Success bool }](t, a, http.StatusOK).Success {
		t.Errorf("got %s", a.body)
	}
}
