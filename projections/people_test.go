package projections_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/projections"
)

// session is a session that begins.
func session(id, user string, at int64) eventlog.Record {
	e := happened(eventlog.SessionCreated, at, user, nil)
	e.SessionID = id
	return e
}

// A session is forgotten 190 days after it expired, counted by the newest session; a
// longer one that began before it is not, and neither is the order of those that stay.
func TestSessionsAreForgotten(t *testing.T) {
	const hour = int64(60 * 60 * 1000)
	const later = noon + 24*hour*(7+190)
	recs := []eventlog.Record{person("ada", noon, nil), person("bob", noon, nil)}
	for i := range 300 {
		recs = append(recs, session(fmt.Sprint("old", i), "ada", noon+int64(i)))
	}
	long := happened(eventlog.SessionCreated, noon, "ada", map[string]any{"set": columnsOf{"expiresAt": later}})
	long.SessionID = "long"
	recs = append(recs, long)
	for i := range 100 {
		recs = append(recs, session(fmt.Sprint("last", i), "bob", noon+1000))
	}
	tables := folded(t, append(recs, session("new", "ada", later))...)
	if n := len(tables.Sessions("ada")); n != 302 {
		t.Errorf("just before the end ada has %d sessions, want 302", n)
	}
	tables = folded(t, append(recs, session("new", "ada", later+1000))...)
	var ids []string
	for _, s := range tables.Sessions("ada") {
		ids = append(ids, s.ID)
	}
	if want := []string{"long", "new"}; !slices.Equal(ids, want) {
		t.Errorf("ada's sessions are %v, want %v", ids, want)
	}
	if _, ok := tables.Session("old0"); ok {
		t.Error("an old session is still found")
	}
	for _, descending := range []bool{false, true} {
		page, err := tables.ListSessions(projections.SessionQuery{Query: projections.Query{Limit: -1, Descending: descending}})
		if err != nil || page.Total != 102 || len(page.Rows) != 102 {
			t.Errorf("%d sessions of %d, %v; want 102", len(page.Rows), page.Total, err)
		}
	}
	if first := projections.FirstSession(tables); first != 256 {
		t.Errorf("the rows begin at %d, want 256: whole pages of 64 that are empty are given up", first)
	}
}

// An event that says it is from the future does not make the sessions of the present old.
func TestTheFutureForgetsNothing(t *testing.T) {
	const century = int64(100 * 365 * 24 * 60 * 60 * 1000)
	bogus := session("bogus", "bob", noon+century)
	bogus.ReceivedAt = noon + 1
	tables := folded(t, person("ada", noon, nil), session("s", "ada", noon), bogus, session("next", "bob", noon+2))
	for _, id := range []string{"s", "bogus", "next"} {
		if _, ok := tables.Session(id); !ok {
			t.Errorf("session %s is gone", id)
		}
	}
}

// A session that has ended does not begin again, even if its end is told first.
func TestASessionThatHasEndedStaysEnded(t *testing.T) {
	begin, end := session("s", "ada", noon), session("s", "ada", noon+1)
	end.Type = eventlog.SessionRevoked
	for name, recs := range map[string][]eventlog.Record{
		"in order":          {begin, end, begin},
		"the end first":     {end, begin},
		"the end of others": {person("bob", noon, nil), begin, revokedBy("bob", end), end, begin},
	} {
		t.Run(name, func(t *testing.T) {
			tables := folded(t, append([]eventlog.Record{person("ada", noon, nil)}, recs...)...)
			if _, ok := tables.Session("s"); ok || len(tables.Sessions("ada")) != 0 {
				t.Error("the session lives")
			}
		})
	}
	tables := folded(t, person("ada", noon, nil), person("bob", noon, nil), begin, revokedBy("bob", end))
	if _, ok := tables.Session("s"); !ok {
		t.Error("bob has ended ada's session")
	}
}

func revokedBy(user string, e eventlog.Record) eventlog.Record {
	e.UserID = user
	return e
}

