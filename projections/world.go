package projections

import (
	"cmp"
	"strings"
	"sync"
)

// world counts users by the places they sign in from: of each user, in each country, the
// first session that readers see, in the order of createdAt and id. It is kept up to date
// session by session, so that a map costs what there is to show.
type world struct {
	atlas
	visits int // pairs of a user and a country
	users  int // who have any

	deferred *deferredWorld // nil: the world is kept up to date

	// Only the writer's:
	pairs  []visit           // by number; some are free
	free   uint32            // the one that is used next + 1; its next is the one after
	of     []uint32          // by user: his visit that began last + 1
	firsts []queue           // by place: the sessions that are first, and some that were
	others map[uint32]*queue // by visit: sessions that are not first, if they are many
}

// visit is a user's being in a country, where n of his sessions are from.
type visit struct {
	at      uint64 // timeKey(createdAt) of first
	first   uint32 // session
	country uint32 // place
	city    uint32 // place of first + 1
	n       uint32
	next    uint32 // visit of the user + 1
}

// compare says which of two sessions comes first on the map: a, created at aAt, or b.
func (p *people) compare(aAt uint64, a uint32, bAt uint64, b uint32) int {
	if aAt != bAt {
		return cmp.Compare(aAt, bAt)
	}
	return p.compareIDs(a, b)
}

func (p *people) compareIDs(a, b uint32) int {
	return strings.Compare(p.sessions.At(int(a)).sessionID(), p.sessions.At(int(b)).sessionID())
}

// arrive counts a session that readers see from now on.
func (p *people) arrive(ord uint32, r *sessionRow) {
	w := &p.world
	if w.deferred != nil {
		return
	}
	country, ok := p.country(&w.atlas, r)
	if !ok {
		return
	}
	for int(r.user) >= len(w.of) {
		w.of = append(w.of, 0)
	}
	at := timeKey(r.createdAt)
	v, ok := w.visitOf(r.user, country)
	if !ok {
		if w.of[r.user] == 0 {
			w.users++
		}
		w.visits++
		v = w.newVisit(visit{country: country, next: w.of[r.user]})
		w.of[r.user] = v + 1
	}
	x := &w.pairs[v]
	x.n++
	if x.n > 1 && p.compare(at, ord, x.at, x.first) > 0 {
		w.remember(v, ord, at)
		return
	}
	if x.n > 1 {
		w.remember(v, x.first, x.at)
	}
	p.settleVisit(v, ord, r)
}

// depart is the inverse of arrive. The session is no longer seen, or another; r is what it was.
func (p *people) depart(ord uint32, r *sessionRow) {
	w := &p.world
	if w.deferred != nil {
		return
	}
	country, ok := p.country(&w.atlas, r)
	if !ok {
		return
	}
	v, _ := w.visitOf(r.user, country)
	x := &w.pairs[v]
	x.n--
	if x.first != ord {
		return
	}
	if x.n > 0 {
		first := p.nextFirst(v, ord, r.user)
		p.settleVisit(v, first, p.sessions.At(int(first)))
		return
	}
	gone := *x
	link := &w.of[r.user]
	for *link != v+1 {
		link = &w.pairs[*link-1].next
	}
	*link = gone.next
	w.pairs[v] = visit{next: w.free}
	w.free = v + 1
	delete(w.others, v)
	w.visits--
	if w.of[r.user] == 0 {
		w.users--
	}
	p.leavePlaces(&gone)
}

// settleVisit makes a session the first of a visit.
func (p *people) settleVisit(v, ord uint32, r *sessionRow) {
	w := &p.world
	x := &w.pairs[v]
	old := *x
	x.first, x.at, x.city = ord, timeKey(r.createdAt), p.city(&w.atlas, x.country, r)
	p.enter(x.country, x)
	if x.city != 0 {
		p.enter(x.city-1, x)
	}
	if old.first != none {
		p.leavePlaces(&old)
	}
}

// enter counts a visit in a place.
func (p *people) enter(number uint32, x *visit) {
	w := &p.world
	p.see(w.places.Edit(int(number)), x.at, x.first)
	for int(number) >= len(w.firsts) {
		w.firsts = append(w.firsts, nil)
	}
	w.firsts[number].push(queued{x.at, x.first})
}

// leavePlaces takes what a visit was out of the places it counted in.
func (p *people) leavePlaces(was *visit) {
	if was.city != 0 {
		p.leave(was.city-1, was)
	}
	p.leave(was.country, was)
}

