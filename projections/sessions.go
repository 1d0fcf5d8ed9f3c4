package projections

import (
	"slices"

	"dashd/internal/cow"
)

// sessionRow is a session, or the memory of one that has ended: its id must not begin
// another one when events arrive in another order than they happened. When it has been
// over for long the row is emptied, and empty rows in front are given up.
type sessionRow struct {
	text      string // id, IP address; tail: see the tags
	createdAt Time
	updatedAt Time
	expiresAt Time
	user      uint32
	before    uint32 // ordinal + 1 of the session that the user had begun before
	agent     symbol // of agents
	city      symbol // of cities
	country   symbol // of words
	method    symbol // of words
	code      [2]byte
	id, ip    uint8 // lengths
	ended     bool
}

// The tags of a session's tail: what few have, and what has no symbol.
const (
	sessionImpersonator byte = iota + 1
	sessionOrganization
	sessionTeam
	sessionAgent
	sessionCity
	sessionCountry
	sessionMethod
)

const (
	// sessionLife is how long a session lives of which nobody said it: Better Auth's
	// default.
	sessionLife Time = 7 * day
	// sessionMemory is how long a session is kept that has expired: for the longest look
	// back of the figures, six times 30 days or six months (contract, analytics 3 and 4), by the time of
	// the newest sessions.
	sessionMemory Time = 190 * day

	day Time = 24 * 60 * 60 * 1000
)

func (r *sessionRow) sessionID() string { return r.text[:r.id] }

func (r *sessionRow) address() string { return r.text[r.id : int(r.id)+int(r.ip)] }

func (r *sessionRow) tail() string { return r.text[int(r.id)+int(r.ip):] }

func (r *sessionRow) countryCode() Text {
	if r.code[0] == 0 {
		return ""
	}
	return Text(r.code[:])
}

// seen reports whether readers see the session.
func (r *sessionRow) seen() bool { return r.text != "" && !r.ended }

// session is the row as readers see it.
func (p *people) session(ord uint32) Session {
	r := p.sessions.At(int(ord))
	tail := r.tail()
	return Session{
		ID:                   r.sessionID(),
		UserID:               p.users.At(int(r.user)).userID(),
		ExpiresAt:            r.expiresAt,
		CreatedAt:            r.createdAt,
		UpdatedAt:            r.updatedAt,
		IPAddress:            r.address(),
		UserAgent:            p.agents.of(r.agent, tail, sessionAgent),
		ImpersonatedBy:       Text(fromTail(tail, sessionImpersonator)),
		ActiveOrganizationID: Text(fromTail(tail, sessionOrganization)),
		ActiveTeamID:         Text(fromTail(tail, sessionTeam)),
		Country:              Text(p.words.of(r.country, tail, sessionCountry)),
		City:                 Text(p.cities.of(r.city, tail, sessionCity)),
		CountryCode:          r.countryCode(),
		LoginMethod:          Text(p.words.of(r.method, tail, sessionMethod)),
	}
}

// packSession is the inverse of session.
func (p *people) packSession(s *Session, user, before uint32, texts *arena) sessionRow {
	r := sessionRow{
		createdAt: s.CreatedAt, updatedAt: s.UpdatedAt, expiresAt: s.ExpiresAt, user: user, before: before,
		agent:   p.agents.symbol(s.UserAgent),
		city:    p.cities.symbol(string(s.City)),
		country: p.words.symbol(string(s.Country)),
		method:  p.words.symbol(string(s.LoginMethod)),
		id:      uint8(len(s.ID)),
	}
	if len(s.CountryCode) == len(r.code) {
		copy(r.code[:], s.CountryCode)
	}
	b := append(p.scratch[:0], s.ID...)
	if len(s.IPAddress) <= maxRef {
		r.ip = uint8(len(s.IPAddress))
		b = append(b, s.IPAddress...)
	}
	b = appendTail(b, sessionImpersonator, s.ImpersonatedBy)
	b = appendTail(b, sessionOrganization, s.ActiveOrganizationID)
	b = appendTail(b, sessionTeam, s.ActiveTeamID)
	for _, own := range [...]struct {
		symbol symbol
		tag    byte
		text   string
	}{
		{r.agent, sessionAgent, s.UserAgent},
		{r.city, sessionCity, string(s.City)},
		{r.country, sessionCountry, string(s.Country)},
		{r.method, sessionMethod, string(s.LoginMethod)},
	} {
		if own.symbol == noSymbol {
			b = appendTail(b, own.tag, clip(own.text))
		}
	}
	r.text, p.scratch = texts.add(b), b
	return r
}

