package httpapi_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
)

type seriesAnswer struct {
	Unit         string
	Since, Until string
	Total        uint64
	By           *string
	Series       []seriesTotal
	Other        *struct{ Values, Total uint64 }
	Data         []seriesPoint
}

type seriesTotal struct {
	Name  string
	Total uint64
}

type seriesPoint struct {
	Start  string
	Count  uint64
	Counts []uint64
	Other  *uint64
}

func TestTimeseriesExamples(t *testing.T) {
	d := startAt(t, time.Date(2025, time.June, 3, 9, 30, 0, 0, time.UTC))
	d.five() // on 1 June 2025, a Sunday, within 3 s from 10:00
	for _, tt := range []struct{ query, want string }{
		{
			"since=2025-05-31&until=2025-06-02T12:00:00Z",
			`{"unit":"day","since":"2025-05-31T00:00:00.000Z","until":"2025-06-02T12:00:00.000Z","total":5,
			"data":[{"start":"2025-05-31T00:00:00.000Z","count":0},{"start":"2025-06-01T00:00:00.000Z","count":5},{"start":"2025-06-02T00:00:00.000Z","count":0}]}`,
		},
		{ // the first and the last point are cut
			"unit=hour&since=2025-06-01T09:30:00Z&until=2025-06-01T10:00:02Z",
			`{"unit":"hour","since":"2025-06-01T09:30:00.000Z","until":"2025-06-01T10:00:02.000Z","total":2,
			"data":[{"start":"2025-06-01T09:30:00.000Z","count":0},{"start":"2025-06-01T10:00:00.000Z","count":2}]}`,
		},
		{ // a Sunday belongs to the week that began on the Monday before
			"unit=week&since=2025-06-01&until=2025-06-03",
			`{"unit":"week","since":"2025-06-01T00:00:00.000Z","until":"2025-06-03T00:00:00.000Z","total":5,
			"data":[{"start":"2025-06-01T00:00:00.000Z","count":5},{"start":"2025-06-02T00:00:00.000Z","count":0}]}`,
		},
		{ // until a midnight is the whole day before it, and no more
			"since=2025-06-01&until=2025-06-02",
			`{"unit":"day","since":"2025-06-01T00:00:00.000Z","until":"2025-06-02T00:00:00.000Z","total":5,"data":[{"start":"2025-06-01T00:00:00.000Z","count":5}]}`,
		},
		{
			"since=2025-06-01T10:00:02Z&until=2025-06-01T10:00:02.001Z&by=status",
			`{"unit":"day","since":"2025-06-01T10:00:02.000Z","until":"2025-06-01T10:00:02.001Z","total":2,"by":"status","series":[{"name":"failed","total":1},{"name":"success","total":1}],
			"data":[{"start":"2025-06-01T10:00:02.000Z","count":2,"counts":[1,1]}]}`,
		},
		{
			"since=2025-06-01&until=2025-06-02&by=type&top=1",
			`{"unit":"day","since":"2025-06-01T00:00:00.000Z","until":"2025-06-02T00:00:00.000Z","total":5,"by":"type","series":[{"name":"user.logged_in","total":2}],"other":{"values":3,"total":3},
			"data":[{"start":"2025-06-01T00:00:00.000Z","count":5,"counts":[2],"other":3}]}`,
		},
		{
			"since=2025-06-01&until=2025-06-02&by=category&userId=u2&status=failed",
			`{"unit":"day","since":"2025-06-01T00:00:00.000Z","until":"2025-06-02T00:00:00.000Z","total":1,"by":"category","series":[{"name":"user","total":1}],
			"data":[{"start":"2025-06-01T00:00:00.000Z","count":1,"counts":[1]}]}`,
		},
		{
			"since=2025-06-01&until=2025-06-02&by=source&userId=nobody",
			`{"unit":"day","since":"2025-06-01T00:00:00.000Z","until":"2025-06-02T00:00:00.000Z","total":0,"by":"source","series":[],
			"data":[{"start":"2025-06-01T00:00:00.000Z","count":0,"counts":[]}]}`,
		},
		{ // 1970 is no reason for a null
			"since=0&until=1&q=e",
			`{"unit":"day","since":"1970-01-01T00:00:00.000Z","until":"1970-01-01T00:00:00.001Z","total":0,"data":[{"start":"1970-01-01T00:00:00.000Z","count":0}]}`,
		},
	} {
		a := d.call("GET", "/v1/analytics/timeseries?"+tt.query, d.root, nil)
		if a.status != http.StatusOK || !sameJSON(t, a.body, []byte(tt.want)) {
			t.Errorf("%s: %d %s\nwant %s", tt.query, a.status, a.body, tt.want)
		}
		if seq := a.header.Get("Dashd-Seq"); seq == "" {
			t.Errorf("%s: no Dashd-Seq", tt.query)
		}
	}
}

