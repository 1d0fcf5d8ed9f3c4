package projections_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/projections"
)

func TestWhoseActivityAnEventIs(t *testing.T) {
	ada := eventlog.Event{Type: eventlog.UserJoined, UserID: "ada", Personal: eventlog.Personal{Metadata: []byte(`{"userName":"Ada"}`)}}
	for _, tt := range []struct {
		name string
		e    eventlog.Event
		want string
	}{
		{"it is that of its user", eventlog.Event{Type: eventlog.UserUpdated, UserID: "ada"}, "ada"},
		{"also of one of whom nothing else is known", eventlog.Event{Type: eventlog.UserLoggedOut, UserID: "bob"}, "bob"},
		{"also if the type means nothing to dashd", eventlog.Event{Type: "shop.visited", UserID: "ada"}, "ada"},
		{"also if he is named as the actor too", eventlog.Event{Type: "shop.visited", UserID: "bob", ActorID: "bob"}, "bob"},
		{"it is that of the actor, if he is a user", eventlog.Event{Type: eventlog.UserBanned, UserID: "bob", ActorID: "ada"}, "ada"},
		{"and of an actor without a user", eventlog.Event{Type: "shop.opened", ActorID: "ada"}, "ada"},
		{"of an actor who is no user it is nobody's", eventlog.Event{Type: eventlog.UserUpdated, UserID: "ada", ActorID: "operator"}, ""},
		{"of nobody it is nobody's", eventlog.Event{Type: eventlog.UserUpdated}, ""},
		{"of an unknown user too", eventlog.Event{Type: eventlog.UserUpdated, UserID: "unknown"}, ""},
		{"a failed one is nobody's", eventlog.Event{Type: eventlog.UserLoggedIn, Status: eventlog.Failed, UserID: "ada"}, ""},
		{"a failed sign-in too, whatever its status", eventlog.Event{Type: eventlog.LoginFailed, UserID: "ada", ActorID: "ada"}, ""},
		{"to be banned is no activity", eventlog.Event{Type: eventlog.UserBanned, UserID: "ada"}, ""},
		{"nor to be impersonated", eventlog.Event{Type: eventlog.UserImpersonated, UserID: "ada"}, ""},
		{"nor to be found out about", eventlog.Event{Type: eventlog.SecurityBlocked, UserID: "ada"}, ""},
		{"a command of dashd is nobody's", eventlog.Event{
			Type: eventlog.UserUpdated, UserID: "ada", ActorID: "ada",
			Personal: eventlog.Personal{Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDashd}},
		}, ""},
		{"what only dashd sends too", eventlog.Event{Type: eventlog.DashdTokenUsed, UserID: "ada"}, ""},
		{"what is about dashd too", eventlog.Event{Project: eventlog.ReservedProject, Type: eventlog.UserUpdated, UserID: "ada"}, ""},
		{"an event of what only dashd may change is that of who tried", eventlog.Event{Type: eventlog.SSOProviderDeleted, UserID: "ada"}, "ada"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDisk(t)
			first, second := ada, tt.e
			first.ID, first.Time, first.Project = "first", noon, "shop"
			second.ID, second.Time = "second", noon+1
			if second.Project == "" {
				second.Project = "shop"
			}
			d.append(first, second)
			project := second.Project
			images := map[string]*projections.DashImage{"one by one": d.fold(2)}
			if err := d.follow(projections.DashOptions{}, func(f *projections.DashFollower) { images["by columns"] = f.Image() }); err != nil {
				t.Fatal(err)
			}
			for how, image := range images {
				if got := strings.Join(projections.ActiveByEvents(image.Tables(project), noon+1, noon+2), " "); got != tt.want {
					t.Errorf("%s, %q was active, want %q", how, got, tt.want)
				}
			}
		})
	}
}

// Who was active when does not change when his session is revoked or he is deleted, and he
// who comes back is the same.
func TestActivityIsNotRewritten(t *testing.T) {
	dash, seq := projections.NewDash(), uint64(0)
	apply := func(kind eventlog.Type, at int64, metadata string) {
		seq++
		dash.Apply(&eventlog.Record{Seq: seq, ReceivedAt: at, Event: eventlog.Event{
			Project: "shop", Type: kind, UserID: "ada", SessionID: "s1", ActorID: map[bool]string{true: "operator"}[kind == eventlog.UserDeleted],
			Time: at, Personal: eventlog.Personal{Metadata: []byte(metadata)},
		}})
		dash.Publish(seq)
	}
	active := func(from, to int64) string {
		return strings.Join(projections.ActiveByEvents(dash.Image().Tables("shop"), from, to), " ")
	}
	apply(eventlog.UserJoined, noon, `{"userName":"Ada"}`)
	apply(eventlog.SessionCreated, noon+10, `{}`)
	apply(eventlog.SessionRevokedAll, noon+20, `{}`)
	apply(eventlog.UserDeleted, noon+30, `{}`)
	if tables := dash.Image().Tables("shop"); tables.UserCount() != 0 || active(noon, noon+1) != "ada" || active(noon+10, noon+11) != "ada" {
		t.Errorf("after she was deleted there are %d users, and %q was active", tables.UserCount(), active(noon, noon+30))
	}
	apply("shop.visited", noon+15, `{}`) // late
	apply(eventlog.UserJoined, noon+40, `{"userName":"Ada"}`)
	for _, at := range []int64{0, 10, 15, 20, 40} {
		if got := active(noon+at, noon+at+1); got != "ada" {
			t.Errorf("at %d %q was active", at, got)
		}
	}
	if got := active(noon+21, noon+40); got != "" {
		t.Errorf("in between %q was active", got)
	}
	if n := projections.UserRows(dash.Image().Tables("shop")); n != 1 {
		t.Errorf("there are %d rows of users", n)
	}
}

