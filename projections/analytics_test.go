package projections_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/projections"
)

// dataset is the users and the sessions that figures are taken from.
type dataset struct {
	Users    []dataUser    `json:"users"`
	Sessions []dataSession `json:"sessions"`
}

type dataUser struct {
	ID           string     `json:"id"`
	CreatedAt    time.Time  `json:"createdAt"`
	LastActiveAt *time.Time `json:"lastActiveAt"`
}

type dataSession struct {
	UserID    string    `json:"userId"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// fold makes tables that hold the data.
func (d *dataset) fold() *projections.Tables {
	dash, seq := projections.NewDash(), uint64(0)
	apply := func(t eventlog.Type, user, session string, at int64, set map[string]any) {
		seq++
		text, _ := json.Marshal(map[string]any{"userId": user, "userName": user, "userEmail": user + "@example.com", "set": set})
		dash.Apply(&eventlog.Record{Seq: seq, ReceivedAt: at, Event: eventlog.Event{
			Project: "p", Type: t, Time: at, UserID: user, SessionID: session, Personal: eventlog.Personal{Metadata: text},
		}})
	}
	for i, s := range d.Sessions {
		apply(eventlog.SessionCreated, s.UserID, fmt.Sprintf("s%d", i), s.UpdatedAt.UnixMilli(), map[string]any{"expiresAt": "2100-01-01T00:00:00.000Z"})
	}
	for _, u := range d.Users {
		set := map[string]any{"createdAt": u.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z")}
		if u.LastActiveAt != nil {
			set["lastActiveAt"] = u.LastActiveAt.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		apply(eventlog.UserJoined, u.ID, "", u.CreatedAt.UnixMilli(), set)
	}
	dash.Publish(seq)
	return dash.Image().Tables("p")
}

// plain is a value as its JSON text says it.
func plain(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func stats(t *testing.T, tables *projections.Tables, q projections.FigureQuery) projections.Stats {
	t.Helper()
	s, err := tables.Stats(q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func graph(t *testing.T, tables *projections.Tables, q projections.FigureQuery) []projections.GraphPoint {
	t.Helper()
	points, err := tables.Graph(q)
	if err != nil {
		t.Fatal(err)
	}
	return points
}

func retention(t *testing.T, tables *projections.Tables, q projections.FigureQuery) []projections.RetentionRow {
	t.Helper()
	rows, err := tables.Retention(q)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func readFile[T any](t *testing.T, name string) (v T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "analytics", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFiguresAreThoseOfTheReference(t *testing.T) {
	for _, name := range []string{"small", "small-sunday", "small-month-end", "tracking"} {
		t.Run(name, func(t *testing.T) {
			want := readFile[struct {
				Dataset          string         `json:"dataset"`
				Now              time.Time      `json:"now"`
				ActivityTracking bool           `json:"activityTracking"`
				Stats            any            `json:"stats"`
				Graph, Retention map[string]any `json:"-"`
			}](t, "analytics-"+name+".expected.json")
			raw := readFile[map[string]any](t, "analytics-"+name+".expected.json")
			data := readFile[dataset](t, want.Dataset)
			now, by := projections.Time(want.Now.UnixMilli()), projections.ActivitySessions
			if want.ActivityTracking {
				by, data.Sessions = projections.ActivityLastActive, nil // lest they say when a user was active
			}
			tables := data.fold()
			if got := plain(t, stats(t, tables, projections.FigureQuery{Now: now, Source: by})); !reflect.DeepEqual(got, want.Stats) {
				t.Errorf("stats are %v, want %v", got, want.Stats)
			}
			for _, p := range []projections.Period{projections.Daily, projections.Weekly, projections.Monthly} {
				for figure, got := range map[string]any{
					"graph":     graph(t, tables, projections.FigureQuery{Now: now, Source: by, Period: p}),
					"retention": retention(t, tables, projections.FigureQuery{Now: now, Source: by, Period: p}),
				} {
					of, ok := raw[figure].(map[string]any)[string(p)].(map[string]any)
					if !ok && raw[figure] != nil {
						t.Fatalf("no %s %s in the fixture", p, figure)
					}
					if got := plain(t, got); ok && !reflect.DeepEqual(got, of["data"]) {
						t.Errorf("%s %s is %v, want %v", p, figure, got, of["data"])
					}
				}
			}
		})
	}
}

// slowActive is the number of different users who were active in [from, to).
func (d *dataset) slowActive(from, to int64, by projections.Activity) int {
	users := map[string]bool{}
	if by == projections.ActivityLastActive {
		for _, u := range d.Users {
			if u.LastActiveAt != nil && from <= u.LastActiveAt.UnixMilli() && u.LastActiveAt.UnixMilli() < to {
				users[u.ID] = true
			}
		}
		return len(users)
	}
	for _, s := range d.Sessions {
		if at := s.UpdatedAt.UnixMilli(); from <= at && at < to {
			users[s.UserID] = true
		}
	}
	return len(users)
}

func (d *dataset) slowSignUps(from, to int64) (n int) {
	for _, u := range d.Users {
		if at := u.CreatedAt.UnixMilli(); from <= at && at < to {
			n++
		}
	}
	return n
}

func slowGrowth(cur, prev int) float64 {
	if prev == 0 {
		return map[bool]float64{true: 100, false: 0}[cur > 0]
	}
	return (float64(cur) - float64(prev)) / float64(prev) * 100
}

// slowStats are the figures by the definitions, one after the other.
func (d *dataset) slowStats(end int64, q *projections.FigureQuery) map[string]any {
	last := int64(math.MaxInt64)
	if q.Until != nil {
		last = end
	}
	out, active := map[string]any{"total": float64(d.slowSignUps(math.MinInt64, last))}, map[string]any{}
	for name, days := range map[string]int64{"daily": 1, "weekly": 7, "monthly": 30} {
		if q.Period != "" && string(q.Period) != name {
			continue
		}
		from := end - days*24*3600*1000
		before := from - days*24*3600*1000
		cur, prev := d.slowSignUps(from, last), d.slowSignUps(before, from)
		out[name] = map[string]any{"signUps": float64(cur), "percentage": slowGrowth(cur, prev)}
		cur, prev = d.slowActive(from, last, q.Source), d.slowActive(before, from, q.Source)
		active[name] = map[string]any{"active": float64(cur), "percentage": slowGrowth(cur, prev)}
	}
	out["activeUsers"] = active
	if q.Since != nil {
		from := int64(*q.Since)
		before := from - (end - from)
		joined, active := d.slowSignUps(from, end), d.slowActive(from, end, q.Source)
		out["range"] = map[string]any{
			"since": iso(from), "until": iso(end),
			"signUps": float64(joined), "percentage": slowGrowth(joined, d.slowSignUps(before, from)),
			"active": float64(active), "activePercentage": slowGrowth(active, d.slowActive(before, from, q.Source)),
		}
	}
	return out
}

// slowRetention is retention by the calendar, day by day.
func (d *dataset) slowRetention(now time.Time, q *projections.FigureQuery) []any {
	p, by := q.Period, q.Source
	unit := func(t time.Time) string {
		switch p {
		case projections.Daily:
			return t.Format("2006-01-02")
		case projections.Weekly:
			y, w := t.ISOWeek()
			return fmt.Sprintf("%d-%02d", y, w)
		default:
			return t.Format("2006-01")
		}
	}
	// begin walks back day by day to the first day of t's unit.
	begin := func(t time.Time) time.Time {
		day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		for unit(day.Add(-time.Millisecond)) == unit(t) {
			day = day.AddDate(0, 0, -1)
		}
		return day
	}
	end := begin(now)
	for unit(end) == unit(now) {
		end = end.AddDate(0, 0, 1)
	}
	start := begin(now)
	text := func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }
	n := map[projections.Period]int{projections.Daily: 7, projections.Weekly: 8, projections.Monthly: 6}[p]
	label := map[projections.Period]string{projections.Daily: "D", projections.Weekly: "W", projections.Monthly: "M"}[p]
	rows := []any{}
	cohortEnd := start
	for i := 1; q.Since != nil || i <= n; i++ {
		cohortStart := begin(cohortEnd.Add(-time.Millisecond))
		if q.Since != nil && cohortStart.UnixMilli() < int64(*q.Since) {
			break
		}
		size, back := 0, 0
		for _, u := range d.Users {
			if u.CreatedAt.Before(cohortStart) || !u.CreatedAt.Before(cohortEnd) {
				continue
			}
			size++
			one := dataset{Users: []dataUser{u}}
			for _, s := range d.Sessions {
				if s.UserID == u.ID {
					one.Sessions = append(one.Sessions, s)
				}
			}
			back += one.slowActive(start.UnixMilli(), end.UnixMilli(), by)
		}
		rate := 0.0
		if size > 0 {
			rate = math.Floor(float64(back)/float64(size)*100*10+0.5) / 10
		}
		rows = append(rows, map[string]any{
			"n": float64(i), "label": label + strconv.Itoa(i),
			"cohortStart": text(cohortStart), "cohortEnd": text(cohortEnd), "activeStart": text(start), "activeEnd": text(end),
			"cohortSize": float64(size), "retained": float64(back), "retentionRate": rate,
		})
		cohortEnd = cohortStart
	}
	return rows
}

func (d *dataset) slowGraph(now int64, q *projections.FigureQuery) []any {
	p, by := q.Period, q.Source
	k := map[projections.Period]int{projections.Daily: 7, projections.Weekly: 8, projections.Monthly: 6}[p]
	step := map[projections.Period]int64{projections.Daily: 1, projections.Weekly: 7, projections.Monthly: 30}[p] * 24 * 3600 * 1000
	label := map[projections.Period]string{projections.Daily: "Mon", projections.Weekly: "Jan 2", projections.Monthly: "Jan"}[p]
	if q.Since != nil {
		for k = 0; now-int64(k+1)*step >= int64(*q.Since); {
			k++
		}
	}
	points := []any{}
	for i := k - 1; i >= 0; i-- {
		end := now - int64(i)*step
		total, fresh := 0, 0
		for _, u := range d.Users {
			at := u.CreatedAt.UnixMilli()
			if at <= end {
				total++
				if at > end-step {
					fresh++
				}
			}
		}
		at := time.UnixMilli(end).UTC()
		points = append(points, map[string]any{
			"date": at.Format("2006-01-02T15:04:05.000Z"), "label": at.Format(label),
			"totalUsers": float64(total), "newUsers": float64(fresh), "activeUsers": float64(d.slowActive(end-step, end, by)),
		})
	}
	return points
}

// randomData has many times at and beside the edges of windows.
func randomData(r *rand.Rand, now time.Time) (d dataset) {
	const msDay = 24 * 3600 * 1000
	at := func() time.Time {
		var t time.Time
		switch r.IntN(4) {
		case 0:
			t = now.Add(-time.Duration(r.IntN(400)) * 24 * time.Hour)
		case 1:
			t = time.Date(now.Year(), now.Month(), now.Day()-r.IntN(70), 0, 0, 0, 0, time.UTC)
		case 2:
			t = time.Date(now.Year(), now.Month()-time.Month(r.IntN(9)), 1, 0, 0, 0, 0, time.UTC)
		default:
			t = now.Add(-time.Duration(r.Int64N(200*msDay)) * time.Millisecond)
		}
		return t.Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
	}
	for i := range 1 + r.IntN(25) {
		u := dataUser{ID: fmt.Sprintf("u%02d", i), CreatedAt: at()}
		d.Users = append(d.Users, u)
		for range r.IntN(4) {
			d.Sessions = append(d.Sessions, dataSession{u.ID, at()})
		}
	}
	// A user is active when his newest session begins.
	for i := range d.Users {
		for _, s := range d.Sessions {
			if u := &d.Users[i]; s.UserID == u.ID && (u.LastActiveAt == nil || u.LastActiveAt.Before(s.UpdatedAt)) {
				u.LastActiveAt = &s.UpdatedAt
			}
		}
	}
	return d
}

func TestFiguresAreThoseOfTheDefinitions(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 11))
		now := presents[r.IntN(len(presents))]
		d := randomData(r, now)
		tables, ms := d.fold(), now.UnixMilli()
		for _, by := range []projections.Activity{projections.ActivitySessions, projections.ActivityLastActive} {
			q := projections.FigureQuery{Now: projections.Time(ms), Source: by}
			if got, want := plain(t, stats(t, tables, q)), any(d.slowStats(ms, &q)); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: stats are %v, want %v", seed, got, want)
			}
			for _, q.Period = range []projections.Period{projections.Daily, projections.Weekly, projections.Monthly} {
				if got, want := plain(t, graph(t, tables, q)), any(d.slowGraph(ms, &q)); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: the %s graph is %v, want %v", seed, q.Period, got, want)
				}
				if got, want := plain(t, retention(t, tables, q)), any(d.slowRetention(now, &q)); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d at %v: %s retention is %v, want %v", seed, now, q.Period, got, want)
				}
			}
		}
	}
}

func TestWorldMap(t *testing.T) {
	dash := projections.NewDash()
	for i, s := range []struct{ user, code, city string }{
		{"ada", "DE", "Berlin"},
		{"ada", "DE", "Munich"},
		{"ada", "US", ""},
		{"grace", "DE", "Berlin"},
		{"alan", "DE", "Munich"},
		{"ed", "", "Nowhere"},
		{"ed", "FR", "Paris"},
		{"alan", "US", "Austin"},
	} {
		dash.Apply(&eventlog.Record{Seq: uint64(i + 1), ReceivedAt: noon, Event: eventlog.Event{
			Project: "p", Type: eventlog.SessionCreated, Time: noon + int64(i), UserID: s.user, SessionID: fmt.Sprintf("s%d", i), CountryCode: s.code,
			Personal: eventlog.Personal{Metadata: []byte("{}"), City: s.city},
		}})
	}
	dash.Publish(8)
	tables := dash.Image().Tables("p")
	want := projections.WorldMap{
		Countries: []projections.CountryCount{{"DE", "Germany", 3}, {"US", "United States", 2}, {"FR", "France", 1}},
		Cities:    []projections.CityCount{{"Berlin", "Germany", "DE", 2}, {"Munich", "Germany", "DE", 1}, {"Paris", "France", "FR", 1}, {"Austin", "United States", "US", 1}},
		Total:     6, Users: 4,
	}
	if got := tables.WorldMap(projections.MapQuery{Cities: 100}); !reflect.DeepEqual(got, want) {
		t.Errorf("the map is %+v, want %+v", got, want)
	}
	if got := tables.WorldMap(projections.MapQuery{Cities: 1, Since: new(projections.Time(noon + 3)), Until: new(projections.Time(noon + 5))}); got.Total != 2 || len(got.Cities) != 1 {
		t.Errorf("the map of two sessions is %+v", got)
	}
	if got := projections.NewDash().Image().Tables("p").WorldMap(projections.MapQuery{Cities: 100}); got.Countries == nil || got.Cities == nil {
		t.Errorf("an empty map is %+v: lists are never null", got)
	}
}
