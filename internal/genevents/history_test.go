package genevents_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/genevents"
)

// historyEnd is a Sunday.
const historyEnd = 1_767_225_600_000 + 100*24*60*60*1000

func collect(h *genevents.History) (records []eventlog.Record) {
	for {
		e, received, ok := h.Next()
		if !ok {
			return records
		}
		records = append(records, eventlog.Record{Seq: uint64(len(records)) + 1, ReceivedAt: received, Event: e})
	}
}

func TestSameHistory(t *testing.T) {
	a := collect(genevents.NewHistory(7, 3000, historyEnd))
	if !reflect.DeepEqual(a, collect(genevents.NewHistory(7, 3000, historyEnd))) {
		t.Error("two histories of one seed differ")
	}
	if reflect.DeepEqual(a, collect(genevents.NewHistory(8, 3000, historyEnd))) {
		t.Error("another seed gives the same history")
	}
}

func TestHistoryHasAsManyEventsAsAsked(t *testing.T) {
	for _, n := range []int{0, 1, 2, 9, 10, 11, 999, 1000} {
		if got := len(collect(genevents.NewHistory(1, n, historyEnd))); got != max(n, 1) {
			t.Errorf("%d events, want %d", got, n)
		}
	}
}

func TestHistoryIsALog(t *testing.T) {
	const n = 100_000
	start := int64(historyEnd - genevents.HistoryDays*day)
	records := collect(genevents.NewHistory(1, n, historyEnd))
	received, late := start, 0
	for i, r := range records {
		switch {
		case r.ReceivedAt < received, r.ReceivedAt > historyEnd, r.Time > r.ReceivedAt, r.ReceivedAt-r.Time > 3*day+1:
			t.Fatalf("event %d: received %d after %d, happened %d", i, r.ReceivedAt, received, r.Time)
		case !json.Valid(r.Metadata):
			t.Fatalf("event %d: metadata %s", i, r.Metadata)
		}
		if _, err := netip.ParseAddr(r.IPAddress); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		if r.Time < r.ReceivedAt {
			late++
		}
		received = r.ReceivedAt
	}
	if received != historyEnd || records[0].ReceivedAt > start+day {
		t.Errorf("from %v to %v", time.UnixMilli(records[0].ReceivedAt), time.UnixMilli(received))
	}
	if late < n/1000 || late > n/100 {
		t.Errorf("%d of %d events are late", late, n)
	}
}

const day = 24 * 60 * 60 * 1000

// shares are the events of each type, for each 1,000 events.
func TestMixOfAHistory(t *testing.T) {
	const n = 200_000
	types, countries, cities := map[eventlog.Type]int{}, map[string]bool{}, map[[2]string]bool{}
	byWeekday, byHour := map[time.Weekday]int{}, map[int]int{}
	members, sessions := map[string]int{}, map[string]int{}
	for _, r := range collect(genevents.NewHistory(1, n, historyEnd)) {
		at := time.UnixMilli(r.ReceivedAt).UTC()
		types[r.Type]++
		byWeekday[at.Weekday()]++
		byHour[at.Hour()]++
		countries[r.CountryCode] = true
		if r.City != "" {
			cities[[2]string{r.CountryCode, r.City}] = true
		}
		switch r.Type {
		case eventlog.MemberAdded:
			members[r.OrganizationID]++
		case eventlog.SessionCreated:
			sessions[r.UserID]++
		}
	}
	for _, tt := range []struct {
		types    eventlog.Type
		from, to int // of 1,000 events
	}{
		{eventlog.UserJoined, 100, 100},
		{eventlog.AccountLinked, 100, 100},
		{eventlog.SessionCreated, 195, 235},
		{eventlog.UserLoggedIn, 195, 235},
		{eventlog.UserLoggedOut, 15, 45},
		{eventlog.LoginFailed, 40, 70},
		{eventlog.UserUpdated, 40, 70},
		{eventlog.TwoFactorVerified, 10, 25},
		{eventlog.UserEmailVerified, 65, 75},
		{eventlog.SessionRevokedAll, 2, 8},
		{eventlog.MemberAdded, 2, 8},
		{eventlog.UserDeleted, 1, 2},
	} {
		if got := types[tt.types]; got < tt.from*n/1000 || got > tt.to*n/1000 {
			t.Errorf("%d %s of %d events, want %d to %d of 1,000", got, tt.types, n, tt.from, tt.to)
		}
	}
	if len(countries) < 150 || len(cities) < 2500 {
		t.Errorf("%d countries and %d cities", len(countries), len(cities))
	}
	if byWeekday[time.Saturday]*3 > byWeekday[time.Wednesday]*2 || byHour[3]*3 > byHour[15] {
		t.Errorf("by day %v, by hour %v", byWeekday, byHour)
	}
	most, organizations := 0, len(members)
	for _, m := range members {
		most = max(most, m)
	}
	if organizations < 50 || most < 3*types[eventlog.MemberAdded]/organizations {
		t.Errorf("%d organizations, the largest of %d members", organizations, most)
	}
	programs := genevents.NewHistory(1, n, historyEnd)
	collect(programs)
	for _, id := range programs.Programs() {
		if sessions[id] < types[eventlog.SessionCreated]/50 {
			t.Errorf("a program has begun %d sessions", sessions[id])
		}
	}
}

