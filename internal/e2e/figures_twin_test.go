package e2e_test

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"
)

// twin computes the figures over time from the events that dashd replay prints, as their definitions
// read, with no thought of what that costs. It knows the types of events that histories
// have, and no others.
type twin struct {
	users    map[string]*twinUser
	sessions map[string]*twinSession
	began    []string // sessions, in the order of their events
	deeds    []deed   // activity, in the order of the log
	members  map[string]map[string]bool
}

type twinUser struct {
	id            string
	created, last int64
	deleted       bool
}

type twinSession struct {
	id, user            string
	created, updated    int64
	code, country, city string
	ended               bool
}

// deed is what somebody did.
type deed struct {
	user, kind string
	at         int64
}

// printed is an event as dashd replay prints it.
type printed struct {
	Type           string
	Timestamp      time.Time
	ReceivedAt     time.Time
	Status         string
	UserID         string
	SessionID      string
	OrganizationID string
	Project        string
	Location       struct{ City, Country, CountryCode string }
}

// readPrinted reads what dashd replay --format ndjson prints.
func readPrinted(t *testing.T, r io.Reader) (events []printed) {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e printed
		decode(t, lines.Bytes(), &e)
		if e.Project == "default" {
			events = append(events, e)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// newTwin is the twin of what was received up to a moment.
func newTwin(t *testing.T, events []printed, until time.Time) *twin {
	t.Helper()
	tw := &twin{users: map[string]*twinUser{}, sessions: map[string]*twinSession{}, members: map[string]map[string]bool{}}
	for i := range events {
		if !events[i].ReceivedAt.After(until) {
			tw.fold(t, &events[i])
		}
	}
	return tw
}

func (tw *twin) fold(t *testing.T, e *printed) {
	at, u := e.Timestamp.UnixMilli(), tw.users[e.UserID]
	if e.Type != "login.failed" && e.Type != "security.unknown_device" {
		tw.deeds = append(tw.deeds, deed{e.UserID, e.Type, at})
	}
	switch e.Type {
	case "user.joined":
		if u != nil {
			t.Fatalf("%s joins twice", e.UserID)
		}
		tw.users[e.UserID] = &twinUser{id: e.UserID, created: at}
	case "session.created", "user.logged_in":
		u.last = max(u.last, at)
		tw.foldSession(e, at)
	case "user.logged_out":
		if s := tw.sessions[e.SessionID]; s != nil {
			s.ended = true
		}
	case "session.revoked_all":
		tw.endSessions(e.UserID)
	case "user.deleted":
		tw.endSessions(e.UserID)
		u.deleted = true
		for _, members := range tw.members {
			delete(members, e.UserID)
		}
	case "member.added":
		if tw.members[e.OrganizationID] == nil {
			tw.members[e.OrganizationID] = map[string]bool{}
		}
		tw.members[e.OrganizationID][e.UserID] = true
	case "user.updated", "two_factor.verified", "oauth.linked", "user.password_changed", "user.email_verification_sent":
		const step = 5 * 60 * 1000
		if s := tw.sessions[e.SessionID]; s != nil && !s.ended && at-u.last >= step {
			u.last = at
		}
	case "login.failed", "security.unknown_device", "account.linked", "user.email_verified", "password.reset_requested",
		"password.reset_completed", "organization.created":
	default:
		t.Fatalf("the twin does not know %s", e.Type)
	}
}

func (tw *twin) foldSession(e *printed, at int64) {
	s := tw.sessions[e.SessionID]
	if s == nil {
		s = &twinSession{id: e.SessionID, user: e.UserID, created: at, updated: at}
		tw.sessions[e.SessionID] = s
		tw.began = append(tw.began, e.SessionID)
	}
	if s.ended {
		return
	}
	s.created, s.updated = min(s.created, at), min(s.updated, at)
	s.code, s.country, s.city = e.Location.CountryCode, e.Location.Country, e.Location.City
}

func (tw *twin) endSessions(user string) {
	for _, s := range tw.sessions {
		if s.user == user {
			s.ended = true
		}
	}
}

// joined counts the users who exist and were created in [from, to).
func (tw *twin) joined(from, to int64) float64 {
	n := 0
	for _, u := range tw.users {
		if !u.deleted && from <= u.created && u.created < to {
			n++
		}
	}
	return float64(n)
}

// active are those who were active in [from, to), by a source of activity.
func (tw *twin) active(source string, from, to int64) map[string]bool {
	who := map[string]bool{}
	in := func(at int64) bool { return from <= at && at < to }
	switch source {
	case "sessions":
		for _, s := range tw.sessions {
			if !s.ended && in(s.updated) {
				who[s.user] = true
			}
		}
	case "lastActiveAt":
		for _, u := range tw.users {
			if !u.deleted && u.last != 0 && in(u.last) {
				who[u.id] = true
			}
		}
	case "events":
		for _, d := range tw.deeds {
			if in(d.at) {
				who[d.user] = true
			}
		}
	}
	return who
}

const dayMs = 24 * 60 * 60 * 1000

func growth(now, before float64) float64 {
	switch {
	case before == 0 && now > 0:
		return 100
	case before == 0:
		return 0
	}
	return (now - before) / before * 100
}

// stats is the answer of GET /dash/stats.
func (tw *twin) stats(now int64, source string) any {
	signUps, active := map[string]any{}, map[string]any{}
	for name, days := range map[string]int64{"daily": 1, "weekly": 7, "monthly": 30} {
		middle, start := now-days*dayMs, now-2*days*dayMs
		joined := tw.joined(middle, math.MaxInt64)
		signUps[name] = map[string]any{"signUps": joined, "percentage": growth(joined, tw.joined(start, middle))}
		here := float64(len(tw.active(source, middle, math.MaxInt64)))
		active[name] = map[string]any{"active": here, "percentage": growth(here, float64(len(tw.active(source, start, middle))))}
	}
	signUps["total"] = tw.joined(math.MinInt64, math.MaxInt64)
	signUps["activeUsers"] = active
	return signUps
}

// graph is the answer of GET /dash/graph.
func (tw *twin) graph(now int64, period, source string) any {
	points, step, label := int64(7), int64(dayMs), "Mon"
	switch period {
	case "weekly":
		points, step, label = 8, 7*dayMs, "Jan 2"
	case "monthly":
		points, step, label = 6, 30*dayMs, "Jan"
	}
	var data []any
	for i := points - 1; i >= 0; i-- {
		end := now - i*step
		date := time.UnixMilli(end).UTC()
		data = append(data, map[string]any{
			"date": date.Format("2006-01-02T15:04:05.000Z"), "label": date.Format(label),
			"totalUsers": tw.joined(math.MinInt64, end+1), "newUsers": tw.joined(end-step+1, end+1),
			"activeUsers": float64(len(tw.active(source, end-step, end))),
		})
	}
	return map[string]any{"data": data, "period": period}
}

// retention is the answer of GET /dash/retention.
func (tw *twin) retention(now int64, period, source string) any {
	rows, label := 7, "D"
	begin := func(n int) time.Time {
		t := time.UnixMilli(now).UTC()
		return time.Date(t.Year(), t.Month(), t.Day()-n, 0, 0, 0, 0, time.UTC)
	}
	switch day := begin; period {
	case "weekly":
		rows, label = 8, "W"
		begin = func(n int) time.Time { return day(7*n + (int(day(0).Weekday())+6)%7) }
	case "monthly":
		rows, label = 6, "M"
		begin = func(n int) time.Time {
			return time.Date(day(0).Year(), day(0).Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		}
	}
	back := tw.active(source, begin(0).UnixMilli(), begin(-1).UnixMilli())
	text := func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }
	var data []any
	for n := 1; n <= rows; n++ {
		size, retained, rate := 0.0, 0.0, 0.0
		for _, u := range tw.users {
			if !u.deleted && begin(n).UnixMilli() <= u.created && u.created < begin(n-1).UnixMilli() {
				if size++; back[u.id] {
					retained++
				}
			}
		}
		if size > 0 {
			rate = math.Floor(retained/size*100*10+0.5) / 10
		}
		data = append(data, map[string]any{
			"n": float64(n), "label": label + strconv.Itoa(n), "cohortStart": text(begin(n)), "cohortEnd": text(begin(n - 1)),
			"activeStart": text(begin(0)), "activeEnd": text(begin(-1)), "cohortSize": size, "retained": retained, "retentionRate": rate,
		})
	}
	return map[string]any{"data": data, "period": period}
}

// worldMap is what GET /dash/map says of countries and cities.
func (tw *twin) worldMap(cities int) any {
	var sessions []*twinSession
	for _, s := range tw.sessions {
		if !s.ended && s.code != "" {
			sessions = append(sessions, s)
		}
	}
	slices.SortFunc(sessions, func(a, b *twinSession) int {
		if a.created != b.created {
			return int(a.created - b.created)
		}
		if a.id < b.id {
			return -1
		}
		return 1
	})
	type place struct{ code, city string }
	var order []place
	counts, names := map[place]float64{}, map[string]string{}
	count := func(p place) {
		if counts[p] == 0 {
			order = append(order, p)
		}
		counts[p]++
	}
	seen, users, total := map[[2]string]bool{}, map[string]bool{}, 0.0
	for _, s := range sessions {
		if seen[[2]string{s.user, s.code}] {
			continue
		}
		seen[[2]string{s.user, s.code}], users[s.user], names[s.code] = true, true, s.country
		total++
		if count(place{s.code, ""}); s.city != "" {
			count(place{s.code, s.city})
		}
	}
	slices.SortStableFunc(order, func(a, b place) int { return int(counts[b] - counts[a]) })
	inCountries, inCities := []any{}, []any{} // empty lists, not none
	for _, p := range order {
		switch {
		case p.city == "":
			inCountries = append(inCountries, map[string]any{"country_code": p.code, "country_name": names[p.code], "user_count": counts[p]})
		case len(inCities) < cities:
			inCities = append(inCities, map[string]any{"city": p.city, "country": names[p.code], "country_code": p.code, "user_count": counts[p]})
		}
	}
	return map[string]any{"countries": inCountries, "cities": inCities, "total": total, "users": float64(len(users))}
}

// cohorts is what GET /v1/analytics/cohorts says of some weeks up to that of a moment.
func (tw *twin) cohorts(now int64, weeks int, types ...string) any {
	const monday = 4 * dayMs // the first since 1970
	week := func(at int64) int64 { return (at - monday) / (7 * dayMs) }
	text := func(week int64) string {
		return time.UnixMilli(monday + week*7*dayMs).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	seen := map[string]map[int64]bool{} // by user: the weeks
	for _, d := range tw.deeds {
		if len(types) > 0 && !slices.Contains(types, d.kind) {
			continue
		}
		if seen[d.user] == nil {
			seen[d.user] = map[int64]bool{}
		}
		seen[d.user][week(d.at)] = true
	}
	var cohorts []any
	for joined := week(now) - int64(weeks) + 1; joined <= week(now); joined++ {
		size, active := 0.0, make([]float64, week(now)-joined+1)
		for _, u := range tw.users {
			if u.deleted || week(u.created) != joined {
				continue
			}
			size++
			for age := range active {
				if seen[u.id][joined+int64(age)] {
					active[age]++
				}
			}
		}
		var ages []any
		for age, n := range active {
			rate := 0.0
			if size > 0 {
				rate = math.Floor(n/size*100*10+0.5) / 10
			}
			at := joined + int64(age)
			ages = append(ages, map[string]any{"age": float64(age), "start": text(at), "end": text(at + 1), "active": n, "rate": rate})
		}
		cohorts = append(cohorts, map[string]any{"start": text(joined), "end": text(joined + 1), "size": size, "ages": ages})
	}
	return map[string]any{"cohorts": cohorts}
}

// of is the twin of an organization: of those of its members who exist.
func (tw *twin) of(organization string) *twin {
	in := tw.members[organization]
	part := &twin{users: maps.Clone(tw.users), sessions: maps.Clone(tw.sessions)}
	maps.DeleteFunc(part.users, func(id string, _ *twinUser) bool { return !in[id] })
	maps.DeleteFunc(part.sessions, func(_ string, s *twinSession) bool { return !in[s.user] })
	for _, d := range tw.deeds {
		if in[d.user] {
			part.deeds = append(part.deeds, d)
		}
	}
	return part
}

// asJSON is a value as a client decodes it.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back any
	decode(t, text, &back)
	return back
}
