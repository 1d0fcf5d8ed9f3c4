package projections

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"dashd/eventlog/block"
	"dashd/internal/errs"
)

// making is a fold that is being made, or waits for its turn.
type making struct {
	of   moment
	done chan struct{} // closed when tables and err are set
	// Immutable once done is closed.
	tables *Tables
	err    error

	from, seq atomic.Uint64 // where it began, and how far it is; both 0 before its turn

	waiting int // requests; guarded by History.mu
}

// maxMakes bounds the folds that are made or wait for their turn, and
// maxMakesOfProject those of one project: more are refused.
const (
	maxMakes          = 6
	maxMakesOfProject = 2
)

// find returns the tables of a moment if they are kept, or what makes them.
func (h *History) find(of moment) (*making, *Tables, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if tables := h.kept(of); tables != nil {
		return nil, tables, nil
	}
	m := h.makes[of]
	if m == nil {
		sameProject := 0
		for other := range h.makes {
			if other.project == of.project {
				sameProject++
			}
		}
		if h.closed || len(h.makes) >= maxMakes || sameProject >= maxMakesOfProject {
			return nil, nil, errBusy(errTooMany)
		}
		m = &making{of: of, done: make(chan struct{})}
		h.makes[of] = m
		h.makers.Go(func() { h.run(m) }) // Run waits for it
	}
	m.waiting++
	return m, nil, nil
}

var errTooMany = errors.New("too many moments are asked for")

// await waits for what is being made.
func (h *History) await(ctx context.Context, m *making) (*Tables, error) {
	patience := time.NewTimer(h.o.Patience)
	defer patience.Stop()
	defer func() {
		h.mu.Lock()
		m.waiting--
		h.mu.Unlock()
	}()
	select {
	case <-m.done:
		return m.tables, m.err
	case <-patience.C:
		return nil, m.late()
	case <-ctx.Done():
		return nil, errs.Wrap(ctx.Err(), errs.Unavailable, "AS_OF_BUILDING", "the tables of that moment are being made")
	}
}

// late is the error of a request that waits no longer.
func (m *making) late() error {
	from, seq := m.from.Load(), m.seq.Load()
	if seq == 0 {
		return errBusy(context.DeadlineExceeded)
	}
	percent := uint64(0)
	if from < seq && seq <= m.of.seq { // else it is being loaded
		percent = (seq - from) * 100 / (m.of.seq - from)
	}
	return errs.New(errs.Unavailable, "AS_OF_BUILDING", "the tables of that moment are being made: %d %%; try again", percent)
}

// run makes m when it is its turn, unless nobody waits for it any more.
func (h *History) run(m *making) {
	tables, err := h.make(m)
	h.mu.Lock()
	delete(h.makes, m.of)
	h.mu.Unlock()
	m.tables, m.err = tables, err
	close(m.done)
}

var errGivenUp = errors.New("nobody waits for it")

func (h *History) make(m *making) (*Tables, error) {
	select {
	case h.making <- struct{}{}:
	case <-h.work.Done():
		return nil, errBusy(h.work.Err())
	}
	defer func() { <-h.making }()
	h.mu.Lock()
	waiting := m.waiting
	h.mu.Unlock()
	if waiting == 0 {
		return nil, errBusy(errGivenUp)
	}
	began := time.Now()
	m.from.Store(m.of.seq)
	m.seq.Store(1)
	d, err := h.start(h.work, m.of)
	if err != nil {
		return nil, h.failed(m.of, err)
	}
	from := d.seq
	m.from.Store(from)
	if err := d.to(h.work, watchedLog{h.log, &m.seq}, m.of.seq); err != nil {
		return nil, h.failed(m.of, err)
	}
	d.dash.Publish(d.seq)
	tables := d.dash.Image().Tables(m.of.project)
	h.keep(m.of, d, tables, m.of.seq-from)
	h.slog.Info("tables of the past made", "seq", m.of.seq, "n", m.of.seq-from, "elapsed", time.Since(began))
	return tables, nil
}

// failed is the answer to those who wait for what could not be made.
func (h *History) failed(of moment, err error) error {
	if h.work.Err() != nil {
		return errBusy(err)
	}
	return fmt.Errorf("make the tables as of seq %d: %w", of.seq, err)
}

// start is a fold of a project that is at or before the moment asked for, to be
// folded on: one that is kept, a checkpoint, or the beginning.
func (h *History) start(ctx context.Context, of moment) (*dashFold, error) {
	roots, err := h.roots(of.seq)
	if err != nil {
		return nil, err
	}
	for i := len(roots) - 1; i >= 0; i-- {
		if d := h.take(of, roots[i].seq); d != nil {
			return d, nil
		}
		h.makeRoom()
		d, err := h.load(roots[i].generation, of.project)
		if err == nil {
			return d, nil
		}
		var damage damageError
		if !errors.As(err, &damage) {
			return nil, fmt.Errorf("read a checkpoint: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h.slog.Info("a checkpoint cannot be used for the past; an older one is", "generation", roots[i].generation.number, "err", err)
	}
	if d := h.take(of, 0); d != nil {
		return d, nil
	}
	h.makeRoom()
	return &dashFold{dash: NewDash(), only: of.project}, nil
}

// root is a checkpoint that History can begin at.
type root struct {
	generation generation
	seq        uint64
}

// roots are the checkpoints of this version and format up to a seq, oldest first.
func (h *History) roots(seq uint64) (all []root, err error) {
	if h.db == nil {
		return nil, nil
	}
	found, _, err := listGenerations(h.db)
	if err != nil {
		return nil, fmt.Errorf("list the checkpoints: %w", err)
	}
	for _, g := range found {
		if g.version != h.live.o.version {
			continue
		}
		m, _, err := readRootOf(h.db, g)
		var damage damageError
		switch {
		case errors.As(err, &damage): // it was deleted meanwhile, or cannot be used
		case err != nil:
			return nil, fmt.Errorf("read a checkpoint: %w", err)
		case m.seq <= seq:
			all = append(all, root{g, m.seq})
		}
	}
	return all, nil
}

// load makes a fold of a project's tables in a checkpoint.
func (h *History) load(g generation, project string) (*dashFold, error) {
	m, _, err := readManifest(h.db, g)
	if err != nil {
		return nil, err
	}
	m.of(project)
	dash, err := loadImage(h.db, &m, loadOptions{lender: h.live.lends(), deferWorld: true})
	if err != nil {
		return nil, err
	}
	return &dashFold{dash: dash, seq: m.seq, received: m.received, only: project}, nil
}

// watchedLog says how far it was read.
type watchedLog struct {
	DashLog
	seq *atomic.Uint64
}

// Blocks is that of the log.
func (l watchedLog) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return l.DashLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		l.seq.Store(first)
		return fn(first, raw, b)
	})
}