// findSession finds the row of a session, also of one that has ended.
func (p *people) findSession(id string) (ord uint32, ok bool) {
	if id == "" {
		return 0, false
	}
	return p.sessionIDs.Find(id, func(ord uint32) bool {
		r := p.sessions.At(int(ord))
		return r != nil && r.text != "" && r.sessionID() == id
	})
}

// sessionAgain is findSession for the writer, as userAgain.
func (p *people) sessionAgain(id string) (ord uint32, ok bool) {
	if r := p.sessions.At(int(p.lastSession)); r != nil && r.text != "" && r.sessionID() == id {
		return p.lastSession, true
	}
	if ord, ok = p.findSession(id); ok {
		p.lastSession = ord
	}
	return ord, ok
}

func (p *people) sessionAlive(ord uint32) bool {
	r := p.sessions.At(int(ord))
	return r != nil && r.text != ""
}

// addSession adds a session to a user.
func (p *people) addSession(user uint32, s Session) (ord uint32) {
	head := &p.activity.Edit(int(user)).session
	*head = p.firstSeen(*head)
	ord = uint32(p.sessions.Append(p.packSession(&s, user, *head, &p.sessionTexts)))
	*head = ord + 1
	p.sessionIDs.Add(s.ID, ord, p.sessionAlive)
	p.lastSession = ord
	p.begun.Add(timeKey(s.CreatedAt), ord)
	p.expiring.Add(timeKey(s.ExpiresAt), ord)
	p.indexActive(ord, "", "", string(s.ActiveOrganizationID), string(s.ActiveTeamID))
	r := p.sessions.At(int(ord))
	p.uses.use(ord, r)
	p.arrive(ord, r)
	return ord
}

// firstSeen is the first link in a user's chain of sessions to one that readers see; 0 if there is
// none. So nobody walks again and again past those that ended before the newest began.
func (p *people) firstSeen(link uint32) uint32 {
	for link != 0 {
		r := p.sessions.At(int(link - 1))
		switch {
		case r == nil:
			return 0 // it was given up, and so were those before it
		case r.seen():
			return link
		}
		link = r.before
	}
	return 0
}

// addEnded remembers that the session with an id has ended, before it has begun here.
func (p *people) addEnded(id string, at Time) {
	r := sessionRow{text: string([]byte(id)), id: uint8(len(id)), user: none, ended: true, createdAt: at, expiresAt: at + sessionLife}
	ord := uint32(p.sessions.Append(r))
	p.sessionIDs.Add(id, ord, p.sessionAlive)
	p.expiring.Add(timeKey(r.expiresAt), ord)
}

// putSession changes the row of a session to s, whose id and user it has.
func (p *people) putSession(ord uint32, s Session) {
	old := *p.sessions.At(int(ord))
	if old.createdAt != s.CreatedAt {
		p.begun.Remove(timeKey(old.createdAt), ord)
		p.begun.Add(timeKey(s.CreatedAt), ord)
	}
	if old.expiresAt != s.ExpiresAt {
		p.expiring.Remove(timeKey(old.expiresAt), ord)
		p.expiring.Add(timeKey(s.ExpiresAt), ord)
	}
	p.indexActive(ord, fromTail(old.tail(), sessionOrganization), fromTail(old.tail(), sessionTeam),
		string(s.ActiveOrganizationID), string(s.ActiveTeamID))
	r := p.sessions.Edit(int(ord))
	*r = p.packSession(&s, old.user, old.before, nil)
	if old.createdAt != r.createdAt || old.updatedAt != r.updatedAt {
		p.uses.disuse(ord, &old)
		p.uses.use(ord, r)
	}
	if old.createdAt != r.createdAt || !samePlace(&old, r) {
		p.depart(ord, &old)
		p.arrive(ord, r)
	}
}

// endSession ends a session. Of the row the id remains.
func (p *people) endSession(ord uint32) {
	r := p.sessions.Edit(int(ord))
	if r.ended {
		return
	}
	p.begun.Remove(timeKey(r.createdAt), ord)
	p.indexActive(ord, fromTail(r.tail(), sessionOrganization), fromTail(r.tail(), sessionTeam), "", "")
	old := *r
	*r = sessionRow{
		text: r.sessionID(), id: r.id, user: r.user, before: r.before, ended: true,
		createdAt: r.createdAt, expiresAt: r.expiresAt,
	}
	p.uses.disuse(ord, &old)
	p.depart(ord, &old)
}

// endSessionsOf ends all sessions of a user.
func (p *people) endSessionsOf(user uint32) {
	head := &p.activity.Edit(int(user)).session
	for link := *head; link != 0; {
		r := p.sessions.At(int(link - 1))
		if r == nil {
			break // it was given up, and so were those before it
		}
		next := r.before
		if r.seen() {
			p.endSession(link - 1)
		}
		link = next
	}
	*head = 0
}

