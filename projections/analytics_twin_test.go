package projections_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/projections"
)

// twin is what figures are about, as plainly as can be, beside tables that the same has been folded into.
type twin struct {
	*rand.Rand
	now  time.Time
	dash *projections.Dash
	seq  uint64

	data     dataset // users and sessions as they are
	sessions []twinSession
	acts     []twinAct
	members  map[string]bool // of the organization
}

type twinSession struct {
	id, user         string
	created, updated int64
	code, city       string
}

type twinAct struct {
	user string
	at   int64
}

func newTwin(r *rand.Rand, now time.Time) *twin {
	return &twin{Rand: r, now: now, dash: projections.NewDash(), members: map[string]bool{}}
}

func (w *twin) tell(typ eventlog.Type, user, session string, at int64, e eventlog.Event, meta map[string]any) {
	w.seq++
	e.Metadata, _ = json.Marshal(meta)
	e.Project, e.Type, e.Time, e.UserID, e.SessionID = "p", typ, at, user, session
	w.dash.Apply(&eventlog.Record{Seq: w.seq, ReceivedAt: w.now.UnixMilli(), Event: e})
	if w.IntN(5) == 0 {
		w.dash.Publish(w.seq)
	}
}

// instant is at or beside the edge of a window more often than not.
func (w *twin) instant() int64 {
	now := w.now
	switch w.IntN(8) {
	case 0, 1:
		now = now.Add(-time.Duration(w.IntN(70)) * 24 * time.Hour)
	case 2, 3:
		now = time.Date(now.Year(), now.Month(), now.Day()-w.IntN(70)+1, 0, 0, 0, 0, time.UTC)
	case 4:
		now = time.Date(now.Year(), now.Month()-time.Month(w.IntN(5)), 1, 0, 0, 0, 0, time.UTC)
	case 5:
		now = now.Add(time.Duration(w.IntN(5)-1) * 24 * time.Hour)
	default:
		now = now.Add(-time.Duration(w.Int64N(int64(150 * 24 * time.Hour))))
	}
	return now.UnixMilli() + int64(w.IntN(3)) - 1
}

