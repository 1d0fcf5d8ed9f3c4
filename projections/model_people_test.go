package projections_test

import (
	"strings"

	"dashd/eventlog"
	"dashd/projections"
)

type modelAccount struct {
	projections.Account
	Secret []byte
}

// modelSession is a session, or the memory of one that has ended.
type modelSession struct {
	projections.Session
	ended bool
}

const (
	modelDay    projections.Time = 24 * 60 * 60 * 1000
	modelWeek                    = 7 * modelDay
	modelMemory                  = 190 * modelDay
)

func (m *model) user(id string) *projections.User {
	return find(m.users, func(u projections.User) bool { return u.ID == id })
}

func (m *model) session(id string) *modelSession {
	return find(m.sessions, func(s modelSession) bool { return s.ID == id })
}

// foldPeople applies the events of users and of what belongs to one.
func (m *model) foldPeople(e *modelEvent) {
	if e.UserID == "unknown" {
		e.UserID = ""
	}
	switch e.Type {
	case eventlog.UserJoined:
		m.knowMost(e)
		m.joined(e)
	case eventlog.UserUpdated, eventlog.UserImageUpdated, eventlog.UserEmailChanged, eventlog.UserEmailVerified,
		eventlog.UserBanned, eventlog.UserUnbanned:
		m.knowMost(e)
		m.userUpdated(e)
	case eventlog.UserDeleted:
		m.userDeleted(e.UserID)
	case eventlog.UserPasswordChanged, eventlog.AccountLinked, eventlog.OAuthLinked:
		m.knowMost(e)
		m.linked(e)
	case eventlog.AccountUnlinked, eventlog.OAuthUnlinked:
		if a := m.accountMeant(e, modelProvider(e)); a != nil && a.UserID == e.UserID {
			gone := a.ID
			m.accounts = without(m.accounts, func(a modelAccount) bool { return a.ID == gone })
		}
		m.touch(e)
	case eventlog.UserLoggedIn, eventlog.SessionCreated, eventlog.OAuthSignIn, eventlog.UserImpersonated:
		m.knowMost(e)
		m.sessionBegan(e)
	case eventlog.UserImpersonationStopped, eventlog.SessionRevoked, eventlog.UserLoggedOut:
		m.sessionEnded(e)
	case eventlog.SessionRevokedAll:
		m.endSessionsOf(e.UserID)
	case eventlog.TwoFactorEnabled, eventlog.TwoFactorBackupCodesGenerated:
		m.knowMost(e)
		m.secondFactor(e)
	case eventlog.TwoFactorDisabled:
		m.knowMost(e)
		m.factors = without(m.factors, func(f projections.TwoFactor) bool { return f.UserID == e.UserID })
		if u := m.user(e.UserID); u != nil {
			u.TwoFactorEnabled = false
			m.touch(e)
		}
	case eventlog.TwoFactorVerified, eventlog.UserEmailVerificationSent, eventlog.UserDeleteVerificationRequested,
		eventlog.PasswordResetRequested, eventlog.PasswordResetCompleted, eventlog.PasswordResetRequestedOTP,
		eventlog.PasswordResetCompletedOTP, eventlog.PhoneNumberOTPRequested, eventlog.PhoneNumberVerification:
		m.knowMost(e)
		m.touch(e)
	}
}

// takeNames gives a user the name and the address that an event says he has since then:
// dashd's own say it in their set, and Studio's say what was before.
func (e *modelEvent) takeNames(u *projections.User) {
	if e.ours || e.Origin.Vocabulary == eventlog.VocabularyStudio && e.Type != eventlog.UserJoined {
		return
	}
	if name := e.meta.name("userName", "name"); name != "" {
		u.Name = name
	}
	if email := e.meta.name("newEmail", "userEmail", "email"); email != "" {
		u.Email = strings.ToLower(email)
	}
}

func (e *modelEvent) setUser(u *projections.User) {
	e.set.putText("name", &u.Name)
	e.set.putText("email", &u.Email)
	u.Email = strings.ToLower(u.Email)
	e.set.putFlag("emailVerified", &u.EmailVerified)
	e.set.putNullable("image", &u.Image)
	e.set.putTime("createdAt", &u.CreatedAt)
	e.set.putTime("updatedAt", &u.UpdatedAt)
	e.set.putNullable("role", &u.Role)
	e.set.putFlag("banned", &u.Banned)
	e.set.putNullable("banReason", &u.BanReason)
	e.set.putTime("banExpires", &u.BanExpires)
	e.set.putFlag("twoFactorEnabled", &u.TwoFactorEnabled)
	e.set.putTime("lastActiveAt", &u.LastActiveAt)
}

func (m *model) joined(e *modelEvent) {
	if e.UserID == "" {
		return
	}
	m.hear(e.UserID)
	u := m.user(e.UserID)
	if u == nil {
		m.users = append(m.users, projections.User{
			ID: e.UserID, CreatedAt: e.at, UpdatedAt: e.at, LastActiveAt: m.strangers[e.UserID],
		})
		u = &m.users[len(m.users)-1]
	}
	u.CreatedAt = min(u.CreatedAt, e.at)
	if e.ours {
		e.meta.putText("userName", &u.Name)
		e.meta.putText("userEmail", &u.Email)
	}
	e.takeNames(u)
	e.setUser(u)
}

