package genevents

import (
	"math"
	"math/rand/v2"

	"dashd/eventlog"
)

// HistoryDays is how many days a history is long: 26 weeks.
const HistoryDays = 182

// A History makes the events of an application's first half year: sign-ups that grow
// fourfold and follow the hours of the day and the days of the week, a tenth as many users as events,
// who come back the less the longer they have been there, a few of them much more often than others.
// They sign in from 249 countries and some 5,000 cities, fail to, sign out, change their profiles, join
// organizations, delete their accounts. A few accounts belong to programs, which sign in all the time.
// One visit in two hundred is told of late, by up to three days.
//
// The events are the same for the same seed, number and end. It is not safe for concurrent use.
type History struct {
	seed    uint64
	rng     *rand.Rand
	rhythm  *rhythm
	world   *world
	visitor []visitor // users by number, in the order in which they join
	users   int       // that join
	orgs    []bool    // by number: whether it was founded

	total, made int
	queue       []eventlog.Event
	late        int64 // by how much the visit in work is told of late
	today       int   // the day for which cohorts were weighed
	weighed     []float64
}

// visitor is what is remembered of a user; the rest follows from his number.
type visitor struct {
	sessions uint32 // that he has begun
	city     uint16 // in world.cities, at home
	agent    uint8
	flags    uint8
}

const (
	signedIn    uint8 = 1 << iota // in his newest session
	gone                          // he has deleted his account
	memberOfOrg                   // of the organization that is his
)

// NewHistory returns a history of so many events, at least one, of which the last is received
// at end, in ms.
func NewHistory(seed uint64, events int, end int64) *History {
	events = max(events, 1)
	users := max(events/eventsPerUser, 1)
	return &History{
		seed:    seed,
		rng:     rand.New(rand.NewPCG(seed, 0x686973746f7279)),
		rhythm:  newRhythm(events, users, end),
		world:   theWorld(),
		visitor: make([]visitor, 0, users),
		users:   users,
		orgs:    make([]bool, users/usersPerOrg+1),
		total:   events,
		queue:   make([]eventlog.Event, 0, 8),
		today:   -1,
	}
}

const (
	eventsPerUser = 10
	usersPerOrg   = 200
	// usersPerProgram is how many users there are for each account that belongs to a program.
	usersPerProgram = 150_000
)

// Next returns the next event and when it is received, which never runs backwards; false behind
// the last.
func (h *History) Next() (e eventlog.Event, received int64, ok bool) {
	if h.made == h.total {
		return e, 0, false
	}
	if len(h.queue) == 0 {
		h.visit()
	}
	e = h.queue[0]
	h.queue = h.queue[1:]
	h.made++
	received = h.rhythm.at(h.made)
	if e.Time = received - h.late; h.late > 0 {
		e.GivenTime = true
	}
	return e, received, true
}

// visit queues what the next visitor does.
func (h *History) visit() {
	h.queue, h.late = h.queue[:0], 0
	now := h.rhythm.at(h.made + 1)
	if joined := h.rhythm.joined(now); len(h.visitor) < min(joined, h.users) || len(h.visitor) == 0 {
		h.join()
		return
	}
	if h.rng.IntN(200) == 0 {
		h.late = 1 + int64(math.Pow(h.rng.Float64(), 3)*3*msPerDay) // most are a little late
	}
	h.comeBack(now)
}

// comeBack lets one of those who have joined do something.
func (h *History) comeBack(now int64) {
	roll := h.rng.IntN(doings)
	for _, d := range history {
		if roll -= d.weight; roll >= 0 {
			continue
		}
		for range 8 {
			n := h.someone(now, d.weight == signIns)
			if h.visitor[n].flags&gone == 0 {
				d.do(h, n)
				return
			}
		}
		break
	}
	h.failToSignIn(0) // nearly all are gone: the program is still there
}

// programs is how many accounts belong to programs: the first.
func (h *History) programs() int { return 1 + h.users/usersPerProgram }

// someone picks a user: his cohort, the day on which he joined, by its size and its age; and of the
// cohort, those at its beginning more often. One sign-in in ten is a program's.
func (h *History) someone(now int64, signIn bool) int {
	if signIn && h.rng.IntN(10) == 0 {
		return min(h.rng.IntN(h.programs()), len(h.visitor)-1)
	}
	day := h.rhythm.day(now - h.late)
	if day != h.today {
		h.today, h.weighed = day, h.rhythm.weigh(day, h.weighed)
	}
	cohort := search(h.weighed, h.rng.Float64()*h.weighed[len(h.weighed)-1])
	first, end := h.rhythm.cohort(cohort)
	end = min(end, len(h.visitor))
	if first >= end {
		return h.rng.IntN(len(h.visitor))
	}
	r := h.rng.Float64()
	return first + int(r*r*float64(end-first))
}

// search returns the first position whose sum is greater than x, of sums that rise.
func search(sums []float64, x float64) int {
	low, high := 0, len(sums)-1
	for low < high {
		if middle := (low + high) / 2; sums[middle] > x {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// Present lists up to n of the users who are there now, evenly over the order in which they
// joined. Programs are left out.
func (h *History) Present(n int) []string {
	var ids []string
	first := min(h.programs(), len(h.visitor))
	for i := range n {
		at := first + (len(h.visitor)-first)*i/n
		if at < len(h.visitor) && h.visitor[at].flags&gone == 0 {
			ids = append(ids, h.userID(at))
		}
	}
	return ids
}

// Programs lists the users who are programs.
func (h *History) Programs() []string {
	var ids []string
	for i := range min(h.programs(), len(h.visitor)) {
		ids = append(ids, h.userID(i))
	}
	return ids
}

// Organizations lists up to n of those that were founded.
func (h *History) Organizations(n int) []string {
	var ids []string
	for i, founded := range h.orgs {
		if founded && len(ids) < n {
			ids = append(ids, h.orgID(i))
		}
	}
	return ids
}
