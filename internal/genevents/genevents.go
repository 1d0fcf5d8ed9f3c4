// Package genevents makes the events that tests and benchmarks share: believable
// ones, the same for the same seed on every machine and in every run.
//
// They look like what one application with the dash plugin sends after it has
// passed [eventlog.Event.Check]: users who join once and then return by a power law,
// sessions, a few organizations with members, failed sign-ins, bans; metadata with
// the plugin's keys; twenty user agents; times that rise with jitter, and one event in a
// hundred that arrives late.
//
// Start reading at [Source].
package genevents

import (
	"math/rand/v2"
	"strings"

	"dashd/eventlog"
)

// Start is the time of the first event, in ms: 1 January 2026, UTC.
const Start = 1_767_225_600_000

// Events returns the first n events of New(seed, n/10).
func Events(seed uint64, n int) []eventlog.Event {
	s := New(seed, n/10)
	events := make([]eventlog.Event, n)
	for i := range events {
		events[i] = s.Next()
	}
	return events
}

// Records returns Events(seed, n) as a log: seq from 1, each received 20 ms after it happened or,
// if it is late, when the one before it was.
func Records(seed uint64, n int) []eventlog.Record {
	records := make([]eventlog.Record, n)
	received := int64(0)
	for i, e := range Events(seed, n) {
		received = max(received, e.Time+20)
		records[i] = eventlog.Record{Seq: uint64(i) + 1, ReceivedAt: received, Event: e}
	}
	return records
}

// A Source makes one event after the other. It is not safe for concurrent use.
type Source struct {
	// Project is the project of the events: "default" unless changed.
	Project string
	// GivenIDs makes all events say that their producer chose id and time, as an
	// import or the studio does.
	GivenIDs bool

	visits int // of all people in turn that come first
	rng    *rand.Rand
	zipf   *rand.Zipf
	people []person
	orgs   []org
	now    int64
	queue  []eventlog.Event // made together, not yet returned
}

// New returns a source whose events are about the given number of users, at least one.
func New(seed uint64, users int) *Source {
	users = max(users, 1)
	rng := rand.New(rand.NewPCG(seed, 0x6461736864))
	return &Source{
		Project: "default",
		rng:     rng,
		zipf:    rand.NewZipf(rng, 1.1, 10, uint64(users-1)),
		people:  make([]person, users),
		orgs:    make([]org, users/50+1),
		now:     Start,
	}
}

// NewCrowd returns a source that brings all its users first: each joins and signs in, in turn, and each
// then signs in again until he has so many sessions, at least one. What follows is as in New.
func NewCrowd(seed uint64, users, sessions int) *Source {
	s := New(seed, users)
	s.visits = len(s.people) * max(sessions, 1)
	return s
}

// CrowdEvents is the number of events with which a crowd of so many users arrives.
func CrowdEvents(users, sessions int) int {
	return max(users, 1) * (2 + 2*max(sessions, 1))
}

// Next returns the next event.
func (s *Source) Next() eventlog.Event {
	if len(s.queue) == 0 {
		s.act()
	}
	e := s.queue[0]
	s.queue = s.queue[1:]
	return e
}

// act queues what one person does next.
func (s *Source) act() {
	s.queue = s.queue[:0]
	if s.visits > 0 {
		s.visits--
		if p := &s.people[len(s.people)-1-s.visits%len(s.people)]; p.id != "" {
			s.signIn(p)
		} else {
			s.join(p)
		}
		return
	}
	p := &s.people[s.zipf.Uint64()]
	if p.id == "" {
		s.join(p)
		return
	}
	roll := s.rng.IntN(1000)
	for _, k := range kinds {
		if roll < k.perMille {
			k.make(s, p)
			return
		}
		roll -= k.perMille
	}
	s.signIn(p)
}

// emit completes e, which is about p, and queues it.
func (s *Source) emit(p *person, e eventlog.Event) {
	s.now += s.rng.Int64N(60)
	e.Time = s.now
	e.Project = s.Project
	e.Origin.Vocabulary = eventlog.VocabularyDash
	if e.Key == "" {
		e.Key = e.UserID
	}
	e.IPAddress = p.ip
	e.UserAgent = p.agent
	place := places[p.place]
	e.CountryCode, e.Country, e.City = place.code, place.country, place.city
	if s.rng.IntN(100) == 0 {
		e.Source = eventlog.SourceAPI
	}
	if s.rng.IntN(100) == 0 {
		e.Time -= s.rng.Int64N(5000)
		e.GivenTime = true
	}
	e.ID = s.uuid(s.now)
	if s.GivenIDs {
		e.GivenID, e.GivenTime = true, true
	}
	for i := range e.Salt {
		e.Salt[i] = byte(s.rng.Uint32())
	}
	s.queue = append(s.queue, e)
}

const (
	hexDigits = "0123456789abcdef"
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// uuid is a version 7 UUID of the time ms.
func (s *Source) uuid(ms int64) string {
	hi := uint64(ms)<<16 | 0x7000 | s.rng.Uint64()&0xfff
	lo := s.rng.Uint64()&^(3<<62) | 2<<62
	var b [36]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b[at] = '-'
			at++
		}
		half := hi
		if i >= 16 {
			half = lo
		}
		b[at] = hexDigits[half>>(60-4*(i%16))&15]
		at++
	}
	return string(b[:])
}

// id is an id as Better Auth makes them.
func (s *Source) id() string {
	var b strings.Builder
	for range 32 {
		b.WriteByte(alphabet[s.rng.IntN(len(alphabet))])
	}
	return b.String()
}
