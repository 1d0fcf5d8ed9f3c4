package projections

import (
	"context"

	"dashd/eventlog"
)

// Dash is the projection behind the dashboard: users, accounts, sessions,
// organizations with their members, teams and invitations, SSO providers, directories,
// log drains and second factors, of all projects.
//
// Readers take Image from any goroutine. Apply and Publish belong to one goroutine, that of
// the follower.
type Dash struct{}

func NewDash() *Dash { panic("skeleton") }

// Name is "dash".
func (d *Dash) Name() string { return "dash" }

// Version is that of what the folds mean.
func (d *Dash) Version() int { return 1 }

// Apply folds one event into what is being built.
func (d *Dash) Apply(rec *eventlog.Record) { panic("skeleton") }

// Publish makes what was folded so far, up to seq, the image that readers see.
func (d *Dash) Publish(seq uint64) { panic("skeleton") }

// Image is the last published image.
func (d *Dash) Image() *DashImage { panic("skeleton") }

// DashImage is the state of [Dash] as of one seq. It is immutable.
type DashImage struct {
	seq    uint64
	tables map[string]*Tables // by project
}

// Seq is the last event the image holds.
func (m *DashImage) Seq() uint64 { return m.seq }

// Tables are those of a project: empty ones if nothing has been folded for it.
func (m *DashImage) Tables(project string) *Tables { panic("skeleton") }

// DashFollower feeds [Dash] from the log, from a checkpoint on.
type DashFollower struct{}

func (f *DashFollower) Run(ctx context.Context) error              { panic("skeleton") }
func (f *DashFollower) Image() *DashImage                          { panic("skeleton") }
func (f *DashFollower) Seq() uint64                                { panic("skeleton") }
func (f *DashFollower) Wait(ctx context.Context, seq uint64) error { panic("skeleton") }