func iso(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func (w *twin) user(id string) int {
	return slices.IndexFunc(w.data.Users, func(u dataUser) bool { return u.ID == id })
}

// step folds one more event.
func (w *twin) step() {
	id := fmt.Sprintf("u%02d", w.IntN(12))
	switch w.IntN(20) {
	case 0, 1, 2:
		w.join(id)
	case 3, 4, 5, 6, 7, 8:
		w.begin(id)
	case 9, 10:
		w.move()
	case 11, 12, 13:
		if n := len(w.sessions); n > 0 {
			i := w.IntN(n)
			w.tell(eventlog.SessionRevoked, w.sessions[i].user, w.sessions[i].id, w.act(w.sessions[i].user), eventlog.Event{}, nil)
			w.sessions = slices.Delete(w.sessions, i, i+1)
		}
	case 14:
		w.tell(eventlog.SessionRevokedAll, id, "", w.act(id), eventlog.Event{}, nil)
		w.end(id)
	case 15:
		w.tell(eventlog.UserDeleted, id, "", w.act(id), eventlog.Event{}, nil)
		w.end(id)
		delete(w.members, id)
		w.data.Users = slices.DeleteFunc(w.data.Users, func(u dataUser) bool { return u.ID == id })
	case 16, 17:
		if w.user(id) < 0 {
			return
		}
		w.tell(eventlog.MemberAdded, id, "", w.act(id), eventlog.Event{OrganizationID: "o"}, map[string]any{"memberId": "m" + id, "userId": id})
		w.members[id] = true
	case 18:
		w.tell(eventlog.MemberRemoved, id, "", w.act(id), eventlog.Event{OrganizationID: "o"}, map[string]any{"memberId": "m" + id, "userId": id})
		delete(w.members, id)
	case 19:
		if i := w.user(id); i >= 0 {
			at := w.instant()
			w.tell(eventlog.UserUpdated, id, "", w.act(id), eventlog.Event{}, map[string]any{"set": map[string]any{"createdAt": iso(at)}})
			w.data.Users[i].CreatedAt = time.UnixMilli(at).UTC()
		}
	}
}

// act is an instant at which a user does something.
func (w *twin) act(user string) int64 {
	at := w.instant()
	w.acts = append(w.acts, twinAct{user, at})
	return at
}

func (w *twin) end(user string) {
	w.sessions = slices.DeleteFunc(w.sessions, func(s twinSession) bool { return s.user == user })
}

func (w *twin) join(id string) {
	if w.user(id) >= 0 {
		return
	}
	at := w.act(id)
	set := map[string]any{}
	u := dataUser{ID: id, CreatedAt: time.UnixMilli(at).UTC()}
	if last := time.UnixMilli(w.instant()).UTC(); w.IntN(3) > 0 && last.UnixMilli() != 0 {
		u.LastActiveAt, set["lastActiveAt"] = &last, iso(last.UnixMilli())
	} else {
		set["lastActiveAt"] = nil
	}
	w.tell(eventlog.UserJoined, id, "", at, eventlog.Event{}, map[string]any{"userName": id, "userEmail": id + "@example.com", "set": set})
	w.data.Users = append(w.data.Users, u)
}

// place is one of few, and sometimes the same in other words.
func (w *twin) place() (code, city string, e eventlog.Event, set map[string]any) {
	code = []string{"", "DE", "DE", "FR", "US", "X", "de"}[w.IntN(7)]
	city = []string{"", "Berlin", "Munich", "Paris", "Austin"}[w.IntN(5)]
	if w.IntN(12) == 0 {
		city = strings.Repeat(city, 300) // too long for a symbol
	}
	set = map[string]any{"countryCode": nil, "country": nil, "city": city}
	if len(code) == 2 && w.IntN(3) > 0 {
		set["countryCode"], set["country"] = code, "of no account"
	} else {
		set["country"] = code
	}
	if city == "" {
		set["city"] = nil
	}
	return code, city, e, set
}

func (w *twin) begin(user string) {
	s := twinSession{id: fmt.Sprintf("s%d-%d", w.IntN(1000), w.seq), user: user, created: w.act(user)}
	var set map[string]any
	s.code, s.city, _, set = w.place()
	s.updated = s.created
	if w.IntN(3) == 0 {
		s.updated = w.instant()
		set["updatedAt"] = iso(s.updated)
	}
	set["expiresAt"] = "2100-01-01T00:00:00.000Z"
	w.tell(eventlog.SessionCreated, user, s.id, s.created, eventlog.Event{}, map[string]any{"set": set})
	w.sessions = append(w.sessions, s)
	w.active(user, s.created)
}

// active is what the beginning of a session does to lastActiveAt.
func (w *twin) active(user string, at int64) {
	i := w.user(user)
	if i < 0 {
		return
	}
	last, ms := &w.data.Users[i].LastActiveAt, int64(0)
	if *last != nil {
		ms = (*last).UnixMilli()
	}
	if ms, *last = max(ms, at), nil; ms != 0 { // so nobody is active for the first time before 1970
		*last = new(time.UnixMilli(ms).UTC())
	}
}

// move tells something else of a session.
func (w *twin) move() {
	if len(w.sessions) == 0 {
		return
	}
	s := &w.sessions[w.IntN(len(w.sessions))]
	set := map[string]any{}
	if w.IntN(2) == 0 {
		s.code, s.city, _, set = w.place()
	}
	s.created, s.updated = w.instant(), w.instant()
	if w.IntN(3) == 0 {
		s.updated = s.created
	}
	set["createdAt"], set["updatedAt"] = iso(s.created), iso(s.updated)
	at := w.act(s.user)
	w.tell(eventlog.SessionCreated, s.user, s.id, at, eventlog.Event{}, map[string]any{"set": set})
	w.active(s.user, at)
}

// asked is the data set that a query is about, and the source by which its sessions are read.
func (w *twin) asked(q projections.FigureQuery) dataset {
	counts := func(user string) bool { return q.OrganizationID == "" || w.members[user] && q.OrganizationID == "o" }
	var d dataset
	for _, u := range w.data.Users {
		if counts(u.ID) {
			d.Users = append(d.Users, u)
		}
	}
	if q.Source == projections.ActivityEvents {
		for _, a := range w.acts {
			if counts(a.user) {
				d.Sessions = append(d.Sessions, dataSession{a.user, time.UnixMilli(a.at).UTC()})
			}
		}
		return d
	}
	for _, s := range w.sessions {
		if counts(s.user) {
			d.Sessions = append(d.Sessions, dataSession{s.user, time.UnixMilli(s.updated).UTC()})
		}
	}
	return d
}

// query asks anything.
func (w *twin) query() projections.FigureQuery {
	q := projections.FigureQuery{
		Now:    projections.Time(w.now.UnixMilli()),
		Source: projections.Activity(w.IntN(3)),
		Period: []projections.Period{projections.Daily, projections.Weekly, projections.Monthly}[w.IntN(3)],
	}
	if w.IntN(3) == 0 {
		q.OrganizationID = []string{"o", "o", "o", "nothing"}[w.IntN(4)]
	}
	if w.IntN(2) == 0 {
		q.Until = new(projections.Time(w.instant()))
	}
	if w.IntN(2) == 0 {
		q.Since = new(projections.Time(w.instant()))
	}
	return q
}

var presents = []time.Time{
	time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 15, 23, 59, 59, 999e6, time.UTC), // a Sunday
	time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC),        // a Monday
	time.Date(2024, 2, 29, 10, 0, 0, 0, time.UTC),       // a leap day
	time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC),       // a month after it
	time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC),       // clocks are put forward in Europe
	time.Date(2026, 11, 1, 1, 30, 0, 0, time.UTC),       // and back in America
	time.Date(2026, 1, 1, 0, 0, 0, 1e6, time.UTC),
	time.Date(2027, 1, 3, 5, 0, 0, 0, time.UTC), // in week 53 of 2026
	time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC),
}