func (m *model) userUpdated(e *modelEvent) {
	u := m.user(e.UserID)
	if u == nil {
		return
	}
	u.UpdatedAt = e.at
	switch e.Type {
	case eventlog.UserEmailVerified:
		u.EmailVerified = true
	case eventlog.UserBanned:
		u.Banned, u.BanReason, u.BanExpires = true, projections.Text(e.meta.text("banReason")), 0
		e.meta.putTime("banExpires", &u.BanExpires)
	case eventlog.UserUnbanned:
		u.Banned, u.BanReason, u.BanExpires = false, "", 0
	}
	e.takeNames(u)
	changed := readObject(e.meta["updatedFields"])
	changed.putText("name", &u.Name)
	changed.putNullable("image", &u.Image)
	e.setUser(u)
	m.touch(e)
}

func (m *model) userDeleted(id string) {
	if id == "" {
		return
	}
	m.users = without(m.users, func(u projections.User) bool { return u.ID == id })
	delete(m.strangers, id)
	m.accounts = without(m.accounts, func(a modelAccount) bool { return a.UserID == id })
	m.factors = without(m.factors, func(f projections.TwoFactor) bool { return f.UserID == id })
	m.endSessionsOf(id)
	m.members = without(m.members, func(v projections.Member) bool { return v.UserID == id })
	m.teamMembers = without(m.teamMembers, func(v projections.TeamMember) bool { return v.UserID == id })
	m.invitations = without(m.invitations, func(v projections.Invitation) bool { return v.InviterID == id })
	m.providers = without(m.providers, func(p projections.SSOProvider) bool { return p.UserID == id })
}

// lastActive is where it stands when somebody was active last; nil for nobody. It is
// known of some of whom nothing else is.
func (m *model) lastActive(id string) projections.Time {
	if u := m.user(id); u != nil {
		return u.LastActiveAt
	}
	return m.strangers[id]
}

func (m *model) setActive(id string, at projections.Time) {
	if u := m.user(id); u != nil {
		u.LastActiveAt = at
	} else {
		m.strangers[id] = at
	}
}

// touch notes that a user himself did something in a session, every five minutes.
func (m *model) touch(e *modelEvent) {
	s := m.session(e.SessionID)
	if e.ours || e.SessionID == "" || e.ActorID != "" && e.ActorID != e.UserID {
		return
	}
	if s == nil || s.ended || s.UserID != e.UserID || e.at-m.lastActive(e.UserID) < 5*60*1000 {
		return
	}
	m.setActive(e.UserID, e.at)
}

// modelProvider is the provider of the account that an event is about.
func modelProvider(e *modelEvent) string {
	switch e.Type {
	case eventlog.UserPasswordChanged, eventlog.AccountLinked, eventlog.AccountUnlinked:
		return "credential"
	}
	return e.meta.name("providerId", "provider")
}

// accountMeant finds the account that an event is about, which may be somebody else's.
func (m *model) accountMeant(e *modelEvent, provider string) *modelAccount {
	id := e.meta.name("accountId")
	if id != "" {
		if a := find(m.accounts, func(a modelAccount) bool { return a.ID == id }); a != nil {
			return a
		}
	}
	return find(m.accounts, func(a modelAccount) bool {
		return a.UserID == e.UserID && a.ProviderID == provider && (id == "" || a.AccountID == id)
	})
}

func (m *model) linked(e *modelEvent) {
	if e.UserID == "" {
		return
	}
	m.hear(e.UserID)
	provider := modelProvider(e)
	a := m.accountMeant(e, provider)
	switch {
	case a != nil && a.UserID != e.UserID, a == nil && provider == "":
		return
	case a != nil:
		a.UpdatedAt = max(a.UpdatedAt, e.at)
	default:
		id := e.meta.name("accountId")
		if id == "" {
			id = provider + ":" + e.UserID
		}
		if find(m.accounts, func(a modelAccount) bool { return a.ID == id }) != nil {
			return
		}
		m.accounts = append(m.accounts, modelAccount{Account: projections.Account{
			ID: id, AccountID: e.UserID, UserID: e.UserID, CreatedAt: e.at, UpdatedAt: e.at,
		}})
		a = &m.accounts[len(m.accounts)-1]
	}
	if provider != "" {
		a.ProviderID = provider
	}
	e.set.putText("accountId", &a.AccountID)
	e.set.putNullable("scope", &a.Scope)
	e.set.putTime("accessTokenExpiresAt", &a.AccessTokenExpiresAt)
	e.set.putTime("refreshTokenExpiresAt", &a.RefreshTokenExpiresAt)
	e.set.putTime("createdAt", &a.CreatedAt)
	e.set.putTime("updatedAt", &a.UpdatedAt)
	if a.AccountID == "" {
		a.AccountID = a.UserID
	}
	if e.ours && len(e.Sealed) > 0 {
		a.Secret = e.Sealed
	}
	a.HasPassword = a.ProviderID == "credential" || len(a.Secret) > 0
	m.touch(e)
}

