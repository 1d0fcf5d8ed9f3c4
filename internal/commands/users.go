package commands

import (
	"cmp"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// credentialProvider is the provider of an account that is a password.
const credentialProvider = "credential"

// user finds the user a command is about.
func user(t *projections.Tables, id string) (projections.User, error) {
	u, ok := t.User(id)
	if !ok {
		return u, userNotFound(errs.NotFound)
	}
	return u, nil
}

// freeEmail refuses an e-mail address that another user has.
func freeEmail(t *projections.Tables, email, userID string) error {
	if other, ok := t.UserByEmail(email); ok && other.ID != userID {
		return refuse(errs.Invalid, "User with this email already exist")
	}
	return nil
}

// aboutSession makes an event of a user's stream about one of his sessions.
func (c *Commands) aboutSession(call Call, t eventlog.Type, u projections.User, s projections.Session, more, set data) eventlog.Event {
	method := cmp.Or(string(s.LoginMethod), "unknown") // the dash plugin's word for what it does not know
	head := data{"sessionId", s.ID, "loginMethod", method, "userAgent", s.UserAgent}
	e := c.aboutUser(call, t, u, append(head, more...), set)
	e.SessionID = s.ID
	return e
}

// sessionsEnded says that all sessions of a user have ended: nothing if he has none.
func (c *Commands) sessionsEnded(call Call, t *projections.Tables, u projections.User) []eventlog.Event {
	sessions := t.Sessions(u.ID)
	if len(sessions) == 0 {
		return nil
	}
	events := []eventlog.Event{c.aboutUser(call, eventlog.SessionRevokedAll, u, data{"sessionCount", len(sessions)}, nil)}
	for _, s := range sessions {
		events = append(events, c.impersonationStopped(call, t, u, s)...)
	}
	return events
}

// sessionEnded says that a session has ended.
func (c *Commands) sessionEnded(call Call, t *projections.Tables, u projections.User, s projections.Session) []eventlog.Event {
	revoked := c.aboutSession(call, eventlog.SessionRevoked, u, s, nil, nil)
	return append([]eventlog.Event{revoked}, c.impersonationStopped(call, t, u, s)...)
}

// impersonationStopped says, of a session of an impersonator that has not expired, that
// he is himself again.
func (c *Commands) impersonationStopped(call Call, t *projections.Tables, u projections.User, s projections.Session) []eventlog.Event {
	if s.ImpersonatedBy == "" || int64(s.ExpiresAt) <= c.o.Now() {
		return nil
	}
	by := impersonator(t, string(s.ImpersonatedBy))
	return []eventlog.Event{c.aboutSession(call, eventlog.UserImpersonationStopped, u, s, by, nil)}
}

// impersonator says who impersonates: one who is no user of the application, such as
// the operator, is called by his id.
func impersonator(t *projections.Tables, id string) data {
	u, _ := t.User(id)
	return data{"impersonatedBy", cmp.Or(u.Name, u.Email, id), "impersonatedById", id}
}

// aboutAccount makes an event of a user's stream about one of his accounts. account and
// oauth are its types for a password, and for an identity at a provider.
func (c *Commands) aboutAccount(call Call, account, oauth eventlog.Type, u projections.User, a projections.Account, set data) eventlog.Event {
	t := oauth
	if a.ProviderID == credentialProvider {
		t = account
	}
	return c.aboutUser(call, t, u, data{"accountId", a.ID, "providerId", a.ProviderID}, set)
}

// accountUnlinked says that an account is gone.
func (c *Commands) accountUnlinked(call Call, u projections.User, a projections.Account) eventlog.Event {
	return c.aboutAccount(call, eventlog.AccountUnlinked, eventlog.OAuthUnlinked, u, a, nil)
}