func (p *people) leave(number uint32, was *visit) {
	w := &p.world
	r := w.places.Edit(int(number))
	if r.users--; r.users == 0 {
		p.drop(&w.atlas, number)
		w.firsts[number] = nil
		return
	}
	q := &w.firsts[number]
	valid := func(e queued) bool { return p.countedIn(number, e) }
	if was.first == r.first {
		first, _ := q.first(valid, p.compareIDs)
		r.first, r.at = first.ord, first.at
	}
	q.tidy(int(r.users), valid)
}

// countedIn reports whether an entry of a place's queue is a session that counts there.
func (p *people) countedIn(number uint32, e queued) bool {
	w := &p.world
	r := p.sessions.At(int(e.ord))
	if r == nil || !r.seen() {
		return false
	}
	country := number
	if row := w.places.At(int(number)); row.city != "" {
		country = row.country
	}
	v, ok := w.visitOf(r.user, country)
	if !ok {
		return false
	}
	x := &w.pairs[v]
	return x.first == e.ord && x.at == e.at && (country == number || x.city == number+1)
}

// visitOf finds a user's visit of a country.
func (w *world) visitOf(user, country uint32) (v uint32, ok bool) {
	if int(user) >= len(w.of) {
		return 0, false
	}
	for link := w.of[user]; link != 0; link = w.pairs[link-1].next {
		if w.pairs[link-1].country == country {
			return link - 1, true
		}
	}
	return 0, false
}

func (w *world) newVisit(x visit) (v uint32) {
	x.first = none
	if w.free == 0 {
		w.pairs = append(w.pairs, x)
		return uint32(len(w.pairs) - 1)
	}
	v = w.free - 1
	w.free = w.pairs[v].next
	w.pairs[v] = x
	return v
}

// manySessions is how many rows of a user are looked at, one after the other, for his
// first session in a country; who has more gets a queue.
const manySessions = 64

// nextFirst is the first session of a visit but the one that has been its first. There is one.
func (p *people) nextFirst(v, but, user uint32) uint32 {
	w := &p.world
	x := &w.pairs[v]
	valid := func(e queued) bool {
		r := p.sessions.At(int(e.ord))
		if e.ord == but || r == nil || !r.seen() || r.user != user || timeKey(r.createdAt) != e.at {
			return false
		}
		country, ok := p.country(&w.atlas, r)
		return ok && country == x.country
	}
	if q := w.others[v]; q != nil {
		first, _ := q.first(valid, p.compareIDs)
		q.tidy(int(x.n), valid)
		return first.ord
	}
	var q queue
	looked := 0
	for link := p.activity.At(int(user)).session; link != 0 && len(q) < int(x.n); looked++ {
		r := p.sessions.At(int(link - 1))
		if e := (queued{timeKey(r.createdAt), link - 1}); valid(e) {
			q.push(e)
		}
		link = r.before
	}
	first, _ := q.first(valid, p.compareIDs)
	if looked > manySessions {
		if w.others == nil {
			w.others = map[uint32]*queue{}
		}
		w.others[v] = &q
	}
	return first.ord
}

// remember notes a session that is not the first of its visit.
func (w *world) remember(v, ord uint32, at uint64) {
	if len(w.others) > 0 {
		if q := w.others[v]; q != nil {
			q.push(queued{at, ord})
		}
	}
}

func (w *world) freeze() world {
	if w.deferred != nil {
		return world{deferred: new(deferredWorld)}
	}
	return world{atlas: atlas{places: w.places.Freeze()}, visits: w.visits, users: w.users}
}

// reindexWorld makes the world from the rows of sessions.
func (p *people) reindexWorld() {
	if p.world.deferred != nil {
		return
	}
	p.world = world{}
	p.world.of = make([]uint32, p.users.Len())
	for first, page := range p.sessions.Pages(0) {
		for i := range page {
			if page[i].seen() {
				p.arrive(uint32(first+i), &page[i])
			}
		}
	}
}

// deferredWorld is the world of tables that may never be asked for a map: those of the past. It is
// made when it is asked for.
type deferredWorld struct {
	once  sync.Once
	world world
}

// wholeWorld is the world of all times, for readers.
func (t *Tables) wholeWorld() *world {
	d := t.world.deferred
	if d == nil {
		return &t.world
	}
	d.once.Do(func() {
		s := t.survey()
		defer s.release()
		s.byTime(0, ^uint64(0), nil)
		d.world = s.world.freeze()
	})
	return &d.world
}
