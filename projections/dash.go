package projections

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"dashd/eventlog"
	"dashd/internal/cow"
)

// Dash is the projection behind the dashboard: users, accounts, sessions,
// organizations with their members, teams and invitations, SSO providers, directories,
// log drains and second factors, of all projects.
//
// Readers take Image from any goroutine. Apply and Publish belong to one goroutine, that of
// the follower.
type Dash struct {
	image atomic.Pointer[DashImage]

	// Only the follower's goroutine:
	projects map[string]*project
	touched  []*project         // those that were changed since the last Publish
	numbers  map[string]int     // those in shown; images have this very map: it never changes
	shown    cow.Array[*Tables] // frozen, by number
	fact     fact               // used again for each event
}

// project is what is being built of a project.
type project struct {
	id      string
	tables  Tables
	touched bool
	number  int // in shown; -1 before the first Publish
}

// NewDash returns the projection of an empty log.
func NewDash() *Dash {
	d := &Dash{projects: map[string]*project{}}
	d.image.Store(&DashImage{})
	return d
}

// building are the tables of a project, to be changed before the next Publish.
func (d *Dash) building(id string) *Tables {
	p := d.project(id)
	d.touch(p)
	return &p.tables
}

// project finds a project, or begins one.
func (d *Dash) project(id string) *project {
	p := d.projects[id]
	if p == nil {
		id = strings.Clone(id)
		p = &project{id: id, number: -1}
		d.projects[id] = p
	}
	return p
}

// touch is called before a project is changed.
func (d *Dash) touch(p *project) {
	if !p.touched {
		p.touched = true
		d.touched = append(d.touched, p)
	}
}

// Name is "dash".
func (d *Dash) Name() string { return "dash" }

// Version is that of what the folds mean.
func (d *Dash) Version() int { return 2 }

// Apply folds one event into what is being built.
func (d *Dash) Apply(rec *eventlog.Record) {
	if d.applyRule(rec, nil) {
		d.attend(rec)
	}
}

// applyRule folds one event by the rule of its type, if there is one. It reports whether the
// event may be activity of somebody: dashd's own are not, and all types that its commands
// send to a project have rules. meta is what was read of the event's metadata; nil if that was
// not.
func (d *Dash) applyRule(rec *eventlog.Record, meta *object) bool {
	if rec.Status == eventlog.Failed || rec.Project == eventlog.ReservedProject {
		return false
	}
	r, ok := rules[rec.Type]
	if !ok {
		return true
	}
	d.fact.reset(rec, r.copies, meta)
	ours := d.fact.ours()
	if ours || !r.ours {
		d.building(rec.Project).apply(&r, &d.fact)
	}
	return !ours
}

// Publish makes what was folded so far, up to seq, the image that readers see. It costs
// as much as was changed, whatever there is.
func (d *Dash) Publish(seq uint64) {
	if slices.ContainsFunc(d.touched, func(p *project) bool { return p.number < 0 }) {
		d.numbers = maps.Clone(d.numbers)
		if d.numbers == nil {
			d.numbers = map[string]int{}
		}
	}
	for _, p := range d.touched {
		if p.number < 0 {
			p.number = d.shown.Append(nil)
			d.numbers[p.id] = p.number
		}
		*d.shown.Edit(p.number) = p.tables.freeze()
		p.touched = false
	}
	clear(d.touched)
	d.touched = d.touched[:0]
	d.image.Store(&DashImage{seq: seq, numbers: d.numbers, tables: d.shown.Freeze()})
}

// Image is the last published image.
func (d *Dash) Image() *DashImage { return d.image.Load() }

// DashImage is the state of [Dash] as of one seq. It is immutable.
type DashImage struct {
	seq     uint64
	numbers map[string]int // of projects
	tables  cow.Array[*Tables]
}

// Seq is the last event the image holds.
func (m *DashImage) Seq() uint64 { return m.seq }

// Projects are the projects that something has been folded for, in the order of their
// ids, with their tables.
func (m *DashImage) Projects() iter.Seq2[string, *Tables] {
	return func(yield func(string, *Tables) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.numbers)) {
			if !yield(id, m.Tables(id)) {
				return
			}
		}
	}
}

// noTables are those of a project that nothing has been folded for.
var noTables = new(Tables)

// Tables are those of a project: empty ones if nothing has been folded for it.
func (m *DashImage) Tables(project string) *Tables {
	if n, ok := m.numbers[project]; ok {
		return *m.tables.At(n)
	}
	return noTables
}