// Of days long past only the sets are left, and the room of their instants is used again.
func TestInstantsOfDaysLongPastAreGivenUp(t *testing.T) {
	const perDay, pages = 100, 2 // pages of 64 instants
	dash, seq := projections.NewDash(), uint64(0)
	for day := range int64(1000) {
		for i := range int64(perDay) {
			seq++
			at := noon + day*modelDayMs + i
			dash.Apply(&eventlog.Record{Seq: seq, ReceivedAt: at, Event: eventlog.Event{
				Project: "shop", Type: "shop.visited", UserID: fmt.Sprintf("u%d", i), Time: at,
			}})
		}
	}
	dash.Publish(seq)
	tables := dash.Image().Tables("shop")
	if n := projections.PresencePages(tables); n > (modelExactly+2)*pages {
		t.Errorf("there are %d pages of instants", n)
	}
	for _, tt := range []struct {
		day  int64
		want int
	}{{0, perDay}, {998 - modelExactly, perDay}, {999 - modelExactly, 3}, {999, 3}} {
		start := noon + tt.day*modelDayMs
		if got := projections.CountActive(tables, start+7, start+10); got != tt.want {
			t.Errorf("in 3 ms of day %d there were %d users, want %d", tt.day, got, tt.want)
		}
		if got := projections.CountActive(tables, start-noon%modelDayMs, start-noon%modelDayMs+modelDayMs); got != perDay {
			t.Errorf("on day %d there were %d users", tt.day, got)
		}
	}
	if got := projections.CountActive(tables, math.MinInt64, noon+modelDayMs); got != perDay {
		t.Errorf("on the first days there were %d users", got)
	}
}

// Instants take no more memory than they may: the oldest days are given up before their time,
// and a day that fills all of it alone.
func TestInstantsAreBounded(t *testing.T) {
	const pages, perDay = 8, 100 // two pages of 64 instants a day
	dash, seq := projections.NewDash(), uint64(0)
	projections.LimitPresence(dash, "shop", pages)
	visit := func(day int64, n int64) {
		for i := range n {
			seq++
			at := noon + day*modelDayMs + i
			dash.Apply(&eventlog.Record{Seq: seq, ReceivedAt: noon + day*modelDayMs, Event: eventlog.Event{
				Project: "shop", Type: "shop.visited", UserID: fmt.Sprintf("u%d", i), Time: at,
			}})
		}
	}
	check := func(day int64, want int) {
		t.Helper()
		start := noon + day*modelDayMs
		dash.Publish(seq)
		if got := projections.CountActive(dash.Image().Tables("shop"), start+7, start+10); got != want {
			t.Errorf("in 3 ms of day %d there were %d users, want %d", day, got, want)
		}
		if n := projections.PresencePages(dash.Image().Tables("shop")); n > pages {
			t.Errorf("there are %d pages of instants", n)
		}
	}
	for day := range int64(6) {
		visit(day, perDay)
	}
	check(1, perDay) // given up: the whole day answers
	check(2, 3)
	check(5, 3)
	visit(1, perDay) // late, and not taken up again
	check(1, perDay)
	check(2, 3)
	visit(6, pages*64+1)
	check(6, pages*64+1)
	check(5, perDay)
	visit(7, perDay)
	check(7, 3)
}

// All types that dashd's commands send to a project have rules: so it is seen, when one is folded, that it
// is nobody's activity. The document is made from the route table.
func TestCommandsSendNothingWithoutARule(t *testing.T) {
	text, err := os.ReadFile("../docs/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(line, "|")
		if len(columns) < 7 || !slices.Contains([]string{"POST", "PATCH", "DELETE"}, strings.TrimSpace(columns[1])) {
			continue
		}
		for name := range strings.SplitSeq(strings.TrimSpace(columns[6]), "<br>") {
			kind := eventlog.Type(name)
			if name == "" || kind.Reserved() {
				continue
			}
			if found++; !projections.HasRule(kind) {
				t.Errorf("%s has no rule: %s", kind, line)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d types of events were found in the document", found)
	}
}

// A type that came when there were too many is not counted, and it is said so.
func TestTypesThatAreNotCounted(t *testing.T) {
	few, many := projections.PresenceOfTypes(3), projections.PresenceOfTypes(70_000)
	if got := few.Uncounted([]eventlog.Type{"made.up1", "never.seen"}); len(got) != 0 {
		t.Errorf("%v are not counted, of few", got)
	}
	asked := []eventlog.Type{"made.up1", "never.seen", "made.up65533", "made.up69999"}
	if got := many.Uncounted(asked); !slices.Equal(got, []eventlog.Type{"never.seen", "made.up69999"}) {
		t.Errorf("%v are not counted, of many", got)
	}
	if n := projections.CountActive(many, noon, noon+70_000); n != 1 {
		t.Errorf("%d users were active", n)
	}
}
