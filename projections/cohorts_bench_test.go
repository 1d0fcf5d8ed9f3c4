package projections_test

import (
	"math/rand/v2"
	"testing"

	"dashd/eventlog"
	"dashd/projections"
)

// BenchmarkCohorts measures a table of 26 weeks, and windows of activity that begin and end within a
// day, of a million users. Memory is that of who was active when, for each day of a user on which he
// did one thing.
func BenchmarkCohorts(b *testing.B) {
	const users, weeks = 1_000_000, 26
	const dayMs = 24 * 60 * 60 * 1000
	r := rand.New(rand.NewPCG(1, 1))
	before, deeds := heap(), 0
	alone := projections.Crowd(users, weeks, func(int, int) bool { return false })
	rows := heap() - before
	t := projections.Crowd(users, weeks, func(int, int) bool {
		if r.IntN(9) > 0 {
			return false
		}
		deeds++
		return true
	})
	perDeed := float64(heap()-before-2*rows) / float64(deeds)
	until := projections.Time(weeks*7*dayMs - 1)
	for _, bb := range []struct {
		name string
		call func() int
	}{
		{"any", func() int { return len(t.Cohorts(projections.CohortWeek, weeks, until, projections.CohortUsers{})) }},
		{"one type", func() int {
			return len(t.Cohorts(projections.CohortWeek, weeks, until, projections.CohortUsers{Types: []eventlog.Type{"user.logged_in"}}))
		}},
		{"120 days", func() int { return len(t.Cohorts(projections.CohortDay, 120, until, projections.CohortUsers{})) }},
		{"one page", func() int {
			return t.CohortPage(projections.CohortWeek, until-100*dayMs, 3, projections.CohortUsers{}, 50, 10).Total
		}},
		{"30 days that begin at noon", func() int { return projections.CountActive(t, int64(until)-30*dayMs-dayMs/2, int64(until)-dayMs/2) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if bb.call() == 0 {
					b.Fatal("nobody")
				}
			}
			b.ReportMetric(perDeed, "B/day-of-a-user")
			b.ReportMetric(float64(deeds), "days-of-users")
		})
	}
	if alone.UserCount() != users {
		b.Error("users are missing")
	}
}
