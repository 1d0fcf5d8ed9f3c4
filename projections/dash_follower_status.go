package projections

import (
	"sync/atomic"
	"time"

	"dashd/internal/errs"
)

// DashStatus is how the dash projection is.
type DashStatus struct {
	Version int    `json:"version"` // of the folds
	Seq     uint64 `json:"seq"`     // the last event readers see
	Lag     uint64 `json:"lag"`     // events of the log that they do not see yet
	Ready   bool   `json:"ready"`   // whether it is read: see DashFollower.Ready
	// Checkpoint is the newest; nil if there is none.
	Checkpoint *Checkpoint `json:"checkpoint"`
	// Folding is nil when there is nothing to catch up with: set until Ready, and while
	// the log is folded anew behind rows that serve.
	Folding *Folding `json:"folding"`
	// Rebuilt is the last rebuild of this process that is done; nil if there is none.
	Rebuilt *Rebuilt `json:"rebuilt"`
}

// Checkpoint is a state of a projection that is kept on disk.
type Checkpoint struct {
	Generation uint64    `json:"generation"`
	Seq        uint64    `json:"seq"`
	Bytes      int64     `json:"bytes"` // of all it refers to, compressed
	At         time.Time `json:"at"`
}

func checkpointOf(s *saved) *Checkpoint {
	m := &s.manifest
	return &Checkpoint{Generation: s.generation, Seq: m.seq, Bytes: m.bytes(), At: time.UnixMilli(m.written).UTC()}
}

// Folding is how far a fold of the log has come.
type Folding struct {
	Seq             uint64  `json:"seq"`
	Head            uint64  `json:"head"`
	EventsPerSecond float64 `json:"eventsPerSecond"`
	// Anew says that the log is folded from its beginning while other rows serve: those of an
	// older version, or those that a rebuild is to replace.
	Anew bool `json:"anew"`
}

// progress is how far a fold has come, for those who watch it.
type progress struct {
	from, seq atomic.Uint64
	since     atomic.Int64 // ns
}

func (p *progress) begin(seq uint64) {
	p.from.Store(seq)
	p.seq.Store(seq)
	p.since.Store(time.Now().UnixNano())
}

func (p *progress) folding(head uint64) *Folding {
	f := &Folding{Seq: p.seq.Load(), Head: head}
	if since := p.since.Load(); since > 0 {
		took := time.Since(time.Unix(0, since)).Seconds()
		f.EventsPerSecond = float64(f.Seq-p.from.Load()) / max(took, 1e-3)
	}
	return f
}

// Status is how the projection is now.
func (f *DashFollower) Status() DashStatus {
	seq := f.Seq() // before the head, which it never passes
	head := f.log.Head()
	s := DashStatus{
		Version: f.o.version, Seq: seq, Lag: head - seq, Ready: f.Ready() == nil, Checkpoint: f.newest.Load(),
		Rebuilt: f.lastRebuilt.Load(),
	}
	if p := f.rebuild.Load(); p != nil {
		s.Folding = p.folding(head)
		s.Folding.Anew = true
	} else if !s.Ready {
		s.Folding = f.progress.folding(head)
	}
	return s
}

// Ready returns nil once the image holds what was in the log when Run began, and
// until then an error for readers, of kind Unavailable.
func (f *DashFollower) Ready() error {
	target := f.target.Load()
	if target > 0 && f.Seq()+1 >= target {
		return nil
	}
	passed := f.progress.seq.Load()
	if target <= 1 || passed == 0 {
		return errs.New(errs.Unavailable, "STARTING", "this node is starting; try again")
	}
	return errs.New(errs.Unavailable, "STARTING", "this node is folding its log: %d %%", passed*100/target)
}
