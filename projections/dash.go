package projections

import (
	"iter"
	"maps"
	"sync/atomic"

	"dashd/eventlog"
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
	tables  map[string]*Tables // what is being built, by project
	touched map[string]*Tables // those that were changed since the last Publish
	fact    fact               // used again for each event
}

// NewDash returns the projection of an empty log.
func NewDash() *Dash {
	d := &Dash{tables: map[string]*Tables{}, touched: map[string]*Tables{}}
	d.image.Store(&DashImage{})
	return d
}

// Name is "dash".
func (d *Dash) Name() string { return "dash" }

// Version is that of what the folds mean.
func (d *Dash) Version() int { return 1 }

// Apply folds one event into what is being built.
func (d *Dash) Apply(rec *eventlog.Record) {
	r, ok := rules[rec.Type]
	if !ok || rec.Status == eventlog.Failed || rec.Project == eventlog.ReservedProject {
		return
	}
	d.fact.reset(rec)
	if r.ours && !d.fact.ours() {
		return
	}
	t := d.tables[rec.Project]
	if t == nil {
		t = new(Tables)
		d.tables[rec.Project] = t
	}
	d.touched[rec.Project] = t
	t.apply(&r, &d.fact)
}

// Publish makes what was folded so far, up to seq, the image that readers see.
func (d *Dash) Publish(seq uint64) {
	published := d.Image().tables
	if len(d.touched) > 0 {
		published = maps.Clone(published)
		if published == nil {
			published = map[string]*Tables{}
		}
		for project, t := range d.touched {
			published[project] = t.freeze()
		}
		clear(d.touched)
	}
	d.image.Store(&DashImage{seq: seq, tables: published})
}

// Image is the last published image.
func (d *Dash) Image() *DashImage { return d.image.Load() }

// DashImage is the state of [Dash] as of one seq. It is immutable.
type DashImage struct {
	seq    uint64
	tables map[string]*Tables // by project
}

// Seq is the last event the image holds.
func (m *DashImage) Seq() uint64 { return m.seq }

// Projects are the projects that something has been folded for, with their tables, in no order.
func (m *DashImage) Projects() iter.Seq2[string, *Tables] { return maps.All(m.tables) }

// noTables are those of a project that nothing has been folded for.
var noTables = new(Tables)

// Tables are those of a project: empty ones if nothing has been folded for it.
func (m *DashImage) Tables(project string) *Tables {
	if t, ok := m.tables[project]; ok {
		return t
	}
	return noTables
}
