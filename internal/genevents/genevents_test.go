package genevents_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"testing"

	"dashd/eventlog"
	"dashd/internal/genevents"
)

func TestSameSeedSameEvents(t *testing.T) {
	a, b := genevents.Events(7, 2000), genevents.Events(7, 2000)
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs with one seed differ")
	}
	if reflect.DeepEqual(a, genevents.Events(8, 2000)) {
		t.Error("another seed gives the same events")
	}
}

// Published figures name a seed; they mean something only while it gives these events.
func TestEventsStayTheSame(t *testing.T) {
	const want = "6f18b9463b4111ac724cacc46e61bf2fb6393f618bd06c305ff8a30fc9a9c695"
	h := sha256.New()
	for _, e := range genevents.Events(1, 5000) {
		fmt.Fprintf(h, "%+v\n", e)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("hash of Events(1, 5000) = %s, want %s", got, want)
	}
}

func TestEventsAreBelievable(t *testing.T) {
	const n = 20_000
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	ids, users, agents := map[string]bool{}, map[string]int{}, map[string]bool{}
	types := map[eventlog.Type]int{}
	late, newest := 0, int64(0)
	for i, e := range genevents.Events(1, n) {
		if !uuid.MatchString(e.ID) || ids[e.ID] {
			t.Fatalf("event %d: id %q", i, e.ID)
		}
		if !json.Valid(e.Metadata) {
			t.Fatalf("event %d: metadata %s", i, e.Metadata)
		}
		if _, err := netip.ParseAddr(e.IPAddress); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		if e.Time < newest {
			late++
		}
		newest = max(newest, e.Time)
		ids[e.ID], agents[e.UserAgent] = true, true
		users[e.UserID]++
		types[e.Type]++
	}
	if late < n/500 || late > n/50 {
		t.Errorf("%d of %d events are late", late, n)
	}
	if len(users) < n/25 || len(users) > n/10 {
		t.Errorf("%d users in %d events", len(users), n)
	}
	if len(agents) != 20 {
		t.Errorf("%d user agents", len(agents))
	}
	if types["user.joined"] != len(users) {
		t.Errorf("%d of %d users joined", types["user.joined"], len(users))
	}
	if len(types) < 14 {
		t.Errorf("only %d types: %v", len(types), types)
	}
}

func TestSourceOptions(t *testing.T) {
	s := genevents.New(1, 5)
	s.Project, s.GivenIDs = "shop", true
	for range 100 {
		if e := s.Next(); e.Project != "shop" || !e.GivenID || !e.GivenTime {
			t.Fatalf("event %+v", e)
		}
	}
}

func TestACrowdArrivesFirst(t *testing.T) {
	const users, sessions = 40, 3
	s := genevents.NewCrowd(1, users, sessions)
	count := map[string]map[eventlog.Type]int{}
	for range genevents.CrowdEvents(users, sessions) {
		e := s.Next()
		if count[e.UserID] == nil {
			count[e.UserID] = map[eventlog.Type]int{}
		}
		count[e.UserID][e.Type]++
	}
	if len(count) != users {
		t.Errorf("%d users, want %d", len(count), users)
	}
	for id, types := range count {
		if types[eventlog.UserJoined] != 1 || types[eventlog.SessionCreated] != sessions || len(types) != 4 {
			t.Errorf("user %s: %v", id, types)
		}
	}
	if e := s.Next(); count[e.UserID] == nil {
		t.Errorf("a stranger comes behind the crowd: %+v", e)
	}
}

func TestRecordsAreALog(t *testing.T) {
	received := int64(0)
	for i, r := range genevents.Records(3, 1000) {
		if r.Seq != uint64(i)+1 || r.ReceivedAt < received || r.ReceivedAt < r.Time {
			t.Fatalf("record %d: seq %d, received %d, happened %d", i, r.Seq, r.ReceivedAt, r.Time)
		}
		received = r.ReceivedAt
	}
}
