package projections_test

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/projections"
)

// A crowd of a million people, each with an account and two sessions: the size that lists
// and searches are measured at.
const (
	crowdUsers    = 1_000_000
	crowdSessions = 2
)

// crowdTables are the tables after a crowd has arrived.
func crowdTables(b *testing.B, users, sessions int) *projections.Tables {
	b.Helper()
	s := genevents.NewCrowd(1, users, sessions)
	d := projections.NewDash()
	n := uint64(genevents.CrowdEvents(users, sessions))
	for seq := uint64(1); seq <= n; seq++ {
		rec := eventlog.Record{Seq: seq, Event: s.Next()}
		rec.ReceivedAt = rec.Time
		d.Apply(&rec)
	}
	d.Publish(n)
	t := d.Image().Tables("default")
	if t.UserCount() != users {
		b.Fatalf("%d users", t.UserCount())
	}
	return t
}

// BenchmarkTables measures how many bytes of memory the tables need for a user with his
// account, and for a session.
func BenchmarkTables(b *testing.B) {
	const users = 250_000
	size := func(sessions int) float64 {
		before := heap()
		t := crowdTables(b, users, sessions)
		defer runtime.KeepAlive(t)
		return float64(heap()-before) / users
	}
	for b.Loop() {
		one, three := size(1), size(3)
		b.ReportMetric((three-one)/2, "B/session")
		b.ReportMetric(one-(three-one)/2, "B/user")
	}
}

// BenchmarkLists measures the lists of the dashboard. The time of an operation is the
// mean; p95 is what the slowest twentieth took at least; cpu is the processor's time alone, which
// does not depend on what else the machine does.
func BenchmarkLists(b *testing.B) {
	t := crowdTables(b, crowdUsers, crowdSessions)
	where := func(text string) projections.Filter {
		f, err := projections.ParseFilter("where", text, projections.UserColumns)
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	users := func(q projections.Query) func() int {
		return func() int {
			page, err := t.ListUsers(q)
			if err != nil {
				b.Fatal(err)
			}
			return len(page.Rows)
		}
	}
	sessions := func(q projections.SessionQuery) func() int {
		return func() int {
			page, err := t.ListSessions(q)
			if err != nil {
				b.Fatal(err)
			}
			return len(page.Rows)
		}
	}
	some, err := t.ListUsers(projections.Query{Limit: 1, Offset: crowdUsers / 2})
	if err != nil {
		b.Fatal(err)
	}
	one := some.Rows[0]
	const both = `[{"field":"email","operator":"contains","value":"VARGA77","connector":"OR","mode":"insensitive"},
		{"field":"name","operator":"contains","value":"VARGA77","connector":"OR","mode":"insensitive"}]`
	for _, bm := range []struct {
		name string
		do   func() int
	}{
		{"users, newest first", users(projections.Query{Limit: 10, Descending: true})},
		{"users, newest first, page 50000", users(projections.Query{Limit: 10, Offset: 500_000, Descending: true})},
		{"users by name", users(projections.Query{Limit: 10, SortBy: "name"})},
		{"users by name, page 50000", users(projections.Query{Limit: 10, SortBy: "name", Offset: 500_000})},
		{"users by lastActiveAt", users(projections.Query{Limit: 100, SortBy: "lastActiveAt", Descending: true})},
		{"users not verified, by e-mail", users(projections.Query{Limit: 100, SortBy: "email", Where: where(`[{"field":"emailVerified","value":false}]`)})},
		{"users of a week, by name", users(projections.Query{Limit: 100, SortBy: "name", Where: where(`[{"field":"createdAt","operator":"gt","value":"2026-01-01T05:00:00Z"}]`)})},
		{"search in e-mail and name", users(projections.Query{Limit: 10, Descending: true, Where: where(both)})},
		{"search in e-mail", users(projections.Query{Limit: 10, Descending: true, Where: where(`[{"field":"email","operator":"contains","value":"rossi"}]`)})},
		{"sessions, newest first", sessions(projections.SessionQuery{Query: projections.Query{Limit: 10, Descending: true}})},
		{"sessions that live, newest first", sessions(projections.SessionQuery{ActiveOnly: true, Query: projections.Query{Limit: 10, Descending: true, Now: genevents.Start}})},
		{"sessions of a user", sessions(projections.SessionQuery{UserID: one.ID, Query: projections.Query{Limit: 10}})},
		{"a user with his accounts and sessions", func() int {
			u, _ := t.User(one.ID)
			return len(u.ID) + len(t.Accounts(one.ID)) + len(t.Sessions(one.ID))
		}},
		{"a user by his e-mail", func() int { u, _ := t.UserByEmail(one.Email); return len(u.ID) }},
		{"users online", func() int { return 1 + t.OnlineUsers(1<<60) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			var took []time.Duration
			cpu := processorTime()
			for b.Loop() {
				start := time.Now()
				if bm.do() == 0 {
					b.Fatal("nothing found")
				}
				took = append(took, time.Since(start))
			}
			b.ReportMetric(float64((processorTime()-cpu).Microseconds())/1000/float64(len(took)), "cpu-ms")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// processorTime is what the process has used of it so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
