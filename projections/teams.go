package projections

import (
	"iter"

	"dashd/eventlog"
)

// The keys of teams and of their members.
const (
	teamOrganization = 0

	teamMemberTeam = 0
	teamMemberUser = 1
)

func (m *Team) rowID() string { return m.ID }

func (m *Team) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{teamOrganization: m.OrganizationID}
}

func (m *TeamMember) rowID() string { return m.ID }

func (m *TeamMember) rowKeys() [keysOfRow]string {
	return [keysOfRow]string{teamMemberTeam: m.TeamID, teamMemberUser: m.UserID}
}

func codeTeam(c *coder, m *Team) {
	codeText(c, &m.ID)
	codeText(c, &m.Name)
	codeText(c, &m.OrganizationID)
	c.time(&m.CreatedAt)
	c.time(&m.UpdatedAt)
}

func codeTeamMember(c *coder, m *TeamMember) {
	codeText(c, &m.ID)
	codeText(c, &m.TeamID)
	codeText(c, &m.UserID)
	c.time(&m.CreatedAt)
}

// Team finds a team by its id.
func (t *Tables) Team(id string) (Team, bool) { return t.teams.get(id) }

// Teams are those of an organization.
func (t *Tables) Teams(organizationID string) []Team {
	return t.teams.list(teamOrganization, organizationID)
}

// TeamMember finds the place of a user in a team.
func (t *Tables) TeamMember(teamID, userID string) (TeamMember, bool) {
	for m := range t.teamMembers.having(teamMemberUser, userID) {
		if m.TeamID == teamID {
			return *m, true
		}
	}
	return TeamMember{}, false
}

// TeamMembers yields the members of a team.
func (t *Tables) TeamMembers(teamID string) iter.Seq[TeamMember] {
	return copies(t.teamMembers.having(teamMemberTeam, teamID))
}

// TeamMemberCount is the number of members of a team.
func (t *Tables) TeamMemberCount(teamID string) int {
	return t.teamMembers.count(teamMemberTeam, teamID)
}

// TeamMemberships are a user's places in teams.
func (t *Tables) TeamMemberships(userID string) []TeamMember {
	return t.teamMembers.list(teamMemberUser, userID)
}

// knowTeam makes the row of the team that a fact names, if there is none. It is false
// for a team of another organization.
func (t *Tables) knowTeam(f *fact, id string) bool {
	team, ok := t.teams.get(id)
	if !ok && id != "" && f.OrganizationID != "" {
		team = Team{ID: id, Name: f.text("teamName"), OrganizationID: f.OrganizationID, CreatedAt: f.at()}
		t.teams.put(team)
	}
	return team.OrganizationID != "" && team.OrganizationID == f.OrganizationID
}

// foldTeam folds team.created and team.updated. A new team may come with members.
func (t *Tables) foldTeam(f *fact) {
	if !t.knowTeam(f, f.text("teamId")) {
		return
	}
	team := t.teams.edit(f.text("teamId"))
	if name := f.text("teamName"); name != "" {
		team.Name = name
	}
	if f.Type == eventlog.TeamUpdated {
		team.UpdatedAt = f.at()
	}
	set := f.set()
	putText(set, "name", &team.Name)
	putTime(set, "createdAt", &team.CreatedAt)
	putTime(set, "updatedAt", &team.UpdatedAt)
	for m := range set.objects("members") {
		t.addTeamMember(f, team.ID, m.Text("userId"), m.Text("id"))
	}
}

// foldTeamDeleted takes a team and its members away.
func (t *Tables) foldTeamDeleted(f *fact) {
	team, ok := t.teams.get(f.text("teamId"))
	if !ok || team.OrganizationID != f.OrganizationID {
		return
	}
	t.teams.remove(team.ID)
	t.afterTeam(&team)
}

// afterTeam takes away what belonged to a team that is gone.
func (t *Tables) afterTeam(team *Team) {
	t.teamMembers.removeHaving(teamMemberTeam, team.ID, nil)
	t.forgetActiveTeam(team.ID)
}

var teamMemberNaming = naming{
	ids:    []string{"userId", "userid"}, // the plugin says userid
	names:  []string{"memberName", "addedName"},
	emails: []string{"memberEmail", "addedEmail"},
}

// foldTeamMember folds team.member.added.
func (t *Tables) foldTeamMember(f *fact) {
	team, user := f.text("teamId"), teamMemberNaming.user(f)
	if !t.knowTeam(f, team) {
		return
	}
	set := f.set()
	id := set.Text("id")
	if id == "" {
		id = f.text("teamMemberId")
	}
	t.addTeamMember(f, team, user, id)
	if m, ok := t.TeamMember(team, user); ok {
		putTime(set, "createdAt", &m.CreatedAt)
		t.teamMembers.put(m)
	}
}

// addTeamMember gives a user a place in a team if he has none, with the id it is said
// to have, if that is free.
func (t *Tables) addTeamMember(f *fact, teamID, userID, id string) {
	if _, already := t.TeamMember(teamID, userID); already || userID == "" {
		return
	}
	if id == "" || t.teamMembers.has(id) {
		id = derivedID("team member", teamID, userID)
	}
	if !t.teamMembers.has(id) {
		t.teamMembers.put(TeamMember{ID: id, TeamID: teamID, UserID: userID, CreatedAt: f.at()})
	}
}

// foldTeamMemberRemoved folds team.member.removed.
func (t *Tables) foldTeamMemberRemoved(f *fact) {
	team, ok := t.teams.get(f.text("teamId"))
	if !ok || team.OrganizationID != f.OrganizationID {
		return
	}
	if m, ok := t.TeamMember(team.ID, teamMemberNaming.user(f)); ok {
		t.teamMembers.remove(m.ID)
	}
}