// There is room for so many different user agents, cities and words. Those beyond are
// kept all the same.
func TestTextsBeyondTheSymbols(t *testing.T) {
	const n = 1<<16 + 100
	recs := make([]eventlog.Record, n)
	for i := range recs {
		recs[i] = session(fmt.Sprint("s", i), "ada", noon)
		recs[i].UserAgent, recs[i].City = fmt.Sprint("Agent/", i), fmt.Sprint("City ", i)
		recs[i].Metadata = fmt.Appendf(nil, `{"loginMethod":"method %d"}`, i)
		recs[i].Country = fmt.Sprint("Country ", i)
	}
	tables := folded(t, recs...)
	for _, i := range []int{0, n / 2, 1<<16 - 3, 1<<16 - 2, 1<<16 - 1, 1 << 16, n - 1} {
		s, ok := tables.Session(fmt.Sprint("s", i))
		got := []string{s.UserAgent, string(s.City), string(s.Country), string(s.LoginMethod)}
		want := []string{fmt.Sprint("Agent/", i), fmt.Sprint("City ", i), fmt.Sprint("Country ", i), fmt.Sprint("method ", i)}
		if !ok || !slices.Equal(got, want) {
			t.Errorf("session %d has %q, want %q", i, got, want)
		}
	}
}

// Texts that a row has no room for are cut, in whole letters.
func TestTextsThatAreTooLong(t *testing.T) {
	long := strings.Repeat("é", 40_000)
	tables := folded(t, person("ada", noon, columnsOf{"name": long, "image": long, "role": long, "banReason": long}))
	u, _ := tables.User("ada")
	for _, got := range []string{u.Name, string(u.Image), string(u.Role), string(u.BanReason)} {
		if want := long[:1<<16-2]; got != want {
			t.Errorf("%d bytes are left, want %d", len(got), len(want))
		}
	}
	if u.Email != "ada@example.com" {
		t.Errorf("the e-mail is %q", u.Email)
	}
	tables = folded(t, person(strings.Repeat("x", 256), noon, nil))
	if n := tables.UserCount(); n != 0 {
		t.Errorf("%d users with an id that no event can have", n)
	}
}

// Readers of an image see what it held when it was published, while others are built.
func TestReadersWhileEventsAreFolded(t *testing.T) {
	d := projections.NewDash()
	stop := make(chan struct{})
	readers := make(chan error, 2)
	var looks atomic.Int64
	for range 2 {
		go func() {
			for {
				select {
				case <-stop:
					readers <- nil
					return
				default:
				}
				if err := consistent(d.Image().Tables("default")); err != nil {
					readers <- err
					return
				}
				looks.Add(1)
			}
		}()
	}
	s := genevents.NewCrowd(7, 300, 3)
	for seq := uint64(1); seq <= 6000 || looks.Load() < 10; seq++ {
		rec := eventlog.Record{Seq: seq, Event: s.Next()}
		rec.ReceivedAt = rec.Time
		d.Apply(&rec)
		if seq%7 == 0 {
			d.Publish(seq)
		}
		if len(readers) > 0 {
			break
		}
	}
	close(stop)
	for range 2 {
		if err := <-readers; err != nil {
			t.Error(err)
		}
	}
}

// consistent compares what an image says in several ways.
func consistent(t *projections.Tables) error {
	users, err := t.ListUsers(projections.Query{Limit: -1, SortBy: "name"})
	if err != nil || users.Total != t.UserCount() || len(users.Rows) != users.Total {
		return fmt.Errorf("%d users in the list of %d, %d in the table, %w", len(users.Rows), users.Total, t.UserCount(), err)
	}
	n := 0
	for _, u := range users.Rows {
		one, ok := t.User(u.ID)
		same, found := t.UserByEmail(u.Email)
		if !ok || one != u || !found || same.Email != u.Email {
			return fmt.Errorf("in the list %+v, alone %+v, by e-mail %+v", u, one, same)
		}
		for _, s := range t.Sessions(u.ID) {
			if one, ok := t.Session(s.ID); !ok || one != s {
				return fmt.Errorf("of the user %+v, alone %+v", s, one)
			}
			n++
		}
		for _, a := range t.Accounts(u.ID) {
			if one, ok := t.Account(a.ID); !ok || one != a {
				return fmt.Errorf("of the user %+v, alone %+v", a, one)
			}
		}
	}
	sessions, err := t.ListSessions(projections.SessionQuery{Query: projections.Query{Limit: -1}})
	if err != nil || sessions.Total < n || len(sessions.Rows) != sessions.Total {
		return fmt.Errorf("%d sessions in the list of %d, %d of users, %w", len(sessions.Rows), sessions.Total, n, err)
	}
	return nil
}
