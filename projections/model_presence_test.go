package projections_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/projections"
)

// modelDeed is an event that was somebody's activity.
type modelDeed struct {
	user string
	kind eventlog.Type
	at   int64
}

const (
	modelDayMs   = 24 * 60 * 60 * 1000
	modelExactly = 400 // for how many days before the newest event instants are known
)

// foldPresence notes whose activity an event is.
func (m *model) foldPresence(e *modelEvent) {
	kind := e.Type.Category()
	if e.ours || kind == "dashd" || e.Type == eventlog.LoginFailed {
		return
	}
	who := e.UserID
	switch {
	case e.ActorID != "" && e.ActorID != e.UserID:
		if who = e.ActorID; m.user(who) == nil {
			return
		}
	case who == "" || who == "unknown" || kind == "security":
		return
	case e.Type == eventlog.UserBanned, e.Type == eventlog.UserUnbanned,
		e.Type == eventlog.UserImpersonated, e.Type == eventlog.UserImpersonationStopped:
		return
	}
	m.hear(who)
	m.deeds = append(m.deeds, modelDeed{who, e.Type, e.Time})
	m.today = max(m.today, floorDay(e.ReceivedAt))
}

// floorDay is the UTC day of an instant.
func floorDay(ms int64) int64 { return int64(math.Floor(float64(ms) / modelDayMs)) }

// active are those who did something of the given types, or anything if there are none, from from up to to.
// Days of which instants are not known any more count as a whole if a part of them does.
func (m *model) active(from, to int64, kinds ...eventlog.Type) []string {
	var who []string
	for _, d := range m.deeds {
		first, end := d.at, d.at+1 // when it may have happened, for all that is known
		if day := floorDay(d.at); day < m.today-modelExactly {
			first, end = day*modelDayMs, (day+1)*modelDayMs
		}
		if from < end && first < to && from < to && (len(kinds) == 0 || slices.Contains(kinds, d.kind)) {
			who = append(who, d.user)
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// checkPresence compares who was active in windows of all lengths.
func checkPresence(t *testing.T, g *generator, tables *projections.Tables, m *model) {
	t.Helper()
	if len(m.deeds) == 0 {
		if got := projections.ActiveByEvents(tables, math.MinInt64, math.MaxInt64); len(got) > 0 {
			t.Fatalf("nobody did anything, and %v are active", got)
		}
		return
	}
	// edge is an instant at or near that of an event, or of a midnight.
	edge := func() int64 {
		at := pick(g, m.deeds...).at
		if g.IntN(2) == 0 {
			at = m.deeds[max(0, len(m.deeds)-1-g.IntN(20))].at
		}
		switch g.IntN(6) {
		case 0:
			at = floorDay(at) * modelDayMs
		case 1:
			at += g.Int64N(2*modelDayMs) - modelDayMs
		}
		return at + int64(g.IntN(3)-1)
	}
	for range 4 {
		from := edge()
		to := pick(g, edge(), from+g.Int64N(1000*60), from+g.Int64N(modelDayMs), from+g.Int64N(40*modelDayMs))
		switch g.IntN(20) {
		case 0:
			from = math.MinInt64
		case 1:
			to = math.MaxInt64
		}
		got, want := projections.ActiveByEvents(tables, from, to), m.active(from, to)
		if !slices.Equal(got, want) {
			t.Fatalf("from %d to %d (%d ms) these were active:\n got %s\nwant %s", from, to, to-from,
				strings.Join(got, " "), strings.Join(want, " "))
		}
	}
}
