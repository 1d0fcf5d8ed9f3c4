package genevents

import (
	"strconv"

	"dashd/eventlog"
)

// kinds are the things people do besides signing in, and how many of a thousand
// they are.
var kinds = []struct {
	perMille int
	make     func(*Source, *person)
}{
	{130, (*Source).signOut},
	{70, (*Source).signInFails},
	{50, (*Source).updateProfile},
	{30, (*Source).resetPassword},
	{25, (*Source).verifyEmail},
	{25, (*Source).joinOrganization},
	{15, (*Source).changePassword},
	{15, (*Source).revokeSessions},
	{8, (*Source).ban},
}

// about is an event of p's own doing.
func about(p *person, t eventlog.Type, sent, shown string) eventlog.Event {
	return eventlog.Event{
		Type:     t,
		UserID:   p.id,
		Personal: eventlog.Personal{Origin: eventlog.Origin{Type: sent, DisplayName: shown}},
	}
}

func (s *Source) join(p *person) {
	s.newPerson(p)
	e := about(p, "user.joined", "user_created", p.name+" signed up")
	e.Metadata = meta(p).by(p.id, "user")
	s.emit(p, e)

	e = about(p, "account.linked", "account_linked", "Linked credential account")
	e.Metadata = meta(p).add("accountId", s.id()).add("providerId", "credential").by(p.id, "user")
	s.emit(p, e)
	s.signIn(p)
}

// signIn makes the two events the plugin sends for each sign-in.
func (s *Source) signIn(p *person) {
	if s.rng.IntN(4) == 0 {
		s.move(p)
	}
	p.session = s.id()
	method := []string{"email", "email", "email", "google", "github", "magic-link"}[s.rng.IntN(6)]
	for _, e := range []eventlog.Event{
		about(p, "session.created", "session_created", "Session created"),
		about(p, "user.logged_in", "user_signed_in", "Signed in via "+method),
	} {
		e.SessionID = p.session
		e.Metadata = meta(p).session(p, method).by(p.id, "user")
		s.emit(p, e)
	}
}

func (s *Source) signInFails(p *person) {
	e := about(p, "login.failed", "user_sign_in_failed", "User sign-in attempt failed")
	e.Status = eventlog.Failed
	e.Metadata = meta(p).add("loginMethod", "email").by(p.id, "user")
	s.emit(p, e)
}

func (s *Source) signOut(p *person) {
	if p.session == "" {
		s.signIn(p)
		return
	}
	e := about(p, "user.logged_out", "user_signed_out", "User signed out")
	e.SessionID = p.session
	e.Metadata = meta(p).session(p, "unknown").by(p.id, "user")
	p.session = ""
	s.emit(p, e)
}

func (s *Source) revokeSessions(p *person) {
	e := about(p, "session.revoked_all", "all_sessions_revoked", "All sessions revoked")
	e.Metadata = meta(p).by(p.id, "user")
	p.session = ""
	s.emit(p, e)
}

func (s *Source) updateProfile(p *person) {
	e := about(p, "user.updated", "profile_updated", "Profile updated")
	e.Metadata = meta(p).raw("updatedFields", `["name"]`).by(p.id, "user")
	s.emit(p, e)
}

func (s *Source) changePassword(p *person) {
	e := about(p, "user.password_changed", "password_changed", "Password changed")
	e.Metadata = meta(p).add("accountId", s.id()).add("providerId", "credential").by(p.id, "user")
	s.emit(p, e)
}

func (s *Source) resetPassword(p *person) {
	e := about(p, "password.reset_requested", "password_reset_requested", "Password reset requested")
	e.Metadata = meta(p).by("unknown", "user")
	s.emit(p, e)
	e = about(p, "password.reset_completed", "password_reset_completed", "Password reset completed")
	e.Metadata = meta(p).by("unknown", "user")
	s.emit(p, e)
}

func (s *Source) verifyEmail(p *person) {
	e := about(p, "user.email_verification_sent", "email_verification_sent", "Verification email sent")
	e.SessionID = p.session
	e.Metadata = meta(p).by(p.id, "user")
	s.emit(p, e)
	e = about(p, "user.email_verified", "email_verified", "Email verified")
	e.Metadata = meta(p).by(p.id, "user")
	s.emit(p, e)
}

func (s *Source) joinOrganization(p *person) {
	o := &s.orgs[p.org]
	if o.id == "" {
		name := orgNames[p.org%len(orgNames)] + " " + strconv.Itoa(p.org)
		*o = org{id: s.id(), name: name, slug: "org-" + strconv.Itoa(p.org)}
		e := about(p, "organization.created", "organization_created", "Organization Created")
		s.emitOrg(p, o, e, object(nil).org(o).by(p.id, "organization"))
	}
	e := about(p, "member.added", "organization_member_added", "Member added to organization")
	m := object(nil).org(o).add("userId", p.id).add("memberName", p.name).add("role", "member").
		add("memberId", s.id()).add("memberEmail", p.email).by(p.id, "organization")
	s.emitOrg(p, o, e, m)
}

func (s *Source) emitOrg(p *person, o *org, e eventlog.Event, metadata []byte) {
	e.OrganizationID, e.Key, e.Metadata = o.id, o.id, metadata
	s.emit(p, e)
}

// ban bans p, or ends the ban. The first user is the one who does that.
func (s *Source) ban(p *person) {
	admin := &s.people[0]
	if p == admin || admin.id == "" {
		s.updateProfile(p)
		return
	}
	p.banned = !p.banned
	e := about(p, "user.unbanned", "user_unbanned", "User unbanned")
	m := meta(p).raw("banned", "false")
	if p.banned {
		e = about(p, "user.banned", "user_banned", "User banned: spam")
		m = meta(p).raw("banned", "true").add("banReason", "spam")
	}
	e.ActorID = admin.id
	e.Metadata = m.by(admin.id, "admin")
	s.emit(p, e)
}

// object is JSON text of an object, without its last brace. The values are plain: nothing in
// them needs escaping.
type object []byte

func meta(p *person) object {
	return object(nil).add("userId", p.id).add("userName", p.name).add("userEmail", p.email)
}

func (o object) session(p *person, method string) object {
	return o.add("sessionId", p.session).add("loginMethod", method).add("userAgent", p.agent)
}

func (o object) org(g *org) object {
	return o.add("organizationId", g.id).add("organizationSlug", g.slug).add("organizationName", g.name)
}

// by adds who did it and closes the object.
func (o object) by(who, context string) []byte {
	return append(o.add("triggeredBy", who).add("triggerContext", context), '}')
}

func (o object) add(key, value string) object { return o.raw(key, `"`+value+`"`) }

func (o object) raw(key, value string) object {
	if len(o) == 0 {
		o = append(make(object, 0, 512), '{')
	} else {
		o = append(o, ',')
	}
	o = append(append(append(o, '"'), key...), `":`...)
	return append(o, value...)
}
