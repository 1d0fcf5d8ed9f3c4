package genevents

import (
	"strconv"
	"strings"

	"dashd/eventlog"
)

// history is what users do who come back, and how often for one another.
var history = []struct {
	weight int
	do     func(*History, int)
}{
	{signIns, (*History).signIn},
	{120, (*History).failToSignIn},
	{95, (*History).signOut},
	{120, (*History).updateProfile},
	{40, (*History).passSecondFactor},
	{30, (*History).linkAccount},
	{22, (*History).resetPassword},
	{22, (*History).changePassword},
	{20, (*History).meetSecurity},
	{10, (*History).revokeSessions},
	{10, (*History).joinOrganization},
	{3, (*History).deleteAccount},
}

const (
	signIns = 250
	// eventsOfJoin is how many events a user who joins causes on average.
	eventsOfJoin = 4 + 0.8 + 0.7
)

// doings is the sum of the weights.
var doings = func() (sum int) {
	for _, d := range history {
		sum += d.weight
	}
	return sum
}()

// mixed is a number that follows from the seed, a number and what it is for, and from nothing else.
func (h *History) mixed(n int, purpose uint64) uint64 {
	x := h.seed ^ uint64(n)*0x9e3779b97f4a7c15 ^ purpose*0xbf58476d1ce4e5b9
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// What numbers are mixed for.
const (
	forUser = iota + 1
	forName
	forSession
	forAddress
	forOrg
	forAccount
	forOrgOf
)

// madeID is an id as Better Auth makes them.
func (h *History) madeID(n int, purpose uint64) string {
	var b [32]byte
	x := uint64(0)
	for i := range b {
		if i%10 == 0 {
			x = h.mixed(n, purpose+uint64(i)<<8)
		}
		b[i], x = alphabet[x%62], x/62
	}
	return string(b[:])
}

func (h *History) userID(n int) string { return h.madeID(n, forUser) }

func (h *History) orgID(n int) string { return h.madeID(n, forOrg) }

// person is a user as he is now.
func (h *History) person(n int) *person {
	v, x := &h.visitor[n], h.mixed(n, forName)
	first, last := firstNames[x%26], lastNames[x>>8%uint64(len(lastNames))]
	p := &person{
		id:    h.userID(n),
		name:  first + " " + last,
		email: strings.ToLower(first) + "." + strings.ToLower(last) + strconv.Itoa(n) + "@example.com",
		agent: agents[v.agent],
		ip:    h.address(n, int(v.sessions)/4),
	}
	if v.flags&signedIn != 0 {
		p.session = h.sessionID(n)
	}
	return p
}

// sessionID is the id of a user's newest session.
func (h *History) sessionID(n int) string {
	return h.madeID(n, forSession+uint64(h.visitor[n].sessions)<<16)
}

// address is where a user is, of which he changes now and then.
func (h *History) address(n, change int) string {
	x := h.mixed(n, forAddress+uint64(change)<<16)
	if x%5 == 0 {
		b := append(make([]byte, 0, 40), "2001:db8:"...)
		for i := range 3 {
			b = strconv.AppendUint(b, 0x1000|x>>(16*i+8)&0xffff, 16)
			b = append(b, ':')
		}
		return string(append(b, ":1"...))
	}
	b := append(make([]byte, 0, 16), "198."...)
	b = append(strconv.AppendUint(b, 18+x>>8&1, 10), '.')
	b = append(strconv.AppendUint(b, x>>16&255, 10), '.')
	return string(strconv.AppendUint(b, 1+x>>24&127, 10))
}

// emit queues an event about a user, from his city.
func (h *History) emit(n int, p *person, e eventlog.Event, metadata []byte) {
	e.Metadata = metadata
	e.Project = "default"
	e.Origin.Vocabulary = eventlog.VocabularyDash
	if e.Key == "" {
		e.Key = e.UserID
	}
	e.IPAddress, e.UserAgent = p.ip, p.agent
	c := &h.world.cities[p.place]
	e.CountryCode, e.Country = c.code, c.country
	if float64(h.mixed(n, forAddress)>>40)/(1<<24) >= noCity {
		e.City = c.city
	}
	if n < h.programs() {
		e.Source = eventlog.SourceAPI
	}
	h.queue = append(h.queue, e)
}

// does is someone who comes back, at home.
func (h *History) does(n int) *person {
	p := h.person(n)
	p.place = int(h.visitor[n].city)
	return p
}

// inSession is likewise, with the event that he causes in his session, if there is one.
func (h *History) inSession(n int, t eventlog.Type, sent, shown string) (*person, eventlog.Event) {
	p := h.does(n)
	e := about(p, t, sent, shown)
	e.SessionID = p.session
	return p, e
}

func (h *History) join() {
	n := len(h.visitor)
	h.visitor = append(h.visitor, visitor{
		city:  uint16(h.world.city(h.rng.Float64(), h.rng.Float64())),
		agent: uint8(h.rng.IntN(len(agents))),
	})
	p := h.does(n)
	h.emit(n, p, about(p, eventlog.UserJoined, "user_created", p.name+" signed up"), meta(p).by(p.id, "user"))
	h.emit(n, p, about(p, eventlog.AccountLinked, "account_linked", "Linked credential account"),
		meta(p).add("accountId", h.madeID(n, forAccount)).add("providerId", "credential").by(p.id, "user"))
	h.signIn(n)
	if h.rng.IntN(10) >= 8 {
		return
	}
	p, e := h.inSession(n, eventlog.UserEmailVerificationSent, "email_verification_sent", "Verification email sent")
	h.emit(n, p, e, meta(p).by(p.id, "user"))
	if h.rng.IntN(8) < 7 {
		h.emit(n, p, about(p, eventlog.UserEmailVerified, "email_verified", "Email verified"), meta(p).by(p.id, "user"))
	}
}

// signIn begins a session, one in twenty from elsewhere.
func (h *History) signIn(n int) {
	v := &h.visitor[n]
	v.sessions++
	v.flags |= signedIn
	if h.rng.IntN(6) == 0 {
		v.agent = uint8(h.rng.IntN(len(agents)))
	}
	p := h.does(n)
	if h.rng.IntN(20) == 0 {
		p.place = h.world.city(h.rng.Float64(), h.rng.Float64())
	}
	method := []string{"email", "email", "email", "google", "github", "magic-link"}[h.rng.IntN(6)]
	for _, e := range []eventlog.Event{
		about(p, eventlog.SessionCreated, "session_created", "Session created"),
		about(p, eventlog.UserLoggedIn, "user_signed_in", "Signed in via "+method),
	} {
		e.SessionID = p.session
		h.emit(n, p, e, meta(p).session(p, method).by(p.id, "user"))
	}
}

func (h *History) failToSignIn(n int) {
	p := h.does(n)
	e := about(p, eventlog.LoginFailed, "user_sign_in_failed", "User sign-in attempt failed")
	e.Status = eventlog.Failed
	h.emit(n, p, e, meta(p).add("loginMethod", "email").by(p.id, "user"))
}

func (h *History) signOut(n int) {
	v := &h.visitor[n]
	if v.flags&signedIn == 0 {
		h.signIn(n)
		return
	}
	p, e := h.inSession(n, eventlog.UserLoggedOut, "user_signed_out", "User signed out")
	v.flags &^= signedIn
	h.emit(n, p, e, meta(p).session(p, "unknown").by(p.id, "user"))
}

func (h *History) updateProfile(n int) {
	p, e := h.inSession(n, eventlog.UserUpdated, "profile_updated", "Profile updated")
	h.emit(n, p, e, meta(p).raw("updatedFields", `["name"]`).by(p.id, "user"))
}

func (h *History) passSecondFactor(n int) {
	p, e := h.inSession(n, eventlog.TwoFactorVerified, "two_factor_verified", "Two-factor code verified")
	h.emit(n, p, e, meta(p).by(p.id, "user"))
}

func (h *History) linkAccount(n int) {
	p, e := h.inSession(n, eventlog.OAuthLinked, "account_linked", "Linked google account")
	h.emit(n, p, e, meta(p).add("accountId", h.madeID(n, forAccount+1<<8)).add("providerId", "google").by(p.id, "user"))
}

func (h *History) resetPassword(n int) {
	p := h.does(n)
	h.emit(n, p, about(p, eventlog.PasswordResetRequested, "password_reset_requested", "Password reset requested"), meta(p).by("unknown", "user"))
	h.emit(n, p, about(p, eventlog.PasswordResetCompleted, "password_reset_completed", "Password reset completed"), meta(p).by("unknown", "user"))
}

func (h *History) changePassword(n int) {
	p, e := h.inSession(n, eventlog.UserPasswordChanged, "password_changed", "Password changed")
	h.emit(n, p, e, meta(p).add("accountId", h.madeID(n, forAccount)).add("providerId", "credential").by(p.id, "user"))
}

func (h *History) meetSecurity(n int) {
	p := h.does(n)
	e := about(p, eventlog.SecurityUnknownDevice, "security_signal", "Sign-in from an unknown device")
	h.emit(n, p, e, meta(p).add("type", "unknown_device").by(p.id, "user"))
}

func (h *History) revokeSessions(n int) {
	p := h.does(n)
	h.visitor[n].flags &^= signedIn
	h.emit(n, p, about(p, eventlog.SessionRevokedAll, "all_sessions_revoked", "All sessions revoked"), meta(p).by(p.id, "user"))
}

// joinOrganization makes someone a member of his organization, which he founds if nobody has.
// Some organizations are much larger than others.
func (h *History) joinOrganization(n int) {
	if h.visitor[n].flags&memberOfOrg != 0 {
		h.updateProfile(n)
		return
	}
	h.visitor[n].flags |= memberOfOrg
	x := float64(h.mixed(n, forOrgOf)>>11) / (1 << 53)
	at := int(x * x * float64(len(h.orgs)))
	p := h.does(n)
	o := &org{id: h.orgID(at), name: orgNames[at%len(orgNames)] + " " + strconv.Itoa(at), slug: "org-" + strconv.Itoa(at)}
	emit := func(t eventlog.Type, sent, shown string, metadata []byte) {
		e := about(p, t, sent, shown)
		e.OrganizationID, e.Key = o.id, o.id
		h.emit(n, p, e, metadata)
	}
	role := "member"
	if !h.orgs[at] {
		h.orgs[at], role = true, "owner"
		emit(eventlog.OrganizationCreated, "organization_created", "Organization Created", object(nil).org(o).by(p.id, "organization"))
	}
	emit(eventlog.MemberAdded, "organization_member_added", "Member added to organization",
		object(nil).org(o).add("userId", p.id).add("memberName", p.name).add("role", role).
			add("memberId", h.madeID(n, forOrgOf)).add("memberEmail", p.email).by(p.id, "organization"))
}

// deleteAccount deletes the account of someone who is no program.
func (h *History) deleteAccount(n int) {
	if n < h.programs() {
		h.failToSignIn(n)
		return
	}
	p, e := h.inSession(n, eventlog.UserDeleted, "user_deleted", "User deleted")
	h.visitor[n].flags |= gone
	h.emit(n, p, e, meta(p).by(p.id, "user"))
}
