package projections

import (
	"math"
	"strconv"
	"time"
)

// Activity says from what it is read when a user was active.
type Activity uint8

// The sources of activity.
const (
	ActivitySessions   Activity = iota // when the user's sessions were last updated
	ActivityLastActive                 // the user's LastActiveAt
	ActivityEvents                     // what he did, from the log: revoked sessions and deleted users count
)

const dayMs = 24 * 60 * 60 * 1000

// span is the time from start to end, without end.
type span struct{ start, end int64 }

func (s span) holds(t int64) bool { return s.start <= t && t < s.end }

// open is the end of a span that has none.
const open = math.MaxInt64

// Period is the grain of a figure over time.
type Period string

// The periods.
const (
	Daily   Period = "daily"
	Weekly  Period = "weekly"
	Monthly Period = "monthly"
)

// Stats are the figures of GET /dash/stats.
type Stats struct {
	Daily       SignUps `json:"daily"`
	Weekly      SignUps `json:"weekly"`
	Monthly     SignUps `json:"monthly"`
	Total       int     `json:"total"`
	ActiveUsers struct {
		Daily   Active `json:"daily"`
		Weekly  Active `json:"weekly"`
		Monthly Active `json:"monthly"`
	} `json:"activeUsers"`
}

// SignUps is how many users joined in a window that ends now, and how that compares
// with the window before, in percent.
type SignUps struct {
	SignUps    int     `json:"signUps"`
	Percentage float64 `json:"percentage"`
}

// Active is the same for the users who were active.
type Active struct {
	Active     int     `json:"active"`
	Percentage float64 `json:"percentage"`
}

// growth is what cur is more than prev, in percent of it; 100 if prev is 0 and cur is not.
func growth(cur, prev int) float64 {
	switch {
	case prev > 0:
		return float64(cur-prev) / float64(prev) * 100
	case cur > 0:
		return 100
	}
	return 0
}

// Stats counts sign-ups and active users of the last 1, 7 and 30 times 24 hours, and of
// the same before.
func (t *Tables) Stats(now Time, by Activity) Stats {
	var windows []span
	for _, days := range []int64{1, 7, 30} {
		middle := int64(now) - days*dayMs
		windows = append(windows, span{middle, open}, span{middle - days*dayMs, middle})
	}
	joined := t.joinedIn(windows)
	active := t.activeIn(windows, by)
	s := Stats{
		Total:   t.UserCount(),
		Daily:   SignUps{joined[0], growth(joined[0], joined[1])},
		Weekly:  SignUps{joined[2], growth(joined[2], joined[3])},
		Monthly: SignUps{joined[4], growth(joined[4], joined[5])},
	}
	s.ActiveUsers.Daily = Active{active[0], growth(active[0], active[1])}
	s.ActiveUsers.Weekly = Active{active[2], growth(active[2], active[3])}
	s.ActiveUsers.Monthly = Active{active[4], growth(active[4], active[5])}
	return s
}

// GraphPoint is one point of GET /dash/graph.
type GraphPoint struct {
	Date        Time   `json:"date"` // the end of the point's window
	Label       string `json:"label"`
	TotalUsers  int    `json:"totalUsers"`
	NewUsers    int    `json:"newUsers"`
	ActiveUsers int    `json:"activeUsers"`
}

// graphs says how many points a graph has, how far apart they are, and how they are called.
var graphs = map[Period]struct {
	points int
	step   int64
	label  string
}{
	Daily:   {7, dayMs, "Mon"},
	Weekly:  {8, 7 * dayMs, "Jan 2"},
	Monthly: {6, 30 * dayMs, "Jan"},
}

// Graph counts users in windows that end now, one step before, and so on, oldest
// first. Who joined at the very end of a window belongs to it, who was active then
// does not.
func (t *Tables) Graph(now Time, p Period, by Activity) []GraphPoint {
	g := graphs[p]
	var joins, uses []span
	for i := int64(g.points) - 1; i >= 0; i-- {
		end := int64(now) - i*g.step
		joins = append(joins, span{end - g.step + 1, end + 1}, span{math.MinInt64, end + 1})
		uses = append(uses, span{end - g.step, end})
	}
	joined, active := t.joinedIn(joins), t.activeIn(uses, by)
	points := make([]GraphPoint, g.points)
	for i := range points {
		points[i] = GraphPoint{
			Date:        Time(uses[i].end),
			Label:       timeOf(uses[i].end).Format(g.label),
			TotalUsers:  joined[2*i+1],
			NewUsers:    joined[2*i],
			ActiveUsers: active[i],
		}
	}
	return points
}

// RetentionRow is one row of GET /dash/retention.
type RetentionRow struct {
	N             int     `json:"n"`
	Label         string  `json:"label"`
	CohortStart   Time    `json:"cohortStart"`
	CohortEnd     Time    `json:"cohortEnd"`
	ActiveStart   Time    `json:"activeStart"`
	ActiveEnd     Time    `json:"activeEnd"`
	CohortSize    int     `json:"cohortSize"`
	Retained      int     `json:"retained"`
	RetentionRate float64 `json:"retentionRate"` // percent, with one decimal
}

// calendars says how many cohorts a retention has, how they are called, and where the unit
// begins that is n units before the one a time is in.
var calendars = map[Period]struct {
	cohorts int
	label   string
	begin   func(t time.Time, n int) time.Time
}{
	Daily: {7, "D", func(t time.Time, n int) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day()-n, 0, 0, 0, 0, time.UTC)
	}},
	Weekly: {8, "W", func(t time.Time, n int) time.Time {
		monday := t.Day() - (int(t.Weekday())+6)%7
		return time.Date(t.Year(), t.Month(), monday-7*n, 0, 0, 0, 0, time.UTC)
	}},
	Monthly: {6, "M", func(t time.Time, n int) time.Time {
		return time.Date(t.Year(), t.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	}},
}

// Retention counts, for each of the units (days, weeks from Monday, months; UTC) before
// the one now is in, nearest first, the users who joined in it, and how many of them were
// active in the present unit.
func (t *Tables) Retention(now Time, p Period, by Activity) []RetentionRow {
	c := calendars[p]
	present := timeOf(int64(now))
	window := span{c.begin(present, 0).UnixMilli(), c.begin(present, -1).UnixMilli()}
	cohorts := make([]span, c.cohorts)
	rows := make([]RetentionRow, c.cohorts)
	for i := range rows {
		n := i + 1
		cohorts[i] = span{c.begin(present, n).UnixMilli(), c.begin(present, n-1).UnixMilli()}
		rows[i] = RetentionRow{
			N: n, Label: c.label + strconv.Itoa(n),
			CohortStart: Time(cohorts[i].start), CohortEnd: Time(cohorts[i].end),
			ActiveStart: Time(window.start), ActiveEnd: Time(window.end),
		}
	}
	sizes, back := t.returned(cohorts, window, by)
	for i := range rows {
		rows[i].CohortSize, rows[i].Retained = sizes[i], back[i]
		if sizes[i] > 0 {
			rows[i].RetentionRate = math.Floor(float64(back[i])/float64(sizes[i])*100*10+0.5) / 10
		}
	}
	return rows
}
