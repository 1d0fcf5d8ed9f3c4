package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Goals of the 95th percentile.
const (
	figureGoal = 20 * time.Millisecond
	coldGoal   = 3 * time.Second
	warmGoal   = 50 * time.Millisecond
)

// HistoryScenarios lists what is asked of a node that was filled with a history, each with one
// client and with four.
func HistoryScenarios() []Scenario {
	all := slices.Concat(figureScenarios(), cohortScenarios(), seriesScenarios(), pastScenarios())
	var list []Scenario
	for _, sc := range all {
		sc.Clients = 1
		list = append(list, sc)
		if sc.Once {
			continue // one fold is made at a time
		}
		sc.Clients = 4
		list = append(list, sc)
	}
	return list
}

// activitySources are those of the figures over time.
var activitySources = []string{"sessions", "lastActiveAt", "events"}

func figureScenarios() (list []Scenario) {
	for _, figure := range []string{"stats", "graph", "retention"} {
		periods := []string{"daily", "weekly", "monthly"}
		if figure == "stats" {
			periods = []string{""}
		}
		for _, period := range periods {
			for _, source := range activitySources {
				name, path := figure+"/"+source, "/dash/"+figure+"?source="+source
				if period != "" {
					name, path = figure+"/"+period+"/"+source, path+"&period="+period
				}
				list = append(list, Scenario{Name: name, About: "GET " + path, Goal: figureGoal, make: get(path)})
			}
		}
	}
	return append(list,
		Scenario{Name: "stats/organization", About: "GET /dash/stats?organizationId=: of a random organization", Goal: figureGoal, make: func(w *workload, i int) request {
			return read("/dash/stats?organizationId=" + w.organization(i))
		}},
		Scenario{Name: "map", About: "GET /dash/map: half a year", Goal: figureGoal, make: get("/dash/map")},
		Scenario{Name: "map/month", About: "GET /dash/map: a month", Goal: figureGoal, make: mapOfMonth},
		Scenario{Name: "online", About: "GET /dash/users/online-count", Goal: figureGoal, make: get("/dash/users/online-count")})
}

// mapOfMonth asks for the map of a random month.
func mapOfMonth(w *workload, _ int) request {
	since := w.moment(180, 30)
	return read("/dash/map?since=" + textOf(since) + "&until=" + textOf(since.AddDate(0, 0, 30)))
}

// triangle is the triangle of 26 by 26 weeks.
const triangle = "/v1/analytics/cohorts?unit=week&cohorts=26"

func cohortScenarios() []Scenario {
	cohorts := func(name, query string) Scenario {
		return Scenario{Name: "cohorts/" + name, About: "GET " + triangle + query, Goal: figureGoal, make: get(triangle + query)}
	}
	return []Scenario{
		cohorts("any", ""),
		cohorts("sign-in", "&activity=sign-in"),
		cohorts("types", "&activity=user.updated,two_factor.verified,oauth.linked"),
		{Name: "cohorts/organization", About: "GET " + triangle + "&organizationId=: of a random organization", Goal: figureGoal, make: func(w *workload, i int) request {
			return read(triangle + "&organizationId=" + w.organization(i))
		}},
		{Name: "cohorts/users", About: "GET /v1/analytics/cohorts/users: who is in a cell", Goal: figureGoal, make: cohortCell},
	}
}

// cohortCell asks who is in a random cell.
func cohortCell(w *workload, _ int) request {
	age := w.rng.IntN(20)
	cohort := weekOf(w.history.End).AddDate(0, 0, -7*(age+w.rng.IntN(5)))
	return read(fmt.Sprintf("/v1/analytics/cohorts/users?unit=week&cohort=%s&age=%d&limit=25", textOf(cohort), age))
}

// weekOf is the Monday of a time.
func weekOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
}