// Without since there are so many points that a chart is full, the last one cut at until,
// and without until that is now.
func TestTimeseriesDefaults(t *testing.T) {
	d := startAt(t, time.Date(2026, time.January, 3, 9, 30, 0, 0, time.UTC)) // a Saturday
	for _, tt := range []struct {
		query        string
		points       int
		since, until string
	}{
		{"", 30, "2025-12-05T00:00:00.000Z", "2026-01-03T09:30:00.000Z"},
		{"unit=hour", 48, "2026-01-01T10:00:00.000Z", "2026-01-03T09:30:00.000Z"},
		{"unit=week", 26, "2025-07-07T00:00:00.000Z", "2026-01-03T09:30:00.000Z"},
		{"unit=week&until=2026-01-05", 26, "2025-07-07T00:00:00.000Z", "2026-01-05T00:00:00.000Z"},
		{"unit=week&until=2026-01-05T00:00:00.001Z", 26, "2025-07-14T00:00:00.000Z", "2026-01-05T00:00:00.001Z"},
		{"until=2024-03-01", 30, "2024-01-31T00:00:00.000Z", "2024-03-01T00:00:00.000Z"},
		{"until=0000-01-02", 1, "0000-01-01T00:00:00.000Z", "0000-01-02T00:00:00.000Z"},
	} {
		got := get[seriesAnswer](d, "/v1/analytics/timeseries?"+tt.query, d.root)
		if len(got.Data) != tt.points || got.Since != tt.since || got.Until != tt.until || got.Data[0].Start != tt.since {
			t.Errorf("%q: %d points from %s (%s) until %s, want %d from %s until %s",
				tt.query, len(got.Data), got.Since, got.Data[0].Start, got.Until, tt.points, tt.since, tt.until)
		}
	}
}

func TestTimeseriesIsStrict(t *testing.T) {
	d := start(t)
	for query, code := range map[string]string{
		"unit=month": "VALIDATION_ERROR", "unit=Day": "VALIDATION_ERROR", "by=country": "VALIDATION_ERROR", "top=0": "VALIDATION_ERROR", "top=x": "VALIDATION_ERROR",
		"since=yesterday": "VALIDATION_ERROR", "since=2025-01-02&until=2025-01-02": "VALIDATION_ERROR", "since=2025-01-03&until=2025-01-02": "VALIDATION_ERROR",
		"since=-9223372036854775808": "VALIDATION_ERROR", "until=9223372036854775807": "VALIDATION_ERROR", "until=-62167219200000": "VALIDATION_ERROR",
		"status=good": "VALIDATION_ERROR", "ip=here": "VALIDATION_ERROR",
		"unit=hour&since=2024-11-10T08:00:00Z&until=2026-01-01T00:00:00.001Z": "TOO_MANY_POINTS", "since=0000-01-01&until=9999-01-01&unit=week": "TOO_MANY_POINTS",
	} {
		d.call("GET", "/v1/analytics/timeseries?"+query, d.root, nil).wantError(t, http.StatusBadRequest, code)
	}
	most := get[seriesAnswer](d, "/v1/analytics/timeseries?unit=hour&since=2024-11-10T08:00:00Z&until=2026-01-01T00:00:00.000Z&by=type", d.root)
	if len(most.Data) != 10_000 {
		t.Errorf("%d points, want the 10,000 there may be", len(most.Data))
	}
	d.call("GET", "/v1/analytics/timeseries", d.key("default", 0, "users:read").Text, nil).wantError(t, http.StatusForbidden, "FORBIDDEN")
}

// beginOf is where the calendar of the standard library has the unit of a time begin.
func beginOf(unit string, at time.Time) time.Time {
	y, m, day := at.Date()
	switch unit {
	case "hour":
		return time.Date(y, m, day, at.Hour(), 0, 0, 0, time.UTC)
	case "day":
		return time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
	}
	year, week := at.ISOWeek()
	begin := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
	for {
		before := begin.AddDate(0, 0, -1)
		if y, w := before.ISOWeek(); y != year || w != week {
			return begin
		}
		begin = before
	}
}

type listedEvent struct {
	Type, Status, Source string
	Timestamp            time.Time
	Display              struct{ Severity string }
}

