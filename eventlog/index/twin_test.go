package index_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/index"
)

// twin answers queries slowly and obviously, from a slice of all records.
type twin []eventlog.Record

func (w twin) matches(q *index.Query) []eventlog.Record {
	var found []eventlog.Record
	for _, r := range w {
		if r.Project == q.Project &&
			(len(q.Types)+len(q.Categories) == 0 || slices.Contains(q.Types, r.Type) || slices.Contains(q.Categories, r.Type.Category())) &&
			oneOf(q.Statuses, r.Status) && oneOf(q.Sources, r.Source) &&
			oneOf(q.Severities, eventlog.SeverityOf(r.Type, r.Status, r.Shown)) &&
			(q.Since == nil || r.Time >= *q.Since) && (q.Until == nil || r.Time < *q.Until) &&
			(q.UpTo == nil || r.Seq <= *q.UpTo) &&
			holds(q.All, &r) && (q.Match == nil || q.Match(&r)) {
			found = append(found, r)
		}
	}
	return found
}

func oneOf[T comparable](set []T, v T) bool { return len(set) == 0 || slices.Contains(set, v) }

func holds(all [][]index.Term, r *eventlog.Record) bool {
	values := map[index.Field]string{
		index.User: r.UserID, index.Key: r.Key, index.Organization: r.OrganizationID, index.Session: r.SessionID,
		index.Actor: r.ActorID, index.IP: r.IPAddress, index.Country: r.CountryCode,
	}
	for _, clause := range all {
		some := false
		for _, t := range clause {
			some = some || t.Value != "" && values[t.Field] == t.Value
		}
		if !some {
			return false
		}
	}
	return true
}

func (w twin) query(q *index.Query) (seqs []uint64, more bool, total uint64) {
	found := w.matches(q)
	total = uint64(len(found))
	order := func(a, b eventlog.Record) int {
		c := cmp.Compare(a.Seq, b.Seq)
		if !q.BySeq {
			c = cmp.Or(cmp.Compare(a.Time, b.Time), c)
		}
		if !q.Ascending {
			c = -c
		}
		return c
	}
	slices.SortFunc(found, order)
	if q.After != nil {
		at := eventlog.Record{Seq: q.After.Seq, Event: eventlog.Event{Time: q.After.Time}}
		found = slices.DeleteFunc(found, func(r eventlog.Record) bool { return order(r, at) <= 0 })
	}
	found = found[min(q.Offset, len(found)):]
	if q.Limit < len(found) {
		found, more = found[:q.Limit], q.Limit > 0
	}
	for _, r := range found {
		seqs = append(seqs, r.Seq)
	}
	return seqs, more, total
}

// asOf is the last event that an answer is as of.
func (w twin) asOf(q *index.Query) uint64 {
	if q.UpTo != nil {
		return min(uint64(len(w)), *q.UpTo)
	}
	return uint64(len(w))
}

func (w twin) stats(q *index.Query) eventlog.Stats {
	var s eventlog.Stats
	for _, r := range w.matches(q) {
		s.Add(r.Type, r.Status, r.Shown, 1)
	}
	return s
}

// world makes random events with many ties: few users, few times, times out of
// order, and two projects that use the same ids.
type world struct {
	rng  *rand.Rand
	now  int64
	late int64 // how much older than the newest an event may be
	step int64 // ms from one possible time to the next; 0: 1
	twin twin
}

var worldTypes = []eventlog.Type{
	"user.joined", "user.logged_in", "user.banned", "session.created", "login.failed", "custom.a", "custom.b", "password.reset_requested",
}

func (w *world) pick(prefix string, n int) string {
	if i := w.rng.IntN(n); i > 0 {
		return fmt.Sprint(prefix, i)
	}
	return ""
}

// at is the time that is so many steps from the beginning.
func (w *world) at(steps int64) int64 { return steps * max(w.step, 1) }

func (w *world) event() eventlog.Event {
	w.now += w.rng.Int64N(3)
	e := eventlog.Event{
		ID: fmt.Sprint("id-", w.rng.Uint64()), GivenID: true, GivenTime: true,
		Project: []string{"p", "p", "p", "other"}[w.rng.IntN(4)],
		Type:    worldTypes[w.rng.IntN(len(worldTypes))],
		Time:    w.at(w.now - w.rng.Int64N(w.late)),
		Status:  eventlog.Status(w.rng.IntN(2)), Source: eventlog.Source(w.rng.IntN(2)), Shown: eventlog.Severity(w.rng.IntN(5)),
		UserID: w.pick("u", 9), OrganizationID: w.pick("u", 4), SessionID: w.pick("s", 50), ActorID: w.pick("u", 9), CountryCode: w.pick("D", 5),
		Personal: eventlog.Personal{IPAddress: w.pick("10.0.0.", 20), Metadata: []byte(fmt.Sprintf(`{"n":%d}`, w.rng.IntN(7)))},
	}
	e.Key = cmp.Or(e.OrganizationID, e.UserID, "unknown")
	return e
}

