package genevents

import (
	"math"
	"time"
)

const (
	msPerHour = 60 * 60 * 1000
	msPerDay  = 24 * msPerHour
)

// rhythm says when how much happens in a history. Its hours and days are counted from its start,
// and its weekdays and hours of the day are those of UTC.
type rhythm struct {
	start, end int64
	events     []float64 // by hour: how many there are up to its end
	joins      []float64 // likewise, of users who join
	cohorts    []int     // by day: how many have joined before it; one more at the end
	hour       int       // of the event asked for last
}

// returning is how likely a user is to come on a day, by his age in days: it falls, at first fast.
func returning(age int) float64 { return 1 / (1 + float64(age)/6) }

// liveliness is how much goes on in an hour, by the hour of the day and the day of the week.
func liveliness(ms int64) float64 {
	t := time.UnixMilli(ms).UTC()
	day := 1.0
	switch t.Weekday() {
	case time.Saturday:
		day = 0.55
	case time.Sunday:
		day = 0.6
	}
	return day * (1 - 0.7*math.Cos(2*math.Pi*(float64(t.Hour())-3)/24)) // least at three in the morning
}

func newRhythm(events, users int, end int64) *rhythm {
	const hours = HistoryDays * 24
	r := &rhythm{start: end - HistoryDays*msPerDay, end: end}
	live, joins := make([]float64, hours), make([]float64, hours)
	daily := make([]float64, HistoryDays) // joins
	sum := 0.0
	for h := range hours {
		live[h] = liveliness(r.start + int64(h)*msPerHour)
		joins[h] = live[h] * math.Exp(math.Ln2*2*float64(h)/hours)
		sum += joins[h]
	}
	for h := range hours {
		joins[h] *= float64(users) / sum
		daily[h/24] += joins[h]
	}
	// Who has joined comes back: so much on each day, by those who have joined until then.
	returns := make([]float64, hours)
	sum = 0
	for h := range hours {
		for day := range h/24 + 1 {
			returns[h] += daily[day] * returning(h/24-day)
		}
		returns[h] *= live[h]
		sum += returns[h]
	}
	all := make([]float64, hours)
	for h := range hours {
		rest := float64(events) - float64(users)*eventsOfJoin
		all[h] = joins[h]*eventsOfJoin + returns[h]*rest/sum
	}
	r.events, r.joins = summed(all, float64(events)), summed(joins, float64(users))
	r.cohorts = make([]int, HistoryDays+1)
	for day := range HistoryDays {
		r.cohorts[day+1] = int(r.joins[24*day+23])
	}
	return r
}

// summed are the sums up to each value, the last of them being total.
func summed(values []float64, total float64) []float64 {
	sums, sum := make([]float64, len(values)), 0.0
	for i, v := range values {
		sum += v
		sums[i] = sum
	}
	for i := range sums {
		sums[i] *= total / sum
	}
	return sums
}

// at is when the nth event is received, from 1 on. n must not fall from one call to the next by more
// than what falls into an hour.
func (r *rhythm) at(n int) int64 {
	x := float64(n)
	for r.hour > 0 && r.events[r.hour-1] >= x {
		r.hour--
	}
	for r.hour < len(r.events)-1 && r.events[r.hour] < x {
		r.hour++
	}
	before := 0.0
	if r.hour > 0 {
		before = r.events[r.hour-1]
	}
	part := (x - before) / (r.events[r.hour] - before)
	return min(r.start+int64((float64(r.hour)+part)*msPerHour), r.end)
}

// joined is how many users should have joined by a time.
func (r *rhythm) joined(ms int64) int {
	hour := min(max(int((ms-r.start)/msPerHour), 0), len(r.joins)-1)
	before := 0.0
	if hour > 0 {
		before = r.joins[hour-1]
	}
	part := float64(ms-r.start)/msPerHour - float64(hour)
	return int(math.Ceil(before + part*(r.joins[hour]-before)))
}

// day is the day that a time is in.
func (r *rhythm) day(ms int64) int {
	return min(max(int((ms-r.start)/msPerDay), 0), HistoryDays-1)
}

// cohort is the range of the numbers of those who join on a day.
func (r *rhythm) cohort(day int) (first, end int) { return r.cohorts[day], r.cohorts[day+1] }

// weigh returns the sums of the weights of the cohorts up to that of day, for who comes back then.
func (r *rhythm) weigh(day int, into []float64) []float64 {
	into, sum := into[:0], 0.0
	for cohort := range day + 1 {
		sum += float64(r.cohorts[cohort+1]-r.cohorts[cohort])*returning(day-cohort) + 1e-9
		into = append(into, sum)
	}
	return into
}
