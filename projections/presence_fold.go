package projections

import (
	"bytes"
	"slices"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// What counts as activity, and of whom: an event that succeeded, and that is neither about
// dashd nor of one of its commands, is activity of whoever did it. If it names an actor
// other than its user, that is he, if he is a known user by then. If it names none, it is
// its user, unless the type says that others do such things to him. Sign-ins that failed
// are nobody's.

// countsFor says whose activity events of a type are, if they name no actor.
type countsFor uint8

const (
	countsForNobody countsFor = iota // also if they name one
	countsForActor                   // only if they name one
	countsForUser
)

func countsOf(t eventlog.Type) countsFor {
	switch t {
	case eventlog.LoginFailed:
		return countsForNobody
	case eventlog.UserBanned, eventlog.UserUnbanned, eventlog.UserImpersonated, eventlog.UserImpersonationStopped:
		return countsForActor
	}
	if t.Reserved() { // nobody but dashd can send them
		return countsForNobody
	}
	if t.Category() == "security" { // what was found out about a user
		return countsForActor
	}
	return countsForUser
}

// attend notes whose activity an event is. It must have succeeded, and be neither about dashd
// nor of one of its commands.
func (d *Dash) attend(rec *eventlog.Record) {
	counts := countsOf(rec.Type)
	if counts == countsForNobody {
		return
	}
	ord, ok := uint32(0), false
	if rec.ActorID != "" && rec.ActorID != rec.UserID {
		if p := d.projects[rec.Project]; p != nil {
			ord, ok = p.tables.knownUser(rec.ActorID)
		}
	} else if counts == countsForUser && validRef(rec.UserID) {
		ord, ok = d.building(rec.Project).userRowOf(rec.UserID), true
	}
	if ok {
		t := d.building(rec.Project)
		t.note(ord, t.presence.kinds.symbol(string(rec.Type)), boundedTime(rec.Time), dayOf(boundedTime(rec.ReceivedAt)))
	}
}

// rollCall is attend for the events of a block, by their columns. It remembers what the dictionary
// of a group means in the project in work: rows of users keep their ordinals.
type rollCall struct {
	dash     *Dash
	only     string        // if not empty: the one project whose events count
	received int32         // the day on which they were
	groups   []block.Group // those that were not begun
	next     int           // offset of the next event in the block

	group *block.Group // in work; nil: none yet
	types []typeCall   // by reference to its dictionary
	users []userCall   // likewise

	project int      // reference; -1: none yet
	turn    uint64   // counts how often another project's events came
	ignored bool     // its events do not count
	folded  *project // nil: nothing of it was folded so far
}

// typeCall is what a type means for activity. Projects have their own symbols.
type typeCall struct {
	asked  bool // counts was found out
	counts countsFor
	kind   symbol
	turn   uint64 // in which kind was
}

// userCall is the row of a user.
type userCall struct {
	ord  uint32
	turn uint64 // in which it was found out
}

// open begins with event next of a block.
func (c *rollCall) open(d *Dash, only string, b *block.Block, next int) {
	c.dash, c.only, c.received = d, only, dayOf(boundedTime(b.ReceivedAt))
	c.groups, c.group, c.next = b.Groups(), nil, next
}

// close gives the block up.
func (c *rollCall) close() { c.groups, c.group = nil, nil }

// until notes whose activity the events are that come next, up to but without one at an
// offset. They must not be of dashd's commands, but if their type says so.
func (c *rollCall) until(end int) {
	for ; c.next < end; c.next++ {
		for c.group == nil || c.next >= c.group.First()+c.group.Len() {
			c.begin(&c.groups[0])
			c.groups = c.groups[1:]
		}
		c.row(c.next - c.group.First())
	}
}

// begin is called before the events of a group.
func (c *rollCall) begin(g *block.Group) {
	c.group, c.project = g, -1
	n := g.DictLen()
	c.types = slices.Grow(c.types[:0], n)[:n]
	c.users = slices.Grow(c.users[:0], n)[:n]
	clear(c.types)
}

// enter makes a project the one in work. What is remembered of the one before has no meaning then.
func (c *rollCall) enter(ref uint16) {
	id := c.group.Dict(ref)
	c.project, c.turn = int(ref), c.turn+1
	c.ignored = string(id) == eventlog.ReservedProject || c.only != "" && string(id) != c.only
	c.folded = c.dash.projects[string(id)]
}

// row notes whose activity event i of the group is.
func (c *rollCall) row(i int) {
	g := c.group
	if g.Status(i) == eventlog.Failed {
		return
	}
	if ref := g.Ref(block.ColProject, i); int(ref) != c.project {
		c.enter(ref)
	}
	if c.ignored {
		return
	}
	ref := g.Ref(block.ColType, i)
	t := &c.types[ref]
	if !t.asked {
		t.asked, t.counts = true, countsOf(eventlog.Type(g.Dict(ref)))
	}
	ord, ok := c.whose(t.counts, g.Ref(block.ColUser, i), g.Ref(block.ColActor, i))
	if !ok {
		return
	}
	c.dash.touch(c.folded)
	p := &c.folded.tables.presence
	if t.turn != c.turn {
		t.kind, t.turn = p.kinds.symbol(string(g.Dict(ref))), c.turn
	}
	p.note(ord, t.kind, boundedTime(g.Time(i)), c.received)
}

// whose finds the one whose activity an event is, by references to user and actor.
func (c *rollCall) whose(counts countsFor, user, actor uint16) (ord uint32, ok bool) {
	g := c.group
	switch {
	case counts == countsForNobody:
		return 0, false
	case actor != 0 && actor != user && !bytes.Equal(g.Dict(actor), g.Dict(user)):
		if c.folded == nil {
			c.folded = c.dash.projects[string(g.Dict(uint16(c.project)))]
		}
		if c.folded == nil {
			return 0, false
		}
		return c.folded.tables.knownUser(string(g.Dict(actor)))
	case counts != countsForUser:
		return 0, false
	}
	if had := c.users[user]; had.turn == c.turn {
		return had.ord, true
	}
	id := string(g.Dict(user))
	if !validRef(id) {
		return 0, false
	}
	if c.folded == nil {
		c.folded = c.dash.project(string(g.Dict(uint16(c.project))))
	}
	ord = c.folded.tables.userRowOf(id)
	c.users[user] = userCall{ord, c.turn}
	return ord, true
}