// The figures of every source, organization and time are those of the definitions, whatever has
// happened to users and sessions; also those of tables that have been read from a checkpoint.
func TestFiguresOfEverySourceOrganizationAndTime(t *testing.T) {
	t.Parallel()
	for seed := range 500 * sequences(t) {
		r := rand.New(rand.NewPCG(seed, 12))
		now := time.Date(1970, 1, 20, 12, 0, 0, 0, time.UTC) // with a past before 1970
		if i := r.IntN(len(presents) + 1); i < len(presents) {
			now = presents[i]
		}
		w := newTwin(r, now)
		for range r.IntN(80) {
			w.step()
		}
		w.dash.Publish(w.seq)
		tables := w.dash.Image().Tables("p")
		for _, tables := range []*projections.Tables{tables, projections.Remade(tables)} {
			for range 4 {
				w.checkFigures(t, seed, tables)
				w.checkMap(t, seed, tables)
			}
			since := w.instant()
			online := 0
			for _, u := range w.data.Users {
				if u.LastActiveAt != nil && u.LastActiveAt.UnixMilli() >= since {
					online++
				}
			}
			if got := tables.OnlineUsers(projections.Time(since)); got != online {
				t.Fatalf("seed %d: %d users online since %s, want %d", seed, got, iso(since), online)
			}
		}
	}
}

func (w *twin) checkFigures(t *testing.T, seed uint64, tables *projections.Tables) {
	t.Helper()
	q := w.query()
	d, end := w.asked(q), int64(q.Now)
	if q.Until != nil {
		end = int64(*q.Until)
	}
	gotGraph, err := tables.Graph(q)
	if q.Since != nil && int64(*q.Since) >= end {
		if err == nil {
			t.Fatalf("seed %d: no error though since is not before until: %+v", seed, q)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("seed %d: %+v until %s since %v", seed, q, iso(end), q.Since)
	if q.Since != nil {
		where += " " + iso(int64(*q.Since))
	}
	if got, want := plain(t, gotGraph), any(d.slowGraph(end, &q)); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: graph\n got %v\nwant %v", where, got, want)
	}
	if got, want := plain(t, retention(t, tables, q)), any(d.slowRetention(time.UnixMilli(end).UTC(), &q)); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: retention\n got %v\nwant %v", where, got, want)
	}
	if w.IntN(2) == 0 {
		q.Period = ""
	}
	if got, want := plain(t, stats(t, tables, q)), any(d.slowStats(end, &q)); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: stats\n got %v\nwant %v", where, got, want)
	}
}

