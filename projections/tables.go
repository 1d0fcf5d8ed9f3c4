package projections

import "iter"

// Tables are the tables of one project as of one seq. Published ones are immutable,
// and safe for any number of readers. Rows are copies; what their slices hold must not be changed.
// Lists of rows that belong to something are in the order in which the rows were made.
type Tables struct{ tablesSkeleton }

type tablesSkeleton struct{}

// Users and what belongs to one. (users.go, accounts.go, sessions.go, twofactor.go)

func (t *Tables) User(id string) (User, bool)                        { panic("skeleton") }
func (t *Tables) UserByEmail(email string) (User, bool)              { panic("skeleton") } // ignoring case
func (t *Tables) UserCount() int                                     { panic("skeleton") }
func (t *Tables) OnlineUsers(since Time) int                         { panic("skeleton") } // lastActiveAt >= since
func (t *Tables) ListUsers(q Query) (Page[User], error)              { panic("skeleton") }
func (t *Tables) EachUser(q Query, fn func(User) error) error        { panic("skeleton") } // for exports: q's page, streamed
func (t *Tables) Account(id string) (Account, bool)                  { panic("skeleton") }
func (t *Tables) Accounts(userID string) []Account                   { panic("skeleton") }
func (t *Tables) AccountSecret(id string) []byte                     { panic("skeleton") } // box: seal.Object{seal.Password, project, account id}; nil if none
func (t *Tables) AccountsOfProvider(providerID string) []Account     { panic("skeleton") }
func (t *Tables) Session(id string) (Session, bool)                  { panic("skeleton") }
func (t *Tables) Sessions(userID string) []Session                   { panic("skeleton") }
func (t *Tables) ListSessions(q SessionQuery) (Page[Session], error) { panic("skeleton") }
func (t *Tables) TwoFactor(userID string) (TwoFactor, bool)          { panic("skeleton") }

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

func (t *Tables) SSOProvider(providerID string) (SSOProvider, bool)             { panic("skeleton") }
func (t *Tables) SSOProviders(organizationID string) []SSOProvider              { panic("skeleton") }
func (t *Tables) SSOProvidersBy(userID string) []SSOProvider                    { panic("skeleton") }
func (t *Tables) Directory(organizationID, providerID string) (Directory, bool) { panic("skeleton") }
func (t *Tables) Directories(organizationID string) []Directory                 { panic("skeleton") }
func (t *Tables) Drain(id string) (Drain, bool)                                 { panic("skeleton") }
func (t *Tables) Drains(organizationID string) []Drain                          { panic("skeleton") }
func (t *Tables) AllDrains() []Drain                                            { panic("skeleton") }
