package simulation_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"dashd/eventlog"
	"dashd/internal/findings"
)

// ledger is what clients have sent and what they were told. Any goroutine may use it.
type ledger struct {
	s       *simulation
	moments atomic.Int64 // orders what happens, also at one instant of virtual time

	mu     sync.Mutex
	events map[string]*sent // by name
	names  []string         // of those with an id
	// contents are those of events that do not follow from their names.
	contents  map[string]event
	acks      []ack          // in order of time
	tokens    map[string]int // one-time tokens: how often each was said to be good
	history   []porcupine.Operation
	registers []string  // users, whom it is about
	commands  []command // that are in the log
	lastAck   time.Time
	gap       time.Duration // the longest time without an acknowledgement
	resumed   time.Duration // until a write was taken after the faults had ended
	faults    map[string]int
	counts    counts
}

// counts are what the simulation reports.
type counts struct {
	findings.Found
	Operations, Reads, Tokens int
}

// sent is an event that a client has sent.
type sent struct {
	given  bool   // it was sent with an id
	asked  int    // requests it was in
	acked  bool   // some answer says that it is durable
	seq    uint64 // where, if an answer says so
	stored int    // how often it is in the log
}

// command is an event that dashd itself has written, about a user.
type command struct{ user, event string }

// ack is a moment at which everything up to seq had been acknowledged.
type ack struct {
	moment int64
	at     time.Time
	seq    uint64
}

// begin makes the ledger one of a cluster that has just been formed.
func (l *ledger) begin(s *simulation) {
	l.s, l.events, l.tokens, l.faults, l.lastAck = s, map[string]*sent{}, map[string]int{}, map[string]int{}, time.Now()
	l.contents = map[string]event{}
}

func (l *ledger) moment() int64 { return l.moments.Add(1) }

// sending notes that events are sent. It says of each whether it was acknowledged before.
func (l *ledger) sending(given bool, names ...string) (before []bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		e := l.events[name]
		if e == nil {
			e = &sent{given: given}
			l.events[name] = e
			if given {
				l.names = append(l.names, name)
			}
		}
		e.asked++
		before = append(before, e.acked)
	}
	return before
}

// took notes that an event is acknowledged, at seq if the answer says so (else 0). before is what
// sending returned.
func (l *ledger) took(name string, seq uint64, duplicate, before bool) {
	moment := l.moment()
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.events[name]
	now := time.Now()
	if !e.acked {
		l.counts.Acknowledged++
	}
	l.gap = max(l.gap, now.Sub(l.lastAck))
	l.lastAck = now
	e.acked = true
	if seq == 0 {
		return
	}
	switch {
	case e.seq != 0 && e.seq != seq:
		l.counts.Duplicated++
		l.s.problem("%s was at seq %d and is acknowledged at %d", name, e.seq, seq)
	case before && !duplicate:
		l.counts.Duplicated++
		l.s.problem("%s was acknowledged, and its repeat is acknowledged as new at seq %d", name, seq)
	}
	e.seq = seq
	if n := len(l.acks); n > 0 {
		seq = max(seq, l.acks[n-1].seq)
	}
	l.acks = append(l.acks, ack{moment, now, seq})
}

// known returns an event that was sent with an id.
func (l *ledger) known(rng *rand.Rand) (name string, acked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.names) == 0 {
		return "", false
	}
	name = l.names[rng.IntN(len(l.names))]
	return name, l.events[name].acked
}

// ackedBy is a seq up to which everything had been acknowledged before a moment.
func (l *ledger) ackedBy(moment int64) uint64 {
	return l.ackedBefore(func(a ack) bool { return a.moment >= moment })
}

// ackedAt is a seq up to which everything had been acknowledged before a time.
func (l *ledger) ackedAt(at time.Time) uint64 {
	return l.ackedBefore(func(a ack) bool { return !a.at.Before(at) })
}

func (l *ledger) ackedBefore(late func(ack) bool) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := slices.BinarySearchFunc(l.acks, struct{}{}, func(a ack, _ struct{}) int {
		if late(a) {
			return 1
		}
		return -1
	})
	if i == 0 {
		return 0
	}
	return l.acks[i-1].seq
}

// good notes that a one-time token was said to be good.
func (l *ledger) good(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Tokens++
	if l.tokens[token]++; l.tokens[token] > 1 {
		l.counts.Wrong++
		l.s.problem("the one-time token %s was good %d times", token, l.tokens[token])
	}
}

func (l *ledger) wrong(format string, args ...any) {
	l.mu.Lock()
	l.counts.Wrong++
	l.mu.Unlock()
	l.s.problem(format, args...)
}

// event is what a client sends. All of it follows from its name, which stands in its metadata.
type event struct {
	name, kind, user, session, metadata string
	time                                time.Time
}

var kinds = []string{"user.logged_in", "user.joined", "user.updated", "organization.created", "member.added", "session.revoked", "shop.basket_paid"}

func makeEvent(name string) event {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	pad := rng.IntN(300)
	if rng.IntN(50) == 0 {
		pad = rng.IntN(20_000)
	}
	return event{
		name: name, kind: kinds[rng.IntN(len(kinds))],
		time: time.UnixMilli(900_000_000_000 + rng.Int64N(40*24*3600*1000)).UTC(),
		user: fmt.Sprintf("u%d", rng.IntN(50)), session: fmt.Sprintf("s%d", rng.IntN(200)),
		metadata: fmt.Sprintf(`{"n":%q,"pad":"%s"}`, name, strings.Repeat("ab1 ", pad/4)),
	}
}

// json is the event as it is sent. Without an id two that are sent are two events.
func (e *event) json(given bool) string {
	id := ""
	if given {
		id = fmt.Sprintf(`"id":%q,`, e.name)
	}
	return fmt.Sprintf(`{%s"type":%q,"timestamp":%q,"userId":%q,"sessionId":%q,"metadata":%s}`,
		id, e.kind, e.time.Format("2006-01-02T15:04:05.000Z"), e.user, e.session, e.metadata)
}

// differs says where a stored event is not what was sent, "" if nowhere.
func (e *event) differs(r *eventlog.Record, given bool) string {
	for _, f := range []struct{ name, got, want string }{
		{"project", r.Project, "default"},
		{"type", string(r.Type), e.kind},
		{"timestamp", time.UnixMilli(r.Time).UTC().String(), e.time.String()},
		{"userId", r.UserID, e.user},
		{"sessionId", r.SessionID, e.session},
		{"metadata", string(r.Metadata), e.metadata},
	} {
		if f.got != f.want {
			return fmt.Sprintf("%s is %q, sent was %q", f.name, f.got, f.want)
		}
	}
	if given && r.ID != e.name {
		return fmt.Sprintf("its id is %q", r.ID)
	}
	return ""
}

// nameOf is the name that stands in an event's metadata, "" if none does.
func nameOf(metadata []byte) string {
	rest, ok := strings.CutPrefix(string(metadata[:min(len(metadata), 64)]), `{"n":"`)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, `"`)
	return name
}
