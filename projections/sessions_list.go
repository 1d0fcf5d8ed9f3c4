package projections

import "iter"

// sessionRef is a row of sessions as queries see it.
type sessionRef struct {
	p   *people
	r   *sessionRow
	ord uint32
}

// sessionColumns are those of sessions.
var sessionColumns = []column[sessionRef]{
	textCol("id", sessionRef.id),
	textCol("userId", func(s sessionRef) string { return s.p.users.At(int(s.r.user)).userID() }),
	timeCol("expiresAt", func(s sessionRef) Time { return s.r.expiresAt }),
	timeCol(createdAt, func(s sessionRef) Time { return s.r.createdAt }),
	timeCol("updatedAt", func(s sessionRef) Time { return s.r.updatedAt }),
	textCol("ipAddress", func(s sessionRef) string { return s.r.address() }),
	textCol("userAgent", func(s sessionRef) string { return s.p.agents.of(s.r.agent, s.r.tail(), sessionAgent) }),
	nullableCol("impersonatedBy", func(s sessionRef) string { return fromTail(s.r.tail(), sessionImpersonator) }),
	nullableCol("activeOrganizationId", func(s sessionRef) string { return fromTail(s.r.tail(), sessionOrganization) }),
	nullableCol("activeTeamId", func(s sessionRef) string { return fromTail(s.r.tail(), sessionTeam) }),
	nullableCol("country", func(s sessionRef) string { return s.p.words.of(s.r.country, s.r.tail(), sessionCountry) }),
	nullableCol("city", func(s sessionRef) string { return s.p.cities.of(s.r.city, s.r.tail(), sessionCity) }),
	nullableCol("countryCode", func(s sessionRef) Text { return s.r.countryCode() }),
	nullableCol("loginMethod", func(s sessionRef) string { return s.p.words.of(s.r.method, s.r.tail(), sessionMethod) }),
}

func (s sessionRef) id() string { return s.r.sessionID() }

func (s sessionRef) session() Session { return s.p.session(s.ord) }

// sessionListing is the table of the sessions that readers see.
func (p *people) sessionListing() listing[sessionRef, Session] {
	return listing[sessionRef, Session]{
		columns: sessionColumns,
		parts:   partsOf(p.sessions.Len() - p.sessions.First()),
		id:      sessionRef.id,
		row:     sessionRef.session,
		count:   p.begun.Len(),
		all: func(part, parts int, backward bool) iter.Seq[sessionRef] {
			return func(yield func(sessionRef) bool) {
				for first, page := range p.sessions.Part(part, parts, backward) {
					for i := range page {
						r := &page[i]
						if r.seen() && !yield(sessionRef{p, r, uint32(first + i)}) {
							return
						}
					}
				}
			}
		},
		byTime: func(descending bool) iter.Seq[sessionRef] {
			return p.sessionRefs(inOrderOf(&p.begun, descending))
		},
	}
}

// sessionRefs yields the sessions with the given ordinals that readers see.
func (p *people) sessionRefs(ords iter.Seq[uint32]) iter.Seq[sessionRef] {
	return func(yield func(sessionRef) bool) {
		for ord := range ords {
			if r := p.sessions.At(int(ord)); r.seen() && !yield(sessionRef{p, r, ord}) {
				return
			}
		}
	}
}

// ListSessions answers a query over sessions.
func (t *Tables) ListSessions(q SessionQuery) (Page[Session], error) {
	l := t.sessionListing()
	// Of the few that belong to somebody, all are looked at.
	switch {
	case q.UserID != "":
		l = l.only(t.sessionRefs(t.ordinalsOf(q.UserID)))
	case q.OrganizationID != "":
		l = l.only(t.sessionRefs(t.active.Of(hashOf(activeOrganization + q.OrganizationID))))
	}
	if q.OrganizationID != "" {
		l = l.narrow(func(s sessionRef) bool { return fromTail(s.r.tail(), sessionOrganization) == q.OrganizationID })
	}
	if q.ActiveOnly {
		l = l.narrow(func(s sessionRef) bool { return s.r.expiresAt > q.Now })
	}
	switch {
	case q.UserID != "" || q.OrganizationID != "":
		l.count = -1
	case q.ActiveOnly:
		live := t.sessionRefs(secondOf(t.expiring.Ascend(timeKey(q.Now + 1))))
		l.count = lengthOf(live)
		if l.count < t.begun.Len()/fewSessions {
			l = l.only(live)
		}
	}
	return l.page(&q.Query)
}

// fewSessions is how many times as many sessions there have to be as there are that one
// looks for, so that it is faster to look at each of these than at those in between.
const fewSessions = 8

// ordinalsOf yields the sessions of a user.
func (p *people) ordinalsOf(userID string) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		user, ok := p.findUser(userID)
		if !ok {
			return
		}
		for _, ord := range p.sessionsOf(user) {
			if !yield(ord) {
				return
			}
		}
	}
}
