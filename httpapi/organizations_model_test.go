package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/projections"
)

// The model is what somebody would keep in his head who asks for organizations,
// members, teams and invitations: lists, searched from the front. It knows nothing of events.
type (
	model struct {
		now           func() int64
		organizations []*modelOrganization
	}
	modelOrganization struct {
		id, name, slug, logo string
		members              []*modelMember
		teams                []*modelTeam
		invitations          []*modelInvitation
	}
	modelMember     struct{ id, user, role string }
	modelTeam       struct{ id, name, members string } // members: "ada grace"
	modelInvitation struct {
		id, email, role, status, inviter string
		expires                          int64
	}
)

// The limits under which the model's commands run.
var modelRules = commands.Organizations{MaxTeams: 3, MaxTeamMembers: 2, KeepLastTeam: true}

var modelUsers = []string{"ada", "grace", "alan", "edsger", "barbara"}

// An intent is one step: a request, what is to come back, and what it is to do.
type intent struct {
	method, path, body string
	refusal            string // "400 message"; empty: 200
	do                 func(answer map[string]any)
}

func (m *model) organization(id string) *modelOrganization {
	for _, o := range m.organizations {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (m *model) slugTaken(slug, but string) bool {
	return slices.ContainsFunc(m.organizations, func(o *modelOrganization) bool { return o.slug == slug && o.id != but })
}

func (o *modelOrganization) memberOf(user string) *modelMember {
	for _, m := range o.members {
		if m.user == user {
			return m
		}
	}
	return nil
}

func (o *modelOrganization) owners() (n int) {
	for _, m := range o.members {
		if m.role == "owner" {
			n++
		}
	}
	return n
}

func (t *modelTeam) list() []string { return strings.Fields(t.members) }

func (t *modelTeam) leave(user string) {
	t.members = strings.Join(slices.DeleteFunc(t.list(), func(u string) bool { return u == user }), " ")
}

// oneOf picks one of a list, or sometimes what is in none.
func oneOf[T any](r *rand.Rand, list []T, id func(T) string) string {
	if len(list) == 0 || r.IntN(12) == 0 {
		return "nobody"
	}
	return id(list[r.IntN(len(list))])
}

func (m *model) anyOrganization(r *rand.Rand) (string, *modelOrganization) {
	id := oneOf(r, m.organizations, func(o *modelOrganization) string { return o.id })
	return id, m.organization(id)
}

func anyUser(r *rand.Rand) string { return oneOf(r, modelUsers, func(u string) string { return u }) }

func known(user string) bool { return slices.Contains(modelUsers, user) }

// steps are the kinds of steps, by how often they come.
func (m *model) step(r *rand.Rand) intent {
	kinds := []func(*rand.Rand) intent{
		m.create, m.update, m.update, m.delete,
		m.addMember, m.addMember, m.addMember, m.removeMember, m.changeRole, m.changeRole,
		m.createTeam, m.createTeam, m.updateTeam, m.deleteTeam,
		m.joinTeam, m.joinTeam, m.joinTeam, m.leaveTeam,
		m.invite, m.invite, m.invite, m.invite, m.cancel, m.resend, m.resend,
	}
	if len(m.organizations) < 2 {
		return m.create(r)
	}
	return kinds[r.IntN(len(kinds))](r)
}

func (m *model) create(r *rand.Rand) intent {
	user, slug, skip := anyUser(r), fmt.Sprintf("slug-%d", r.IntN(9)), r.IntN(2) == 0
	i := intent{method: "POST", path: "/dash/organization", body: text("userId", user, "name", "N"+slug, "slug", slug, "skipDefaultTeam", skip)}
	switch {
	case !known(user):
		i.refusal = "400 User not found"
	case m.slugTaken(slug, ""):
		i.refusal = "400 Organization already exists"
	}
	i.do = func(answer map[string]any) {
		owner := answer["members"].([]any)[0].(map[string]any)["id"].(string)
		o := &modelOrganization{id: answer["id"].(string), name: "N" + slug, slug: slug, members: []*modelMember{{owner, user, "owner"}}}
		if !skip {
			o.teams = []*modelTeam{{"", "N" + slug, user}} // its id is not told: the first look finds it
		}
		m.organizations = append(m.organizations, o)
	}
	return i
}

func (m *model) update(r *rand.Rand) intent {
	id, o := m.anyOrganization(r)
	slug, name, logo := fmt.Sprintf("slug-%d", r.IntN(9)), fmt.Sprintf("Name %d", r.IntN(100)), []string{"", "https://x.example/l.png"}[r.IntN(2)]
	i := intent{method: "PATCH", path: "/dash/organization", body: text("organizationId", id, "name", name, "slug", slug, "logo", logo)}
	switch {
	case o == nil:
		i.refusal = "404 Organization not found"
	case m.slugTaken(slug, id):
		i.refusal = "400 Slug already exists"
	}
	i.do = func(map[string]any) { o.name, o.slug, o.logo = name, slug, logo }
	return i
}

func (m *model) delete(r *rand.Rand) intent {
	id, o := m.anyOrganization(r)
	i := intent{method: "DELETE", path: "/dash/organization?organizationId=" + id}
	if o == nil {
		i.refusal = "404 Organization not found"
	}
	i.do = func(map[string]any) {
		m.organizations = slices.DeleteFunc(m.organizations, func(x *modelOrganization) bool { return x == o })
	}
	return i
}

func (m *model) addMember(r *rand.Rand) intent {
	id, o := m.anyOrganization(r)
	user, role := anyUser(r), []string{"member", "admin", "owner", "boss"}[r.IntN(4)]
	i := intent{method: "POST", path: "/dash/organization/member", body: text("organizationId", id, "userId", user, "role", role)}
	switch {
	case role == "boss":
		i.refusal = "400 " + unknownRole
	case o == nil:
		i.refusal = "404 Organization not found"
	case !known(user):
		i.refusal = "404 User not found"
	case o.memberOf(user) != nil:
		i.refusal = "400 User is already a member of this organization"
	}
	i.do = func(answer map[string]any) {
		o.members = append(o.members, &modelMember{answer["id"].(string), user, role})
	}
	return i
}

// anyMember picks an organization and one of its members, or of another's.
func (m *model) anyMember(r *rand.Rand) (organization, member string, o *modelOrganization, found *modelMember) {
	organization, o = m.anyOrganization(r)
	_, from := m.anyOrganization(r)
	if r.IntN(4) > 0 {
		from = o
	}
	if member = "nobody"; from != nil {
		member = oneOf(r, from.members, func(m *modelMember) string { return m.id })
	}
	if o != nil {
		for _, x := range o.members {
			if x.id == member {
				found = x
			}
		}
	}
	return organization, member, o, found
}

func (m *model) removeMember(r *rand.Rand) intent {
	organization, id, o, member := m.anyMember(r)
	i := intent{method: "DELETE", path: "/dash/organization/member?organizationId=" + organization + "&memberId=" + id}
	switch {
	case member == nil:
		i.refusal = "404 Member not found"
	case member.role == "owner" && o.owners() == 1:
		i.refusal = "400 You cannot leave the organization as the only owner"
	}
	i.do = func(map[string]any) {
		o.members = slices.DeleteFunc(o.members, func(x *modelMember) bool { return x == member })
		for _, t := range o.teams {
			t.leave(member.user)
		}
	}
	return i
}

func (m *model) changeRole(r *rand.Rand) intent {
	organization, id, o, member := m.anyMember(r)
	role := []string{"member", "admin", "owner"}[r.IntN(3)]
	i := intent{method: "PATCH", path: "/dash/organization/member/role", body: text("organizationId", organization, "memberId", id, "role", role)}
	switch {
	case member == nil:
		i.refusal = "404 Member not found"
	case member.role == "owner" && role != "owner" && o.owners() == 1:
		i.refusal = "400 You cannot leave the organization without an owner"
	}
	i.do = func(map[string]any) { member.role = role }
	return i
}

func (m *model) createTeam(r *rand.Rand) intent {
	id, o := m.anyOrganization(r)
	name := fmt.Sprintf("Team %d", r.IntN(5))
	i := intent{method: "POST", path: "/dash/organization/team", body: text("organizationId", id, "name", name)}
	switch {
	case o == nil:
		i.refusal = "404 Organization not found"
	case len(o.teams) == modelRules.MaxTeams:
		i.refusal = "400 Maximum number of teams (3) reached for this organization"
	}
	i.do = func(answer map[string]any) {
		o.teams = append(o.teams, &modelTeam{id: answer["id"].(string), name: name})
	}
	return i
}

// anyTeam picks an organization and one of its teams, or of another's.
func (m *model) anyTeam(r *rand.Rand) (organization, team string, o *modelOrganization, found *modelTeam) {
	organization, o = m.anyOrganization(r)
	_, from := m.anyOrganization(r)
	if r.IntN(6) > 0 {
		from = o
	}
	if team = "nobody"; from != nil {
		team = oneOf(r, from.teams, func(t *modelTeam) string { return t.id })
	}
	if o != nil {
		for _, x := range o.teams {
			if x.id == team {
				found = x
			}
		}
	}
	return organization, team, o, found
}

func (m *model) updateTeam(r *rand.Rand) intent {
	organization, id, _, team := m.anyTeam(r)
	name := []string{"", "Renamed"}[r.IntN(2)]
	i := intent{method: "PATCH", path: "/dash/organization/team", body: text("organizationId", organization, "teamId", id, "name", name)}
	if team == nil {
		i.refusal = "404 " + noSuchTeam
	}
	i.do = func(map[string]any) {
		if name != "" {
			team.name = name
		}
	}
	return i
}

func (m *model) deleteTeam(r *rand.Rand) intent {
	organization, id, o, team := m.anyTeam(r)
	i := intent{method: "DELETE", path: "/dash/organization/team?organizationId=" + organization + "&teamId=" + id}
	switch {
	case team == nil:
		i.refusal = "404 " + noSuchTeam
	case len(o.teams) == 1:
		i.refusal = "400 Cannot remove the last team in the organization"
	}
	i.do = func(map[string]any) {
		o.teams = slices.DeleteFunc(o.teams, func(x *modelTeam) bool { return x == team })
	}
	return i
}

func (m *model) joinTeam(r *rand.Rand) intent {
	organization, id, o, team := m.anyTeam(r)
	user := anyUser(r)
	i := intent{method: "POST", path: "/dash/organization/team/member", body: text("organizationId", organization, "teamId", id, "userId", user)}
	switch {
	case team == nil:
		i.refusal = "404 " + noSuchTeam
	case o.memberOf(user) == nil:
		i.refusal = "400 User not found or is not a member of this organization"
	case slices.Contains(team.list(), user):
		i.refusal = "400 User is already a member of this team"
	case len(team.list()) == modelRules.MaxTeamMembers:
		i.refusal = "400 Maximum number of team members (2) reached for this team"
	}
	i.do = func(map[string]any) { team.members += " " + user }
	return i
}

func (m *model) leaveTeam(r *rand.Rand) intent {
	organization, id, _, team := m.anyTeam(r)
	user := anyUser(r)
	i := intent{method: "DELETE", path: "/dash/organization/team/member?organizationId=" + organization + "&teamId=" + id + "&userId=" + user}
	switch {
	case team == nil:
		i.refusal = "404 " + noSuchTeam
	case !slices.Contains(team.list(), user):
		i.refusal = "404 User not found or is not a member of this team"
	}
	i.do = func(map[string]any) { team.leave(user) }
	return i
}

// mayInvite is the refusal of an inviter, or of whom he invites.
func (o *modelOrganization) mayInvite(inviter, email, role string) string {
	if !known(inviter) {
		return "400 Invited by user not found"
	}
	if o == nil || o.memberOf(inviter) == nil {
		return "400 Member not found"
	}
	has := o.memberOf(inviter).role
	switch {
	case has == "member":
		return "403 You are not allowed to invite users to this organization"
	case role == "owner" && has != "owner":
		return "403 You are not allowed to invite a user with this role"
	case o.memberOf(strings.TrimSuffix(email, "@example.com")) != nil:
		return "400 User is already a member of this organization"
	}
	return ""
}

func (m *model) invite(r *rand.Rand) intent {
	id, o := m.anyOrganization(r)
	inviter, email, role := anyUser(r), anyUser(r)+"@example.com", []string{"member", "owner"}[r.IntN(2)]
	i := intent{method: "POST", path: "/dash/organization/invite", body: text("organizationId", id, "invitedBy", inviter, "email", email, "role", role)}
	if i.refusal = o.mayInvite(inviter, email, role); i.refusal == "" {
		for _, v := range o.invitations {
			if v.email == email && v.status == "pending" && v.expires > m.now() {
				i.refusal = "400 User is already invited to this organization"
			}
		}
	}
	i.do = func(answer map[string]any) {
		o.invitations = append(o.invitations, &modelInvitation{answer["id"].(string), email, role, "pending", inviter, m.now() + 48*time.Hour.Milliseconds()})
	}
	return i
}

func (m *model) anyInvitation(r *rand.Rand) (organization, invitation string, o *modelOrganization, found *modelInvitation) {
	organization, o = m.anyOrganization(r)
	if invitation = "nobody"; o != nil {
		invitation = oneOf(r, o.invitations, func(v *modelInvitation) string { return v.id })
		for _, x := range o.invitations {
			if x.id == invitation {
				found = x
			}
		}
	}
	return organization, invitation, o, found
}

func (m *model) cancel(r *rand.Rand) intent {
	organization, id, _, v := m.anyInvitation(r)
	i := intent{method: "POST", path: "/dash/organization/invite/cancel", body: text("organizationId", organization, "invitationId", id)}
	switch {
	case v == nil:
		i.refusal = "404 Invitation not found"
	case v.status != "pending":
		i.refusal = "400 Only pending invitations can be cancelled"
	}
	i.do = func(map[string]any) { v.status = "canceled" }
	return i
}

func (m *model) resend(r *rand.Rand) intent {
	organization, id, o, v := m.anyInvitation(r)
	i := intent{method: "POST", path: "/dash/organization/invite/resend", body: text("organizationId", organization, "invitationId", id)}
	switch {
	case v == nil:
		i.refusal = "404 Invitation not found"
	case v.status != "pending":
		i.refusal = "400 Only pending invitations can be resent"
	default:
		i.refusal = o.mayInvite(v.inviter, v.email, v.role)
	}
	i.do = func(map[string]any) { v.expires = m.now() + 48*time.Hour.Milliseconds() }
	return i
}

// text is a JSON object of names and values.
func text(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// accept lets the application say that somebody has accepted an invitation, or rejected it.
func (m *model) accept(o *office, r *rand.Rand) {
	_, id, org, v := m.anyInvitation(r)
	if v == nil || v.status != "pending" || v.expires <= m.now() {
		return
	}
	user := strings.TrimSuffix(v.email, "@example.com")
	meta := text("inviteeId", id, "inviteeEmail", v.email, "acceptedById", user, "acceptedByName", user, "acceptedByEmail", v.email, "memberId", "m"+id, "memberRole", v.role)
	if !known(user) || org.memberOf(user) != nil {
		o.tell(eventlog.Event{Type: "organization_member_invite_rejected", OrganizationID: org.id}, meta)
		v.status = "rejected"
		return
	}
	o.tell(eventlog.Event{Type: "organization_member_invite_accepted", OrganizationID: org.id}, meta)
	v.status = "accepted"
	org.members = append(org.members, &modelMember{"m" + id, user, v.role})
}

// String is all the model knows, a line each.
func (m *model) String() string {
	var b strings.Builder
	slices.SortFunc(m.organizations, func(a, b *modelOrganization) int { return strings.Compare(a.id, b.id) })
	for _, o := range m.organizations {
		fmt.Fprintf(&b, "organization %s %q %s %q\n", o.id, o.name, o.slug, o.logo)
		for _, x := range o.members {
			fmt.Fprintf(&b, "  member %s %s %s\n", x.id, x.user, x.role)
		}
		for _, t := range o.teams {
			fmt.Fprintf(&b, "  team %s %q %v\n", t.id, t.name, t.list())
		}
		for _, v := range o.invitations {
			fmt.Fprintf(&b, "  invitation %s %s %s %s %s\n", v.id, v.email, v.role, v.status, v.inviter)
		}
	}
	return b.String()
}

// placesOf are a user's organizations and teams and what he is invited to, sorted.
func (m *model) placesOf(user string) (ids []string) {
	for _, o := range m.organizations {
		if x := o.memberOf(user); x != nil {
			ids = append(ids, "member "+x.id)
		}
		for _, t := range o.teams {
			if slices.Contains(t.list(), user) {
				ids = append(ids, "team "+t.id)
			}
		}
		for _, v := range o.invitations {
			if v.email == user+"@example.com" {
				ids = append(ids, "invitation "+v.id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// placesSeen are the same in the tables: what is gone has left nothing behind.
func placesSeen(t *projections.Tables, user string) (ids []string) {
	for _, x := range t.Memberships(user) {
		ids = append(ids, "member "+x.ID)
	}
	for _, x := range t.TeamMemberships(user) {
		ids = append(ids, "team "+x.TeamID)
	}
	for _, x := range t.InvitationsTo(user + "@example.com") {
		ids = append(ids, "invitation "+x.ID)
	}
	slices.Sort(ids)
	return ids
}

// seen is the same of the tables. It checks the times of invitations, which the model
// knows to a few seconds, and tells it the ids of first teams.
func (m *model) seen(t *testing.T, tables *projections.Tables) string {
	t.Helper()
	page, err := tables.ListOrganizations(projections.OrganizationQuery{Query: projections.Query{Limit: -1}})
	if err != nil {
		t.Fatal(err)
	}
	var seen model
	for _, row := range page.Rows {
		o := &modelOrganization{id: row.ID, name: row.Name, slug: row.Slug, logo: string(row.Logo)}
		for x := range tables.Members(row.ID) {
			o.members = append(o.members, &modelMember{x.ID, x.UserID, x.Role})
		}
		for _, x := range tables.Teams(row.ID) {
			team := &modelTeam{id: x.ID, name: x.Name}
			for place := range tables.TeamMembers(x.ID) {
				team.members += " " + place.UserID
			}
			o.teams = append(o.teams, team)
		}
		for _, x := range tables.Invitations(row.ID) {
			o.invitations = append(o.invitations, &modelInvitation{x.ID, x.Email, string(x.Role), x.Status, x.InviterID, int64(x.ExpiresAt)})
		}
		seen.organizations = append(seen.organizations, o)
		m.compareTimes(t, o)
	}
	return seen.String()
}

func (m *model) compareTimes(t *testing.T, seen *modelOrganization) {
	t.Helper()
	o := m.organization(seen.id)
	if o == nil || len(o.invitations) != len(seen.invitations) {
		return // the texts say so
	}
	if len(o.teams) > 0 && len(seen.teams) > 0 && o.teams[0].id == "" {
		o.teams[0].id = seen.teams[0].id
	}
	for n, v := range seen.invitations {
		if d := v.expires - o.invitations[n].expires; d < -10_000 || d > 10_000 {
			t.Fatalf("invitation %s expires %d ms away from what was asked for", v.id, d)
		}
	}
}

// Whatever is asked for, in whatever order, the answer is that of the model, and so are
// the tables afterwards.
func TestOrganizationsAreWhatWasAskedFor(t *testing.T) {
	steps, seed := 500, rand.Uint64()
	if testing.Short() {
		steps = 150
	}
	o := &office{start(t), map[string]string{}}
	o.api.Commands = o.commandsWith(modelRules)
	for _, user := range modelUsers {
		o.person(user)
	}
	m, r := &model{now: o.now}, rand.New(rand.NewPCG(seed, 1))
	refusals := 0
	for n := range steps {
		switch r.IntN(20) {
		case 0:
			o.ahead.Add(30 * time.Hour.Milliseconds()) // an invitation lives for 48
		case 1, 2, 3:
			m.accept(o, r)
		}
		i := m.step(r)
		a := o.ask(i.method, i.path, i.body)
		got := ""
		if a.status != http.StatusOK {
			refusals++
			got = fmt.Sprintf("%d %s", a.status, decode[struct{ Message string }](t, a, a.status).Message)
		}
		if got != i.refusal {
			t.Fatalf("seed %d, step %d: %s %s %s\n got %q (%s)\nwant %q in\n%v", seed, n, i.method, i.path, i.body, got, a.body, i.refusal, m)
		}
		if got == "" {
			i.do(decode[map[string]any](t, a, http.StatusOK))
		}
		tables := o.node.Dash.Image().Tables("default")
		seen := m.seen(t, tables)
		for _, user := range modelUsers {
			if got, want := placesSeen(tables, user), m.placesOf(user); !slices.Equal(got, want) {
				t.Fatalf("seed %d, step %d: %s is in %v, want %v", seed, n, user, got, want)
			}
		}
		if want := m.String(); seen != want {
			t.Fatalf("seed %d, step %d: %s %s %s\n got %s\nwant %s", seed, n, i.method, i.path, i.body, seen, want)
		}
	}
	if refusals < steps/20 || refusals > steps*19/20 {
		t.Errorf("seed %d: %d of %d steps were refused, which shows little", seed, refusals, steps)
	}
}
