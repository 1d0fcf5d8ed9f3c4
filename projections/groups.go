package projections

import (
	"iter"

	"dashd/eventlog"
)

// groups are the tables of organizations and what belongs to one.
type groups struct{}

func (g *groups) freeze() groups { return groups{} }

// settings are the tables of what organizations have configured.
type settings struct{}

func (s *settings) freeze() settings { return settings{} }

var organizationRules, settingRules map[eventlog.Type]rule

func (t *Tables) hasOrganization(id string) bool { panic("skeleton") }

// addOrganization makes the row of an organization that has none.
func (t *Tables) addOrganization(o Organization) { panic("skeleton") }

// forgetUser removes what a user who was deleted had in organizations: memberships,
// team memberships, the invitations he sent, the SSO providers he created.
func (t *Tables) forgetUser(id string) { panic("skeleton") }

// Organizations and what belongs to one. (orgs.go, members.go, teams.go, invitations.go)

func (t *Tables) Organization(id string) (Organization, bool)         { panic("skeleton") }
func (t *Tables) OrganizationBySlug(slug string) (Organization, bool) { panic("skeleton") }
func (t *Tables) ListOrganizations(q OrganizationQuery) (Page[Organization], error) {
	panic("skeleton")
}
func (t *Tables) EachOrganization(q Query, fn func(Organization) error) error { panic("skeleton") }
func (t *Tables) Member(id string) (Member, bool)                             { panic("skeleton") }
func (t *Tables) MemberOf(organizationID, userID string) (Member, bool)       { panic("skeleton") }
func (t *Tables) Members(organizationID string) iter.Seq[Member]              { panic("skeleton") }
func (t *Tables) MemberCount(organizationID string) int                       { panic("skeleton") }
func (t *Tables) Memberships(userID string) []Member                          { panic("skeleton") }
func (t *Tables) Team(id string) (Team, bool)                                 { panic("skeleton") }
func (t *Tables) Teams(organizationID string) []Team                          { panic("skeleton") }
func (t *Tables) TeamMember(teamID, userID string) (TeamMember, bool)         { panic("skeleton") }
func (t *Tables) TeamMembers(teamID string) iter.Seq[TeamMember]              { panic("skeleton") }
func (t *Tables) TeamMemberCount(teamID string) int                           { panic("skeleton") }
func (t *Tables) TeamMemberships(userID string) []TeamMember                  { panic("skeleton") }
func (t *Tables) Invitation(id string) (Invitation, bool)                     { panic("skeleton") }
func (t *Tables) Invitations(organizationID string) []Invitation              { panic("skeleton") }
func (t *Tables) InvitationsTo(email string) []Invitation                     { panic("skeleton") }
func (t *Tables) InvitationsBy(inviterID string) []Invitation                 { panic("skeleton") }

// Settings of organizations. (sso.go, directories.go, drains.go)

func (t *Tables) SSOProvider(providerID string) (SSOProvider, bool) { panic("skeleton") }

func (t *Tables) SSOProviders(organizationID string) []SSOProvider { panic("skeleton") }

func (t *Tables) SSOProvidersBy(userID string) []SSOProvider { panic("skeleton") }

func (t *Tables) Directory(organizationID, providerID string) (Directory, bool) { panic("skeleton") }

func (t *Tables) Directories(organizationID string) []Directory { panic("skeleton") }

func (t *Tables) Drain(id string) (Drain, bool) { panic("skeleton") }

func (t *Tables) Drains(organizationID string) []Drain { panic("skeleton") }

func (t *Tables) AllDrains() []Drain { panic("skeleton") }
