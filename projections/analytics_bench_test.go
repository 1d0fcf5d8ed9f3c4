package projections_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/projections"
)

// stretchedTables are the tables after a crowd has arrived within so many times the time that it takes, and the
// time of the last event.
func stretchedTables(b *testing.B, users, sessions int, factor int64) (*projections.Tables, projections.Time) {
	b.Helper()
	s := genevents.NewCrowd(1, users, sessions)
	d := projections.NewDash()
	n := uint64(genevents.CrowdEvents(users, sessions))
	var last int64
	for seq := uint64(1); seq <= n; seq++ {
		rec := eventlog.Record{Seq: seq, Event: s.Next()}
		rec.Time = genevents.Start + (rec.Time-genevents.Start)*factor
		rec.ReceivedAt, last = rec.Time, rec.Time
		d.Apply(&rec)
	}
	d.Publish(n)
	return d.Image().Tables("default"), projections.Time(last)
}

// BenchmarkFigures measures the figures over time of a million users with two sessions each. The
// time of an operation is the mean; p95-ms is what one in 20 takes longer than.
func BenchmarkFigures(b *testing.B) {
	for _, over := range []struct {
		name   string
		factor int64
	}{{"half a year", 85}, {"two days", 1}} {
		b.Run(over.name, func(b *testing.B) { benchmarkFigures(b, over.factor) })
	}
}

func benchmarkFigures(b *testing.B, factor int64) {
	t, now := stretchedTables(b, crowdUsers, crowdSessions, factor)
	now -= 12_345_678 // not at the end of a day
	figures := map[string]func(by projections.Activity){
		"stats": func(by projections.Activity) { _, _ = t.Stats(projections.FigureQuery{Now: now, Source: by}) },
	}
	for _, p := range []projections.Period{projections.Daily, projections.Weekly, projections.Monthly} {
		figures["graph "+string(p)] = func(by projections.Activity) {
			_, _ = t.Graph(projections.FigureQuery{Now: now, Period: p, Source: by})
		}
		figures["retention "+string(p)] = func(by projections.Activity) {
			_, _ = t.Retention(projections.FigureQuery{Now: now, Period: p, Source: by})
		}
	}
	var names []string
	for name := range figures {
		names = append(names, name)
	}
	slices.Sort(names)
	for by, source := range []string{"sessions", "lastActiveAt", "events"} {
		for _, name := range names {
			benchmarkOne(b, fmt.Sprint(name, " of ", source), func() { figures[name](projections.Activity(by)) })
		}
	}
	benchmarkOne(b, "map", func() { t.WorldMap(projections.MapQuery{Cities: 100}) })
	benchmarkOne(b, "map of 30 days", func() { t.WorldMap(projections.MapQuery{Cities: 100, Since: new(now - 30*modelDay)}) })
	benchmarkOne(b, "online users", func() { t.OnlineUsers(now - 120_000) })
}

func benchmarkOne(b *testing.B, name string, do func()) {
	b.Run(name, func(b *testing.B) {
		var took []time.Duration
		cpu := processorTime()
		for b.Loop() {
			start := time.Now()
			do()
			took = append(took, time.Since(start))
		}
		b.ReportMetric(float64((processorTime()-cpu).Microseconds())/1000/float64(len(took)), "cpu-ms")
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	})
}