func (e *modelEvent) sessionID() string {
	if e.SessionID != "" {
		return e.SessionID
	}
	return e.meta.name("sessionId")
}

func (m *model) sessionBegan(e *modelEvent) {
	if e.UserID == "" {
		return
	}
	m.hear(e.UserID)
	if u := m.user(e.UserID); u != nil {
		e.takeNames(u)
	}
	if e.Type != eventlog.UserImpersonated && !e.ours {
		m.setActive(e.UserID, max(m.lastActive(e.UserID), e.at))
	}
	id := e.sessionID()
	if id == "" {
		return
	}
	s := m.session(id)
	switch {
	case s == nil:
		m.sessions = append(m.sessions, modelSession{Session: projections.Session{
			ID: id, UserID: e.UserID, CreatedAt: e.at, UpdatedAt: e.at, ExpiresAt: e.at + modelWeek,
		}})
		s = &m.sessions[len(m.sessions)-1]
	case s.ended, s.UserID != e.UserID:
		return
	default:
		s.CreatedAt, s.UpdatedAt = min(s.CreatedAt, e.at), min(s.UpdatedAt, e.at)
	}
	e.describeSession(s)
	e.setSession(s)
	m.clock = max(m.clock, min(e.at, projections.Time(e.ReceivedAt)))
	m.sessions = without(m.sessions, func(s modelSession) bool { return s.ExpiresAt < m.clock-modelMemory })
}

func (e *modelEvent) describeSession(s *modelSession) {
	if e.IPAddress != "" {
		s.IPAddress = e.IPAddress
	}
	if e.UserAgent != "" {
		s.UserAgent = e.UserAgent
	} else if agent := e.meta.text("userAgent"); agent != "" {
		s.UserAgent = agent
	}
	if e.City != "" {
		s.City = projections.Text(e.City)
	}
	if e.Country != "" {
		s.Country = projections.Text(e.Country)
	}
	if e.CountryCode != "" {
		s.CountryCode = projections.Text(e.CountryCode)
	}
	method := e.meta.name("loginMethod")
	if method == "" && e.Type == eventlog.OAuthSignIn {
		method = e.meta.name("provider", "providerId")
	}
	if method != "" {
		s.LoginMethod = projections.Text(method)
	}
	if by := e.meta.name("impersonatedById", "impersonatedBy"); by != "" && e.Type == eventlog.UserImpersonated {
		s.ImpersonatedBy = projections.Text(by)
	}
}

func (e *modelEvent) setSession(s *modelSession) {
	e.set.putTime("expiresAt", &s.ExpiresAt)
	e.set.putTime("createdAt", &s.CreatedAt)
	e.set.putTime("updatedAt", &s.UpdatedAt)
	e.set.putText("ipAddress", &s.IPAddress)
	e.set.putText("userAgent", &s.UserAgent)
	e.set.putNullable("impersonatedBy", &s.ImpersonatedBy)
	e.set.putNullable("activeOrganizationId", &s.ActiveOrganizationID)
	e.set.putNullable("activeTeamId", &s.ActiveTeamID)
	e.set.putNullable("country", &s.Country)
	e.set.putNullable("city", &s.City)
	e.set.putNullable("countryCode", &s.CountryCode)
	e.set.putNullable("loginMethod", &s.LoginMethod)
	if len(s.CountryCode) != 2 {
		s.CountryCode = ""
	}
}

// sessionEnded ends a session for good, also one that has not begun here.
func (m *model) sessionEnded(e *modelEvent) {
	id := e.sessionID()
	switch s := m.session(id); {
	case id == "":
	case s == nil:
		m.sessions = append(m.sessions, modelSession{
			Session: projections.Session{ID: id, ExpiresAt: e.at + modelWeek}, ended: true,
		})
	case e.UserID == "", s.UserID == e.UserID:
		s.ended = true
	}
}

func (m *model) endSessionsOf(user string) {
	for i := range m.sessions {
		if s := &m.sessions[i]; user != "" && s.UserID == user {
			s.ended = true
		}
	}
}

func (m *model) secondFactor(e *modelEvent) {
	u := m.user(e.UserID)
	if u == nil {
		return
	}
	f := find(m.factors, func(f projections.TwoFactor) bool { return f.UserID == e.UserID })
	if f == nil {
		if e.Type != eventlog.TwoFactorEnabled {
			return
		}
		m.factors = append(m.factors, projections.TwoFactor{UserID: e.UserID})
		f = &m.factors[len(m.factors)-1]
	}
	if e.Type == eventlog.TwoFactorEnabled {
		f.Pending = false
		e.set.putFlag("pending", &f.Pending)
		u.TwoFactorEnabled = !f.Pending
	}
	if e.ours && len(e.Sealed) > 0 {
		f.Sealed = e.Sealed
	}
	m.touch(e)
}