func TestWorldOfAHistory(t *testing.T) {
	countries, cities := genevents.World()
	if countries != 249+1 || cities < 4500 || cities > 5500 { // and Kosovo
		t.Errorf("%d countries and %d cities", countries, cities)
	}
}

// Sign-ups grow, and of those who joined in one week fewer come back from week to week.
func TestHistoryGrowsAndUsersComeBackLess(t *testing.T) {
	start := int64(historyEnd - genevents.HistoryDays*day)
	week := func(at int64) int { return min(int((at-start)/(7*day)), 25) }
	var joined [26]int
	cohort := map[string]int{}
	active := map[[2]int]map[string]bool{} // by cohort and week
	for _, r := range collect(genevents.NewHistory(3, 200_000, historyEnd)) {
		w := week(r.Time)
		if r.Type == eventlog.UserJoined {
			joined[w]++
			cohort[r.UserID] = w
		}
		key := [2]int{cohort[r.UserID], w}
		if active[key] == nil {
			active[key] = map[string]bool{}
		}
		active[key][r.UserID] = true
	}
	if first, last := joined[0]+joined[1], joined[24]+joined[25]; last < 3*first || last > 5*first {
		t.Errorf("%d join in the first two weeks, %d in the last two", first, last)
	}
	for _, ages := range [][2]int{{1, 4}, {4, 12}, {12, 20}} {
		near, far := len(active[[2]int{2, 2 + ages[0]}]), len(active[[2]int{2, 2 + ages[1]}])
		if far == 0 || near*4 < far*5 {
			t.Errorf("of %d users %d came back after %d weeks, and %d after %d", joined[2], near, ages[0], far, ages[1])
		}
	}
}

func TestWhoIsPresentAtTheEndOfAHistory(t *testing.T) {
	h := genevents.NewHistory(1, 50_000, historyEnd)
	joined, deleted, founded := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range collect(h) {
		switch r.Type {
		case eventlog.UserJoined:
			joined[r.UserID] = true
		case eventlog.UserDeleted:
			deleted[r.UserID] = true
		case eventlog.OrganizationCreated:
			founded[r.OrganizationID] = true
		}
	}
	present := h.Present(300)
	if len(present) < 250 || len(deleted) == 0 {
		t.Errorf("%d users are present, %d were deleted", len(present), len(deleted))
	}
	for _, id := range present {
		if !joined[id] || deleted[id] {
			t.Errorf("%s is present: joined %v, deleted %v", id, joined[id], deleted[id])
		}
	}
	organizations := h.Organizations(5)
	if len(organizations) != 5 {
		t.Errorf("organizations %q", organizations)
	}
	for _, id := range organizations {
		if !founded[id] {
			t.Errorf("nobody founded %s", id)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	h := genevents.NewHistory(1, max(b.N, 1_000_000), historyEnd)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := h.Next(); !ok {
			h = genevents.NewHistory(1, 1_000_000, historyEnd)
		}
	}
}