// grow adds n events to the log and to the twin, in blocks of random lengths.
func (w *world) grow(tb testing.TB, log *memLog, n int, persisted func(head uint64) uint64) {
	for n > 0 {
		events := make([]eventlog.Event, 1+w.rng.IntN(min(n, 40)))
		for i := range events {
			events[i] = w.event()
			w.twin = append(w.twin, eventlog.Record{Seq: uint64(len(w.twin)) + 1, Event: events[i]})
		}
		log.add(tb, events, persisted(uint64(len(w.twin))))
		n -= len(events)
	}
}

func always(head uint64) uint64 { return head }

func some[T any](rng *rand.Rand, from ...T) []T {
	if rng.IntN(4) > 0 {
		return nil
	}
	rng.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:1+rng.IntN(len(from)-1)]
}

func (w *world) query() index.Query {
	rng := w.rng
	q := index.Query{
		Project: []string{"p", "p", "other", "none"}[rng.IntN(4)],
		Types:   some(rng, slices.Clone(worldTypes)...), Categories: some(rng, "user", "custom", "nothing"),
		Statuses: some(rng, eventlog.Success, eventlog.Failed), Sources: some(rng, eventlog.SourceApp, eventlog.SourceAPI),
		Severities: some(rng, eventlog.SeverityInfo, eventlog.SeverityFailed, eventlog.SeverityWarning, eventlog.SeveritySuccess),
		BySeq:      rng.IntN(3) == 0, Ascending: rng.IntN(2) == 0, Limit: rng.IntN(30),
	}
	for range rng.IntN(3) {
		var clause []index.Term
		for range 1 + rng.IntN(4) {
			e := w.event() // terms of an event like those in the log
			clause = append(clause, []index.Term{
				{index.User, e.UserID},
				{index.Key, e.Key},
				{index.Organization, e.OrganizationID},
				{index.Session, e.SessionID},
				{index.Actor, e.ActorID},
				{index.IP, e.IPAddress},
				{index.Country, e.CountryCode},
				{index.User, "nobody"},
			}[rng.IntN(8)])
		}
		q.All = append(q.All, clause)
	}
	if rng.IntN(4) == 0 {
		since := w.at(w.now - rng.Int64N(w.now+10))
		q.Since = &since
	}
	if rng.IntN(4) == 0 {
		until := w.at(w.now - rng.Int64N(w.now+10))
		q.Until = &until
	}
	if rng.IntN(4) == 0 {
		upTo := rng.Uint64N(uint64(len(w.twin)) + 3)
		q.UpTo = &upTo
	}
	switch rng.IntN(4) {
	case 0:
		q.Offset = rng.IntN(1 + 2*len(w.twin)/(1+rng.IntN(100)))
	case 1:
		r := w.twin[rng.IntN(len(w.twin))]
		q.After = &index.Place{Time: r.Time, Seq: r.Seq}
	}
	if rng.IntN(4) == 0 {
		n := fmt.Sprintf(`:%d}`, rng.IntN(7))
		q.Match = func(r *eventlog.Record) bool { return strings.Contains(string(r.Metadata), n) }
	}
	return q
}

// compare asks n and the twin the same.
func (w *world) compare(t *testing.T, n *node, q index.Query) {
	t.Helper()
	seqs, more, total := w.twin.query(&q)
	page := n.query(q)
	var got []uint64
	for i := range page.Records {
		r := &page.Records[i]
		got = append(got, r.Seq)
		if want := w.twin[r.Seq-1]; r.ID != want.ID || string(r.Metadata) != string(want.Metadata) || r.ReceivedAt == 0 {
			t.Errorf("record %d = %+v, want %+v", r.Seq, r, want)
		}
	}
	asOf := w.twin.asOf(&q)
	if !slices.Equal(got, seqs) || page.More != more || page.Total != total || page.Seq != asOf {
		t.Fatalf("Query(%s)\n got %v, more %v, total %d, seq %d\nwant %v, more %v, total %d, seq %d",
			show(q), got, page.More, page.Total, page.Seq, seqs, more, total, asOf)
	}
	if q.SkipTotal = true; q.Limit > 0 {
		if page := n.query(q); len(page.Records) != len(seqs) || page.More != more {
			t.Fatalf("Query(%s) has %d records without its total, %d with it", show(q), len(page.Records), len(seqs))
		}
	}
	stats, _, err := n.Stats(t.Context(), q)
	if want := w.twin.stats(&q); stats != want || err != nil {
		t.Fatalf("Stats(%s) = %+v, %v; want %+v", show(q), stats, err, want)
	}
}

