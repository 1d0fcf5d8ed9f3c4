package projections

import "dashd/eventlog"

// foldSession folds the events of a session that begins: one request sends up to three,
// in any order.
func (t *Tables) foldSession(f *fact) {
	if !validRef(f.UserID) {
		return
	}
	user := t.userRowOf(f.UserID)
	t.refreshNames(f, user)
	if f.Type != eventlog.UserImpersonated && !f.ours() { // those are sessions of others
		t.setActive(user, max(t.activity.At(int(user)).last, f.at()))
	}
	id := sessionNamed(f)
	if !validRef(id) {
		return
	}
	ord, known := t.sessionAgain(id)
	var s, before Session
	if known {
		if r := t.sessions.At(int(ord)); r.ended || r.user != user {
			return
		}
		s = t.session(ord)
		before = s
		s.CreatedAt, s.UpdatedAt = min(s.CreatedAt, f.at()), min(s.UpdatedAt, f.at())
	} else {
		s = Session{ID: id, UserID: f.UserID, CreatedAt: f.at(), UpdatedAt: f.at(), ExpiresAt: f.at() + sessionLife}
	}
	describeSession(f, &s)
	setSession(f, &s)
	switch {
	case !known:
		t.addSession(user, s)
	case s != before:
		t.putSession(ord, s)
	}
	t.passTime(min(f.at(), boundedTime(f.ReceivedAt)))
}

// refreshNames gives a known user the name and the e-mail that f tells.
func (t *Tables) refreshNames(f *fact, ord uint32) {
	r := t.users.At(int(ord))
	if r.flags&userKnown == 0 || !tellsNames(f) {
		return
	}
	if f.same("userName", r.nameText()) && f.same("userEmail", r.emailText()) {
		return // most often
	}
	u := t.user(ord)
	before := u
	takeNames(f, &u)
	if u != before {
		t.putUser(ord, u)
	}
}

// sessionNamed is the id of the session that f is about.
func sessionNamed(f *fact) string {
	if f.SessionID != "" {
		return f.SessionID
	}
	return f.name("sessionId")
}

// describeSession gives a session what f says about where and how it began.
func describeSession(f *fact, s *Session) {
	if f.IPAddress != "" {
		s.IPAddress = f.IPAddress
	}
	if f.UserAgent != "" {
		s.UserAgent = f.UserAgent
	} else if agent := f.text("userAgent"); agent != "" {
		s.UserAgent = agent
	}
	if f.City != "" {
		s.City = Text(f.City)
	}
	if f.Country != "" {
		s.Country = Text(f.Country)
	}
	if f.CountryCode != "" {
		s.CountryCode = Text(f.CountryCode)
	}
	method := f.name("loginMethod")
	if method == "" && f.Type == eventlog.OAuthSignIn {
		method = f.name("provider", "providerId")
	}
	if method != "" {
		s.LoginMethod = Text(method)
	}
	if f.Type == eventlog.UserImpersonated {
		if by := f.name("impersonatedById", "impersonatedBy"); validRef(by) {
			s.ImpersonatedBy = Text(by)
		}
	}
}

// setSession gives a session the columns of f's set.
func setSession(f *fact, s *Session) {
	set := f.set()
	if set.Len() == 0 {
		return
	}
	putTime(set, "expiresAt", &s.ExpiresAt)
	putTime(set, "createdAt", &s.CreatedAt)
	putTime(set, "updatedAt", &s.UpdatedAt)
	putText(set, "ipAddress", &s.IPAddress)
	putText(set, "userAgent", &s.UserAgent)
	putText(set, "impersonatedBy", &s.ImpersonatedBy)
	putText(set, "activeOrganizationId", &s.ActiveOrganizationID)
	putText(set, "activeTeamId", &s.ActiveTeamID)
	putText(set, "country", &s.Country)
	putText(set, "city", &s.City)
	putText(set, "countryCode", &s.CountryCode)
	putText(set, "loginMethod", &s.LoginMethod)
}

// passTime notes that a session began at an instant, and gives up what is over for long
// by then. Whatever an application says, that was not after dashd heard of it: an event
// from the future must not end the present.
func (t *Tables) passTime(at Time) {
	switch {
	case t.clock.Len() == 0:
		t.clock.Append(at)
	case *t.clock.At(0) < at:
		*t.clock.Edit(0) = at
	}
	t.forgetSessions(*t.clock.At(0))
}

// foldSessionEnded folds the events that end a session. It may not have begun here yet.
func (t *Tables) foldSessionEnded(f *fact) {
	id := sessionNamed(f)
	if !validRef(id) {
		return
	}
	ord, ok := t.sessionAgain(id)
	switch {
	case !ok:
		t.addEnded(id, f.at())
	case !validRef(f.UserID) || t.sessions.At(int(ord)).ended || t.session(ord).UserID == f.UserID:
		t.endSession(ord)
	}
}

// foldSessionsEnded folds session.revoked_all.
func (t *Tables) foldSessionsEnded(f *fact) {
	if user, ok := t.userMeant(f); ok {
		t.endSessionsOf(user)
	}
}