func seriesScenarios() []Scenario {
	const series = "/v1/analytics/timeseries?unit="
	over := func(query string, days int) func(*workload, int) request {
		return func(w *workload, _ int) request {
			return read(series + query + "&since=" + textOf(w.history.End.AddDate(0, 0, -days)))
		}
	}
	return []Scenario{
		{Name: "timeseries/day", About: "GET /v1/analytics/timeseries: half a year by day", Goal: figureGoal, make: over("day", 180)},
		{Name: "timeseries/week/by-type", About: "the same by week and type", Goal: figureGoal, make: over("week&by=type", 180)},
		{Name: "timeseries/hour", About: "the last two weeks by hour", Goal: figureGoal, make: over("hour", 14)},
		{Name: "timeseries/type", About: "half a year of failed sign-ins by day", Goal: figureGoal, make: over("day&type=login.failed", 180)},
		{Name: "timeseries/country", About: "half a year of one country by day", Goal: figureGoal, make: over("day&country=DE", 180)},
		{Name: "timeseries/user", About: "half a year of a random user by day", Goal: figureGoal, make: func(w *workload, i int) request {
			return read(series + "day&userId=" + w.user(i) + "&since=" + textOf(w.history.End.AddDate(0, 0, -180)))
		}},
	}
}

// pastDays is for how long nodes keep checkpoints of each day.
const pastDays = 35

func pastScenarios() (list []Scenario) {
	for _, read := range []struct {
		name string
		path func(w *workload, i int) string
	}{
		{"stats", func(*workload, int) string { return "/dash/stats?asOf=" }},
		{"users", func(*workload, int) string { return "/dash/users?limit=25&asOf=" }},
		{"user", func(w *workload, i int) string { return "/dash/user?userId=" + w.oldUser(i) + "&asOf=" }},
		{"cohorts", func(*workload, int) string { return triangle + "&asOf=" }},
	} {
		list = append(list,
			Scenario{
				Name: "asof/cold/" + read.name, About: "GET " + read.path(&workload{}, 0) + "a moment nobody has asked for yet, of the last 35 days",
				Goal: coldGoal, Least: 20, Once: true,
				make: func(w *workload, i int) request {
					return request{method: http.MethodGet, path: read.path(w, i) + textOf(w.moment(pastDays, 0))}
				},
			},
			Scenario{
				Name: "asof/warm/" + read.name, About: "the same of one moment", Goal: warmGoal, Least: 20,
				make: func(w *workload, i int) request {
					return request{method: http.MethodGet, path: read.path(w, i) + textOf(w.asked)}
				},
			})
	}
	return append(list, Scenario{
		Name: "diff", About: "GET /v1/diff: a random hour of the last 35 days", Least: 20, Once: true,
		make: func(w *workload, _ int) request {
			from := w.moment(pastDays, 1)
			return read("/v1/diff?from=" + textOf(from) + "&to=" + textOf(from.Add(time.Hour)))
		},
	})
}

func read(path string) request { return request{method: http.MethodGet, path: path} }

func textOf(t time.Time) string {
	return url.QueryEscape(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// newPast is a workload about a history. What follows it are the events of a new application.
func newPast(o Options) *workload {
	w := newWorkload(o.Seed, o.Users)
	w.users, w.history = o.History.Users, o.History
	w.rng = rand.New(rand.NewPCG(o.Seed, 0x70617374))
	w.asked = w.moment(pastDays, 0)
	return w
}

// moment is a random moment of the last days, but the very last ones.
func (w *workload) moment(days, but int) time.Time {
	ms := w.rng.Int64N(int64(days-but) * dayMs)
	return w.history.End.AddDate(0, 0, -days).Add(time.Duration(ms) * time.Millisecond)
}

// user is one of the users.
func (w *workload) user(i int) string { return url.QueryEscape(w.users[i%len(w.users)]) }

// organization is one of the organizations.
func (w *workload) organization(i int) string {
	if len(w.history.Organizations) == 0 {
		return "none"
	}
	return url.QueryEscape(w.history.Organizations[i%len(w.history.Organizations)])
}

// oldUser is one of those who were there before the days of which checkpoints are kept.
func (w *workload) oldUser(i int) string {
	if len(w.users) == 0 {
		return "…"
	}
	return w.user(i % max(len(w.users)/4, 1))
}
