package projections

import "dashd/eventlog"

// people are the tables of users and what belongs to one.
type people struct{}

func (p *people) freeze() people { return people{} }

// userRules are those of events about users, their accounts, sessions and second factors.
var userRules = map[eventlog.Type]rule{}

func (t *Tables) hasUser(id string) bool { panic("skeleton") }

// addUser makes the row of a user who has none.
func (t *Tables) addUser(u User) { panic("skeleton") }

// forgetActiveOrganization clears it in the sessions that have it.
func (t *Tables) forgetActiveOrganization(organizationID string) { panic("skeleton") }

// forgetActiveTeam likewise.
func (t *Tables) forgetActiveTeam(teamID string) { panic("skeleton") }

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
