package projections

import (
	"math"
	"strconv"
	"time"

	"dashd/internal/errs"
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

// open is the end of a span that has none.
const open = math.MaxInt64

// FigureQuery asks for figures over time.
type FigureQuery struct {
	Now            Time     // the moment of the read
	Period         Period   // stats: "" for all
	Source         Activity // of who was active
	OrganizationID string   // if not empty: only its members and what they did count
	// Until, if not nil, is the moment at which the windows end instead of now.
	Until *Time
	// Since, if not nil, is what no window of a graph and no cohort begins before: there are
	// as many as there is room for. Stats get the window from Since until Now or Until.
	Since *Time
}

// The first and the last instant that figures can be asked for: those of the years 1 to 9999.
const (
	MinTime = minTime
	MaxTime = maxTime
)

// end is the moment at which the windows end.
func (q *FigureQuery) end() int64 {
	if q.Until != nil {
		return int64(*q.Until)
	}
	return int64(q.Now)
}

// maxRows is how many windows or cohorts one may ask for.
const maxRows = 1000

func (q *FigureQuery) check() error {
	if q.Since != nil && int64(*q.Since) >= q.end() {
		return errs.New(errs.Invalid, "VALIDATION_ERROR", "[query.since] expected a time before that of until, or before now")
	}
	return nil
}

func tooMany(what string) error {
	return errs.New(errs.Invalid, "VALIDATION_ERROR", "[query.since] there would be more than %d %s: choose a later time or a longer period", maxRows, what)
}

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
	Daily       *SignUps `json:"daily,omitempty"`
	Weekly      *SignUps `json:"weekly,omitempty"`
	Monthly     *SignUps `json:"monthly,omitempty"`
	Total       int      `json:"total"`
	ActiveUsers struct {
		Daily   *Active `json:"daily,omitempty"`
		Weekly  *Active `json:"weekly,omitempty"`
		Monthly *Active `json:"monthly,omitempty"`
	} `json:"activeUsers"`
	Range *RangeStats `json:"range,omitempty"`
}

// RangeStats are the figures of one window, compared with the one of the same length before.
type RangeStats struct {
	Since            Instant `json:"since"`
	Until            Instant `json:"until"`
	SignUps          int     `json:"signUps"`
	Percentage       float64 `json:"percentage"`
	Active           int     `json:"active"`
	ActivePercentage float64 `json:"activePercentage"`
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
// the same before. The last windows have no end, unless the query gives one.
func (t *Tables) Stats(q FigureQuery) (Stats, error) {
	if err := q.check(); err != nil {
		return Stats{}, err
	}
	end, last := q.end(), int64(open)
	if q.Until != nil {
		last = end
	}
	var s Stats
	var windows []span // each after the one it is compared with
	var show []func(joined, joinedBefore, active, activeBefore int)
	for _, p := range []struct {
		period Period
		days   int64
		joined **SignUps
		active **Active
	}{
		{Daily, 1, &s.Daily, &s.ActiveUsers.Daily},
		{Weekly, 7, &s.Weekly, &s.ActiveUsers.Weekly},
		{Monthly, 30, &s.Monthly, &s.ActiveUsers.Monthly},
	} {
		if q.Period != "" && q.Period != p.period {
			continue
		}
		middle := end - p.days*dayMs
		windows = append(windows, span{middle - p.days*dayMs, middle}, span{middle, last})
		show = append(show, func(joined, joinedBefore, active, activeBefore int) {
			*p.joined = &SignUps{joined, growth(joined, joinedBefore)}
			*p.active = &Active{active, growth(active, activeBefore)}
		})
	}
	if q.Since != nil {
		since := int64(*q.Since)
		windows = append(windows, span{since - (end - since), since}, span{since, end})
		show = append(show, func(joined, joinedBefore, active, activeBefore int) {
			s.Range = &RangeStats{Instant(since), Instant(end), joined, growth(joined, joinedBefore), active, growth(active, activeBefore)}
		})
	}
	c := t.census(&q)
	joined, active := c.joined(append(windows, span{math.MinInt64, last})), c.active(windows)
	for i, fn := range show {
		fn(joined[2*i+1], joined[2*i], active[2*i+1], active[2*i])
	}
	s.Total = joined[len(windows)]
	return s, nil
}

// GraphPoint is one point of GET /dash/graph.
type GraphPoint struct {
	Date        Instant `json:"date"` // the end of the point's window
	Label       string  `json:"label"`
	TotalUsers  int     `json:"totalUsers"`
	NewUsers    int     `json:"newUsers"`
	ActiveUsers int     `json:"activeUsers"`
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
func (t *Tables) Graph(q FigureQuery) ([]GraphPoint, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	g := graphs[q.Period]
	if q.Since != nil {
		fit := (q.end() - int64(*q.Since)) / g.step
		if fit > maxRows {
			return nil, tooMany("points")
		}
		g.points = int(fit)
	}
	var joins, uses []span
	for i := int64(g.points) - 1; i >= 0; i-- {
		end := q.end() - i*g.step
		joins = append(joins, span{end - g.step + 1, end + 1}, span{math.MinInt64, end + 1})
		uses = append(uses, span{end - g.step, end})
	}
	c := t.census(&q)
	joined, active := c.joined(joins), c.active(uses)
	points := make([]GraphPoint, g.points)
	for i := range points {
		points[i] = GraphPoint{
			Date:        Instant(uses[i].end),
			Label:       timeOf(uses[i].end).Format(g.label),
			TotalUsers:  joined[2*i+1],
			NewUsers:    joined[2*i],
			ActiveUsers: active[i],
		}
	}
	return points, nil
}

// RetentionRow is one row of GET /dash/retention.
type RetentionRow struct {
	N             int     `json:"n"`
	Label         string  `json:"label"`
	CohortStart   Instant `json:"cohortStart"`
	CohortEnd     Instant `json:"cohortEnd"`
	ActiveStart   Instant `json:"activeStart"`
	ActiveEnd     Instant `json:"activeEnd"`
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
func (t *Tables) Retention(q FigureQuery) ([]RetentionRow, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	c := calendars[q.Period]
	present := timeOf(q.end())
	begin := func(n int) int64 { return c.begin(present, n).UnixMilli() }
	if q.Since != nil {
		c.cohorts = 0
		for begin(c.cohorts+1) >= int64(*q.Since) {
			if c.cohorts++; c.cohorts > maxRows {
				return nil, tooMany("cohorts")
			}
		}
	}
	window := span{begin(0), begin(-1)}
	people := t.census(&q)
	active := people.activeUsers(window)
	rows := make([]RetentionRow, c.cohorts)
	for i := range rows {
		n := i + 1
		cohort := span{begin(n), begin(n - 1)}
		size, back := people.cohort(cohort, active)
		rows[i] = RetentionRow{
			N: n, Label: c.label + strconv.Itoa(n),
			CohortStart: Instant(cohort.start), CohortEnd: Instant(cohort.end),
			ActiveStart: Instant(window.start), ActiveEnd: Instant(window.end),
			CohortSize: size, Retained: back,
		}
		if size > 0 {
			rows[i].RetentionRate = math.Floor(float64(back)/float64(size)*100*10+0.5) / 10
		}
	}
	return rows, nil
}
