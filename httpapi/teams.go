package httpapi

import (
	"iter"
	"net/http"
	"slices"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// shownTeam is a team with the number of its members.
type shownTeam struct {
	projections.Team
	MemberCount int `json:"memberCount"`
}

func showTeam(t *projections.Tables, team projections.Team) shownTeam {
	return shownTeam{team, t.TeamMemberCount(team.ID)}
}

// listTeams serves GET /dash/organization/teams, in the order in which they were made.
func (s *Server) listTeams(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.idOf("organizationId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	teams := []shownTeam{}
	for _, team := range window(r, slices.Values(t.Teams(id))) {
		teams = append(teams, showTeam(t, team))
	}
	return writeJSON(w, http.StatusOK, teams)
}

// createTeam serves POST /dash/organization/team.
func (s *Server) createTeam(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.TeamCreate{
		OrganizationID: in.id("organizationId"),
		Name:           in.text("name", atLeast(1), atMost(maxTitle)),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, id, err := s.Commands.CreateTeam(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.doneTeam(w, done, id)
}

// doneTeam answers a command with the team it is about.
func (s *Server) doneTeam(w http.ResponseWriter, done commands.Done, id string) error {
	team, ok := done.Tables.Team(id)
	if !ok {
		return errs.New(errs.NotFound, "TEAM_NOT_FOUND", "Team not found")
	}
	return s.done(w, done, showTeam(done.Tables, team))
}

// updateTeam serves PATCH /dash/organization/team.
func (s *Server) updateTeam(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.TeamUpdate{
		OrganizationID: in.id("organizationId"),
		TeamID:         in.idOf("teamId"),
		Name:           optional(in.optionalText("name", atMost(maxTitle)), ""),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UpdateTeam(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.doneTeam(w, done, cmd.TeamID)
}

// deleteTeam serves DELETE /dash/organization/team.
func (s *Server) deleteTeam(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.TeamDelete{OrganizationID: in.id("organizationId"), TeamID: in.idOf("teamId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.DeleteTeam(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// listTeamMembers serves GET /dash/organization/team/members, in the order in which
// they joined.
func (s *Server) listTeamMembers(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organizationID, teamID := in.id("organizationId"), in.idOf("teamId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	if team, ok := t.Team(teamID); !ok || team.OrganizationID != organizationID {
		return writeJSON(w, http.StatusOK, none)
	}
	return writeJSON(w, http.StatusOK, window(r, listedTeamMembers(t, teamID)))
}

// listedTeamMember is a member of a list.
type listedTeamMember struct {
	projections.TeamMember
	User *userPreview `json:"user"`
}

// listedTeamMembers yields the members of a team, but those who are no users.
func listedTeamMembers(t *projections.Tables, teamID string) iter.Seq[listedTeamMember] {
	return func(yield func(listedTeamMember) bool) {
		for m := range t.TeamMembers(teamID) {
			if user := preview(t, m.UserID); user != nil && !yield(listedTeamMember{m, user}) {
				return
			}
		}
	}
}

// addTeamMember serves POST /dash/organization/team/member.
func (s *Server) addTeamMember(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.TeamMemberAdd{OrganizationID: in.id("organizationId"), TeamID: in.id("teamId"), UserID: in.id("userId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.AddTeamMember(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	m, ok := done.Tables.TeamMember(cmd.TeamID, cmd.UserID)
	if !ok {
		return errs.New(errs.NotFound, "TEAM_MEMBER_NOT_FOUND", "Team member not found")
	}
	return s.done(w, done, m)
}

// removeTeamMember serves DELETE /dash/organization/team/member.
func (s *Server) removeTeamMember(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.TeamMemberRemove{OrganizationID: in.id("organizationId"), TeamID: in.id("teamId"), UserID: in.id("userId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.RemoveTeamMember(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}