// sessionsOf returns the ordinals of a user's sessions, in the order of their rows.
func (p *people) sessionsOf(user uint32) []uint32 {
	var list []uint32
	for link := p.activity.At(int(user)).session; link != 0; {
		r := p.sessions.At(int(link - 1))
		if r == nil {
			break // it was given up, and so were those before it
		}
		if r.seen() {
			list = append(list, link-1)
		}
		link = r.before
	}
	slices.Reverse(list)
	return list
}

// indexActive moves a session from its active organization and team to others.
func (p *people) indexActive(ord uint32, oldOrganization, oldTeam, organization, team string) {
	if oldOrganization != organization {
		p.index(&p.active, activeOrganization+oldOrganization, ord, oldOrganization != "", false)
		p.index(&p.active, activeOrganization+organization, ord, organization != "", true)
	}
	if oldTeam != team {
		p.index(&p.active, activeTeam+oldTeam, ord, oldTeam != "", false)
		p.index(&p.active, activeTeam+team, ord, team != "", true)
	}
}

// An organization and a team may have the same id.
const activeOrganization, activeTeam = "organization ", "team "

func (p *people) index(x *cow.Pairs, key string, ord uint32, there, add bool) {
	switch {
	case !there:
	case add:
		x.Add(hashOf(key), ord)
	default:
		x.Remove(hashOf(key), ord)
	}
}

// forgetSessions gives up the sessions that expired long before the newest began.
func (p *people) forgetSessions(newest Time) {
	limit := timeKey(newest - sessionMemory)
	for {
		key, ord, ok := p.expiring.First()
		if !ok || key >= limit {
			break
		}
		p.endSession(ord)
		p.expiring.Remove(key, ord)
		r := p.sessions.Edit(int(ord))
		*r = sessionRow{before: r.before} // an older one may live longer
	}
	p.releaseSessions()
}

// releaseSessions gives up the pages in front that are empty.
func (p *people) releaseSessions() {
	at := p.sessions.First()
	for end := at + cow.PageLen; end <= p.sessions.Len(); end += cow.PageLen {
		for ; at < end; at++ {
			if p.sessions.At(at).text != "" {
				return
			}
		}
		p.sessions.Release(end)
	}
}

// forgetActiveOrganization clears it in the sessions that have it.
func (t *Tables) forgetActiveOrganization(organizationID string) {
	for _, ord := range slices.Collect(t.active.Of(hashOf(activeOrganization + organizationID))) {
		if s := t.session(ord); string(s.ActiveOrganizationID) == organizationID {
			s.ActiveOrganizationID = ""
			t.putSession(ord, s)
		}
	}
}

// forgetActiveTeam likewise.
func (t *Tables) forgetActiveTeam(teamID string) {
	for _, ord := range slices.Collect(t.active.Of(hashOf(activeTeam + teamID))) {
		if s := t.session(ord); string(s.ActiveTeamID) == teamID {
			s.ActiveTeamID = ""
			t.putSession(ord, s)
		}
	}
}

// Session returns a session.
func (t *Tables) Session(id string) (Session, bool) {
	ord, ok := t.findSession(id)
	if !ok || t.sessions.At(int(ord)).ended {
		return Session{}, false
	}
	return t.session(ord), true
}

// Sessions lists the sessions of a user, also those that have expired.
func (t *Tables) Sessions(userID string) []Session {
	user, ok := t.findUser(userID)
	if !ok {
		return nil
	}
	var list []Session
	for _, ord := range t.sessionsOf(user) {
		list = append(list, t.session(ord))
	}
	return list
}

func (p *people) reindexSessions() {
	p.sessionIDs, p.begun, p.expiring, p.active = cow.IDs{}, cow.Pairs{}, cow.Pairs{}, cow.Pairs{}
	n := p.sessions.Len() - p.sessions.First()
	p.sessionIDs.Load(n, idsOf(&p.sessions, func(r *sessionRow) (string, bool) { return r.sessionID(), r.text != "" }))
	begun, expiring := make([]ordinalKey, 0, n), make([]ordinalKey, 0, n)
	for first, page := range p.sessions.Pages(0) {
		for i := range page {
			r, ord := &page[i], uint32(first+i)
			if r.text == "" {
				continue
			}
			expiring = append(expiring, ordinalKey{timeKey(r.expiresAt), ord})
			if r.ended {
				continue
			}
			begun = append(begun, ordinalKey{timeKey(r.createdAt), ord})
			p.indexActive(ord, "", "", fromTail(r.tail(), sessionOrganization), fromTail(r.tail(), sessionTeam))
		}
	}
	loadPairs(&p.begun, begun)
	loadPairs(&p.expiring, expiring)
}