// checkMap compares a map with one that is made session by session.
func (w *twin) checkMap(t *testing.T, seed uint64, tables *projections.Tables) {
	t.Helper()
	q := projections.MapQuery{Cities: 1 + w.IntN(5)}
	from, to := int64(-1<<62), int64(1<<62)
	if w.IntN(2) == 0 {
		from = w.instant()
		q.Since = new(projections.Time(from))
	}
	if w.IntN(2) == 0 {
		to = w.instant()
		q.Until = new(projections.Time(to))
	}
	if w.IntN(3) == 0 {
		q.OrganizationID = "o"
	}
	sessions := slices.DeleteFunc(slices.Clone(w.sessions), func(s twinSession) bool {
		since := s.created >= from
		if s.created == 0 { // that is none
			since = q.Since == nil
		}
		return !since || s.created != 0 && s.created >= to || q.OrganizationID != "" && !w.members[s.user]
	})
	if got, want := tables.WorldMap(q), slowMap(sessions, q.Cities); !reflect.DeepEqual(got, want) {
		t.Fatalf("seed %d: the map of %+v\nfrom %d to %d of %+v is\n%+v, want\n%+v", seed, q, from, to, sessions, got, want)
	}
}

func slowMap(sessions []twinSession, cities int) projections.WorldMap {
	slices.SortFunc(sessions, func(a, b twinSession) int {
		begun := func(s twinSession) int64 {
			if s.created == 0 {
				return math.MinInt64
			}
			return s.created
		}
		return cmp.Or(cmp.Compare(begun(a), begun(b)), strings.Compare(a.id, b.id))
	})
	names := map[string]string{"DE": "Germany", "FR": "France", "US": "United States", "de": "Germany"}
	m := projections.WorldMap{Countries: []projections.CountryCount{}, Cities: []projections.CityCount{}}
	seen, users := map[[2]string]bool{}, map[string]bool{}
	for _, s := range sessions {
		if s.code == "" || seen[[2]string{s.user, s.code}] {
			continue
		}
		seen[[2]string{s.user, s.code}], users[s.user] = true, true
		name := names[s.code]
		if name == "" {
			name = s.code
		}
		i := slices.IndexFunc(m.Countries, func(c projections.CountryCount) bool { return c.Code == s.code })
		if i < 0 {
			i = len(m.Countries)
			m.Countries = append(m.Countries, projections.CountryCount{Code: s.code, Name: name})
		}
		m.Countries[i].Users++
		m.Total++
		if s.city == "" {
			continue
		}
		i = slices.IndexFunc(m.Cities, func(c projections.CityCount) bool { return c.Code == s.code && c.City == s.city })
		if i < 0 {
			i = len(m.Cities)
			m.Cities = append(m.Cities, projections.CityCount{Code: s.code, Country: name, City: s.city})
		}
		m.Cities[i].Users++
	}
	m.Users = len(users)
	slices.SortStableFunc(m.Countries, func(a, b projections.CountryCount) int { return cmp.Compare(b.Users, a.Users) })
	slices.SortStableFunc(m.Cities, func(a, b projections.CityCount) int { return cmp.Compare(b.Users, a.Users) })
	m.Cities = m.Cities[:min(len(m.Cities), cities)]
	return m
}

// Few users with many sessions each: what is first next is found by other means than among few.
func TestMapOfUsersWithManySessions(t *testing.T) {
	t.Parallel()
	for seed := range 5 * sequences(t) {
		w := newTwin(rand.New(rand.NewPCG(seed, 13)), presents[0])
		for step := range 1500 {
			user := fmt.Sprintf("u%d", w.IntN(2))
			switch n := len(w.sessions); {
			case n < 50+step/4 || w.IntN(4) == 0:
				w.begin(user)
			case w.IntN(3) == 0:
				w.move()
			default: // the oldest ends first, more often than not
				slices.SortFunc(w.sessions, func(a, b twinSession) int { return cmp.Compare(a.created, b.created) })
				i := w.IntN(n) * w.IntN(2)
				w.tell(eventlog.SessionRevoked, w.sessions[i].user, w.sessions[i].id, w.act(user), eventlog.Event{}, nil)
				w.sessions = slices.Delete(w.sessions, i, i+1)
			}
			if step%10 == 0 {
				w.dash.Publish(w.seq)
				w.checkMap(t, seed, w.dash.Image().Tables("p"))
			}
		}
	}
}