// slowSeries counts the events that GET /v1/events lists, one by one.
func slowSeries(events []listedEvent, unit, by string, top int, since, until time.Time) seriesAnswer {
	const iso = "2006-01-02T15:04:05.000Z"
	a := seriesAnswer{Unit: unit, Since: since.Format(iso), Until: until.Format(iso), Total: uint64(len(events))}
	var begins []time.Time
	for at := since; at.Before(until); at = at.Add(30 * time.Minute) {
		if b := beginOf(unit, at); len(begins) == 0 || !b.Equal(begins[len(begins)-1]) {
			begins = append(begins, b)
		}
	}
	if last := beginOf(unit, until.Add(-time.Millisecond)); !last.Equal(begins[len(begins)-1]) {
		begins = append(begins, last)
	}
	valueOf := map[string]func(listedEvent) string{
		"type": func(e listedEvent) string { return e.Type }, "category": func(e listedEvent) string { return eventlog.Type(e.Type).Category() },
		"status": func(e listedEvent) string { return e.Status }, "source": func(e listedEvent) string { return e.Source },
		"severity": func(e listedEvent) string { return e.Display.Severity },
	}[by]
	totals := map[string]uint64{}
	if by != "" {
		a.By = &by
		a.Series = []seriesTotal{}
		for _, e := range events {
			totals[valueOf(e)]++
		}
		for name, n := range totals {
			a.Series = append(a.Series, seriesTotal{name, n})
		}
		slices.SortFunc(a.Series, func(a, b seriesTotal) int {
			return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Name, b.Name))
		})
	}
	var others []seriesTotal
	if len(a.Series) > top {
		a.Series, others = a.Series[:top], a.Series[top:]
		a.Other = &struct{ Values, Total uint64 }{Values: uint64(len(others))}
		for _, o := range others {
			a.Other.Total += o.Total
		}
	}
	for _, begin := range begins {
		p := seriesPoint{Start: begin.Format(iso)}
		if begin.Before(since) {
			p.Start = a.Since
		}
		if by != "" {
			p.Counts = make([]uint64, len(a.Series))
		}
		if others != nil {
			p.Other = new(uint64)
		}
		for _, e := range events {
			if !beginOf(unit, e.Timestamp).Equal(begin) {
				continue
			}
			p.Count++
			if by == "" {
				continue
			}
			if i := slices.IndexFunc(a.Series, func(s seriesTotal) bool { return s.Name == valueOf(e) }); i >= 0 {
				p.Counts[i]++
			} else {
				*p.Other++
			}
		}
		a.Data = append(a.Data, p)
	}
	return a
}

// A time series is what counting the list of events by the calendar gives, around leap
// days, the turns of years and of ISO years, whatever is filtered and split.
func TestTimeseriesAgreesWithTheList(t *testing.T) {
	d := startAt(t, time.Date(2026, time.January, 20, 0, 0, 0, 0, time.UTC))
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 1))
	spans := []struct{ from, to time.Time }{
		{time.Date(2024, time.February, 26, 0, 0, 0, 0, time.UTC), time.Date(2024, time.March, 5, 0, 0, 0, 0, time.UTC)},
		{time.Date(2025, time.March, 29, 0, 0, 0, 0, time.UTC), time.Date(2025, time.April, 1, 0, 0, 0, 0, time.UTC)}, // clocks change elsewhere
		{time.Date(2025, time.December, 25, 0, 0, 0, 0, time.UTC), time.Date(2026, time.January, 8, 0, 0, 0, 0, time.UTC)},
	}
	instantOf := func(i int) time.Time {
		s := spans[i]
		at := s.from.Add(time.Duration(rng.Int64N(int64(s.to.Sub(s.from))))).Truncate(time.Millisecond)
		return []time.Time{at, at.Truncate(time.Hour), at.Truncate(24 * time.Hour), at.Truncate(24 * time.Hour).Add(-time.Millisecond)}[rng.IntN(4)]
	}
	types := []string{"user.joined", "user.logged_in", "session.created", "login.failed", "custom.thing", "password.reset_requested", "user.banned"}
	var body strings.Builder
	for i := range 900 {
		fmt.Fprintf(&body, "{\"type\":%q,\"timestamp\":%q,\"userId\":\"u%d\",\"status\":%q,\"ipAddress\":\"10.0.0.%d\"}\n",
			types[rng.IntN(len(types))], instantOf(i%3).Format(time.RFC3339Nano), rng.IntN(5), []string{"success", "success", "failed"}[rng.IntN(3)], rng.IntN(3))
	}
	if a := d.call("POST", "/ingest/events", d.root, body.String(), "Content-Type", "application/x-ndjson"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	filters := []string{"", "userId=u1", "type=user.*", "type=user.logged_in,login.failed", "type=user_sign_in_failed,user.joined", "status=failed", "severity=warning,info", "ip=10.0.0.1&userId=u2", "q=custom", "source=api"}
	for range 150 {
		span := rng.IntN(3)
		since, until := instantOf(span), instantOf(span)
		if !since.Before(until) {
			since, until = until, since.Add(time.Millisecond)
		}
		unit, by, top := []string{"hour", "day", "week"}[rng.IntN(3)], []string{"", "type", "category", "status", "severity", "source"}[rng.IntN(6)], 1+rng.IntN(5)
		asked := fmt.Sprintf("since=%s&until=%d&%s", url.QueryEscape(since.Format(time.RFC3339Nano)), until.UnixMilli(), filters[rng.IntN(len(filters))])
		list := get[struct{ Events []listedEvent }](d, "/v1/events?limit=1000&"+asked, d.root).Events
		query := fmt.Sprintf("%s&unit=%s&by=%s&top=%d", asked, unit, by, top)
		got := get[seriesAnswer](d, "/v1/analytics/timeseries?"+query, d.root)
		if want := slowSeries(list, unit, by, top, since, until); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, %s\n got %+v\nwant %+v", seed, query, got, want)
		}
	}
}
