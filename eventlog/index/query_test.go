package index_test

import (
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/index"
)

// examples are the five events of the contract's worked examples.
func examples() []eventlog.Event {
	const ten = 1_795_341_600_000
	event := func(id string, ms int64, typ eventlog.Type, user string, status eventlog.Status) eventlog.Event {
		return eventlog.Event{
			ID: id, GivenID: true, GivenTime: true, Project: "p", Type: typ, Time: ten + ms, Status: status, UserID: user, Key: user,
			Personal: eventlog.Personal{Metadata: []byte("{}")},
		}
	}
	return []eventlog.Event{
		event("e5", 0, "user.joined", "u1", eventlog.Success),
		event("e1", 1000, "session.created", "u1", eventlog.Success),
		event("e9", 2000, "user.logged_in", "u2", eventlog.Failed),
		event("e3", 2000, "user.logged_in", "u2", eventlog.Success),
		event("e7", 3000, "organization.created", "u1", eventlog.Success),
	}
}

func TestWorkedExamples(t *testing.T) {
	events := examples()
	after := func(id string) *index.Place {
		for i, e := range events {
			if e.ID == id {
				return &index.Place{Time: e.Time, Seq: uint64(i) + 1}
			}
		}
		return nil
	}
	user := func(id string) [][]index.Term { return [][]index.Term{{{Field: index.User, Value: id}}} }
	since := events[2].Time

	tests := []struct {
		name  string
		q     index.Query
		want  string
		more  bool
		total uint64
	}{
		{"everything, newest first", index.Query{Limit: 20}, "e7 e3 e9 e1 e5", false, 5},
		{"the newest two", index.Query{Limit: 2}, "e7 e3", true, 5},
		{"the two behind e3", index.Query{Limit: 2, After: after("e3")}, "e9 e1", true, 5},
		{"the last one", index.Query{Limit: 2, After: after("e1")}, "e5", false, 5},
		{"nothing is behind the oldest", index.Query{Limit: 2, After: after("e5")}, "", false, 5},
		{"a page of exactly all has no more", index.Query{Limit: 5}, "e7 e3 e9 e1 e5", false, 5},
		{"oldest first", index.Query{Limit: 3, Ascending: true}, "e5 e1 e9", true, 5},
		{"oldest first, behind e9", index.Query{Limit: 3, Ascending: true, After: after("e9")}, "e3 e7", false, 5},
		{"an offset skips", index.Query{Limit: 2, Offset: 1}, "e3 e9", true, 5},
		{"an offset past the end", index.Query{Limit: 20, Offset: 9}, "", false, 5},
		{"one type", index.Query{Limit: 20, Types: []eventlog.Type{"user.logged_in"}}, "e3 e9", false, 2},
		{"one user", index.Query{Limit: 1, All: user("u1")}, "e7", true, 3},
		{"one user, behind an event of another", index.Query{Limit: 20, All: user("u1"), After: after("e3")}, "e1 e5", false, 3},
		{"since a time, inclusive", index.Query{Limit: 20, Since: &since}, "e7 e3 e9", false, 3},
		{"until a time, exclusive", index.Query{Limit: 20, Until: &since}, "e1 e5", false, 2},
		{"failed only", index.Query{Limit: 20, Statuses: []eventlog.Status{eventlog.Failed}}, "e9", false, 1},
		{"a type or a category", index.Query{Limit: 20, Types: []eventlog.Type{"session.created"}, Categories: []string{"organization"}}, "e7 e1", false, 2},
		{"by severity", index.Query{Limit: 20, Severities: []eventlog.Severity{eventlog.SeverityFailed}}, "e9", false, 1},
		{"by seq", index.Query{Limit: 2, BySeq: true, Ascending: true, After: &index.Place{Seq: 2}}, "e9 e3", true, 5},
		{"either user", index.Query{Limit: 20, All: [][]index.Term{{{index.User, "u1"}, {index.Key, "u2"}}}}, "e7 e3 e9 e1 e5", false, 5},
		{"both users at once is nobody", index.Query{Limit: 20, All: append(user("u1"), user("u2")...)}, "", false, 0},
		{"the empty value is nobody's", index.Query{Limit: 20, All: user("")}, "", false, 0},
		{"a condition without terms is met by none", index.Query{Limit: 20, All: [][]index.Term{{}}}, "", false, 0},
		{"no events, only the count", index.Query{}, "", false, 5},
		{"a match reads the events", index.Query{Limit: 1, Match: func(r *eventlog.Record) bool { return strings.Contains(r.ID, "e") && r.UserID == "u1" }}, "e7", true, 3},
	}
	log := newMemLog()
	log.add(t, events, 0)
	n := startNode(t, log, t.TempDir(), index.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Project = "p"
			page := n.query(tt.q)
			var ids []string
			for _, r := range page.Records {
				ids = append(ids, r.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want || page.More != tt.more || page.Total != tt.total {
				t.Errorf("got %q, more %v, total %d; want %q, %v, %d", got, page.More, page.Total, tt.want, tt.more, tt.total)
			}
		})
	}
	stats, seq, err := n.Stats(t.Context(), index.Query{Project: "p"})
	if want := (eventlog.Stats{Total: 5, Success: 4, Failed: 1}); stats != want || seq != 5 || err != nil {
		t.Errorf("Stats = %+v, %d, %v; want %+v", stats, seq, err, want)
	}
	stats, _, err = n.Stats(t.Context(), index.Query{Project: "p", All: user("u2")})
	if want := (eventlog.Stats{Total: 2, Success: 1, Failed: 1}); stats != want || err != nil {
		t.Errorf("Stats of u2 = %+v, %v; want %+v", stats, err, want)
	}
}