func show(q index.Query) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v", q)
	for name, p := range map[string]*int64{"since": q.Since, "until": q.Until} {
		if p != nil {
			fmt.Fprintf(&b, " %s %d", name, *p)
		}
	}
	if q.UpTo != nil {
		fmt.Fprintf(&b, " up to %d", *q.UpTo)
	}
	if q.After != nil {
		fmt.Fprintf(&b, " after %+v", *q.After)
	}
	return b.String()
}

// The index gives the answers of a slow and obvious twin: while it grows, over
// segments in memory and in the database, after restarts, with a log that is durable
// at once, late or never, and with a cache that holds nothing.
func TestIndexAgreesWithTwin(t *testing.T) {
	tests := []struct {
		name      string
		segment   int
		late      int64
		cache     int64
		persisted func(head uint64) uint64
		sealed    bool
	}{
		{"times in order", 100, 1, 0, always, true},
		{"times a little out of order", 100, 20, 0, always, true},
		{"times in any order", 64, 2000, 0, always, true},
		{"no room for parts", 100, 20, 1, always, true},
		{"a log that is durable late", 100, 20, 0, func(head uint64) uint64 { return max(head, 700) - 700 + 1 }, true},
		{"a log that is never durable", 100, 20, 0, func(uint64) uint64 { return 1 }, false},
		{"segments longer than a chunk", 1500, 200, 0, always, true},
		{"segments shorter than a block", 25, 20, 0, always, true},
	}
	queries := 150
	if testing.Short() {
		queries = 50
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seed := uint64(i) + 1
			t.Logf("seed %d", seed)
			w := &world{rng: rand.New(rand.NewPCG(seed, 1)), now: 1000, late: tt.late}
			log := newMemLog()
			opts := index.Options{CacheBytes: tt.cache}
			opts.SetSegmentEvents(tt.segment)
			n := startNode(t, log, t.TempDir(), opts)
			for round := range 4 {
				w.grow(t, log, 1+w.rng.IntN(1200), tt.persisted)
				if round%2 == 1 {
					n = n.restart()
				}
				for range queries {
					w.compare(t, n, w.query())
				}
			}
			if got := n.SealedSegments() > 0; got != tt.sealed {
				t.Errorf("segments in the database: %v, want %v", got, tt.sealed)
			}
		})
	}
}

// Following the pages of a query visits every match once, in order, however the
// caller pages.
func TestPagesNeitherOverlapNorLeaveGaps(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(1, 2)), now: 1000, late: 50}
	log := newMemLog()
	var opts index.Options
	opts.SetSegmentEvents(128)
	n := startNode(t, log, t.TempDir(), opts)
	w.grow(t, log, 3000, always)
	for _, base := range []index.Query{
		{Project: "p"},
		{Project: "p", Ascending: true},
		{Project: "p", BySeq: true},
		{Project: "p", BySeq: true, Ascending: true},
		{Project: "other", All: [][]index.Term{{{index.User, "u1"}, {index.Organization, "u2"}}}},
		{Project: "p", Types: []eventlog.Type{"user.banned"}, Ascending: true},
		{Project: "p", Match: func(r *eventlog.Record) bool { return strings.Contains(string(r.Metadata), "3") }},
	} {
		base.Limit = len(w.twin)
		want, _, _ := w.twin.query(&base)
		for _, byOffset := range []bool{false, true} {
			q := base
			q.Limit = 37
			var got []uint64
			for range len(w.twin) {
				page := n.query(q)
				for _, r := range page.Records {
					got = append(got, r.Seq)
				}
				if !page.More {
					break
				}
				if byOffset {
					q.Offset += q.Limit
				} else {
					last := page.Records[len(page.Records)-1]
					q.After = &index.Place{Time: last.Time, Seq: last.Seq}
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %s (by offset: %v) hold %d events, want %d", show(base), byOffset, len(got), len(want))
			}
		}
	}
}
