package projections

import (
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// MapQuery asks for a map of the world.
type MapQuery struct {
	Since, Until   *Time  // of a session's createdAt: from Since on, and before Until; nil: open
	OrganizationID string // if not empty: only of its members
	Cities         int    // at most so many
}

// WorldMap counts users by the place they sign in from.
type WorldMap struct {
	Countries []CountryCount `json:"countries"`
	Cities    []CityCount    `json:"cities"`
	Total     int            `json:"total"` // pairs of a user and a country
	Users     int            `json:"users"` // with a place
}

// CountryCount is how many users have signed in from a country.
type CountryCount struct {
	Code  string `json:"country_code"`
	Name  string `json:"country_name"`
	Users int    `json:"user_count"`
}

// CityCount is how many of a country's users were in a city when they first signed in
// from that country.
type CityCount struct {
	City    string `json:"city"`
	Country string `json:"country"`
	Code    string `json:"country_code"`
	Users   int    `json:"user_count"`
}

// WorldMap looks of each user only at the first session in each country. The most frequent
// places come first, and of those with the same number the one that was seen first.
//
// Of everybody and of all times it is there already. Otherwise it costs as much as there are
// sessions in the time asked for, or of the members, whichever are fewer.
func (t *Tables) WorldMap(q MapQuery) WorldMap {
	if q.Since == nil && q.Until == nil && q.OrganizationID == "" {
		return t.worldMap(t.wholeWorld(), q.Cities)
	}
	s := t.survey()
	defer s.release()
	from, to := uint64(0), ^uint64(0)
	if q.Since != nil {
		from = instantKey(int64(*q.Since))
	}
	if q.Until != nil {
		to = instantKey(int64(*q.Until))
	}
	if q.OrganizationID == "" {
		s.byTime(from, to, nil)
	} else if only := t.membersOf(q.OrganizationID); t.begun.Rank(to)-t.begun.Rank(from) < int(only.GetCardinality()) {
		s.byTime(from, to, only)
	} else {
		s.byUser(from, to, only)
	}
	return t.worldMap(&s.world, q.Cities)
}

// survey makes the world of some sessions.
type survey struct {
	*people
	world world
	seen  []uint32        // by user: the number of a country he has been to, + 1
	room  *[]uint32       // of seen
	more  map[uint64]bool // user << 32 | number of another country
	run   []uint32        // sessions that belong together
}

// survey begins a survey. Whoever begins one releases it.
func (t *Tables) survey() *survey {
	n := t.users.Len()
	seen, _ := surveyed.Get().(*[]uint32)
	if seen == nil || cap(*seen) < n {
		room := make([]uint32, n)
		seen = &room
	} else {
		*seen = (*seen)[:n]
		clear(*seen)
	}
	return &survey{people: &t.people, seen: *seen, room: seen, more: map[uint64]bool{}}
}

// surveyed holds what surveys have seen, to be used again: 4 bytes for each user, for each map.
var surveyed sync.Pool // of *[]uint32

func (s *survey) release() { surveyed.Put(s.room) }

// byTime looks at the sessions that began from from on and before to, of some users or of all.
func (s *survey) byTime(from, to uint64, only *roaring.Bitmap) {
	members := denseOf(only)
	var at uint64
	for key, ord := range s.begun.Ascend(from) {
		if key >= to {
			break
		}
		if only != nil && !members.has(s.sessions.At(int(ord)).user) {
			continue
		}
		if key != at {
			s.take()
			at = key
		}
		s.run = append(s.run, ord)
	}
	s.take()
}

// byUser looks at the sessions of some users that began from from on and before to.
func (s *survey) byUser(from, to uint64, only *roaring.Bitmap) {
	for it := only.Iterator(); it.HasNext(); {
		for link := s.activity.At(int(it.Next())).session; link != 0; {
			r := s.sessions.At(int(link - 1))
			if r == nil {
				break // it was given up, and so were those before it
			}
			if at := timeKey(r.createdAt); r.seen() && from <= at && at < to {
				s.run = append(s.run, link-1)
			}
			link = r.before
		}
		s.take()
	}
}

// take counts the sessions of the run, in their order.
func (s *survey) take() {
	if len(s.run) > 1 {
		slices.SortFunc(s.run, func(a, b uint32) int {
			return s.compare(timeKey(s.sessions.At(int(a)).createdAt), a, timeKey(s.sessions.At(int(b)).createdAt), b)
		})
	}
	for _, ord := range s.run {
		s.count(ord, s.sessions.At(int(ord)))
	}
	s.run = s.run[:0]
}

func (s *survey) count(ord uint32, r *sessionRow) {
	w := &s.world
	country, ok := s.country(&w.atlas, r)
	if !ok {
		return
	}
	switch had := s.seen[r.user]; had {
	case 0:
		s.seen[r.user] = country + 1
		w.users++
	case country + 1:
		return
	default:
		key := uint64(r.user)<<32 | uint64(country)
		if s.more[key] {
			return
		}
		s.more[key] = true
	}
	w.visits++
	at := timeKey(r.createdAt)
	s.see(w.places.Edit(int(country)), at, ord)
	if city := s.city(&w.atlas, country, r); city != 0 {
		s.see(w.places.Edit(int(city-1)), at, ord)
	}
}

// see counts a user in a place, with the session that is first of his there.
func (p *people) see(x *place, at uint64, first uint32) {
	if x.users++; x.users == 1 || p.compare(at, first, x.at, x.first) < 0 {
		x.at, x.first = at, first
	}
}

// worldMap shows a world.
func (p *people) worldMap(w *world, cities int) WorldMap {
	out := WorldMap{Countries: []CountryCount{}, Cities: []CityCount{}, Total: w.visits, Users: w.users}
	var countries, most []*place
	least := uint32(1) // users of a city that may be shown
	for _, page := range w.places.Pages(0) {
		for i := range page {
			switch x := &page[i]; {
			case x.users == 0:
			case x.city == "":
				countries = append(countries, x)
			case cities > 0 && x.users >= least:
				if most = append(most, x); len(most) == 2*cities+1000 {
					slices.SortFunc(most, p.beforeOnMap)
					most = most[:cities]
					least = most[cities-1].users
				}
			}
		}
	}
	slices.SortFunc(countries, p.beforeOnMap)
	for _, x := range countries {
		out.Countries = append(out.Countries, CountryCount{Code: x.code, Name: x.name, Users: int(x.users)})
	}
	slices.SortFunc(most, p.beforeOnMap)
	for _, x := range most[:min(cities, len(most))] {
		out.Cities = append(out.Cities, CityCount{City: x.city, Country: x.name, Code: x.code, Users: int(x.users)})
	}
	return out
}
