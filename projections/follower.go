package projections

import (
	"context"
	"fmt"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/errs"
)

// Log is the part of eventlog/store.Store that is followed.
type Log interface {
	Wait(ctx context.Context, seq uint64) error
	Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error
}

// Index is the part of eventlog/index.Index that finds the events to start with.
type Index interface {
	Query(ctx context.Context, q index.Query) (index.Page, error)
}

// Follower feeds [Access] from the log. At start it asks the index for the events
// the projection folds, which are few among many; from there on it looks at every
// new block, and passes over those without such events.
type Follower struct {
	log    Log
	index  Index
	access *Access
	folded position
}

// NewFollower returns a follower; Run makes it work.
func NewFollower(log Log, x Index) *Follower {
	return &Follower{log: log, index: x, access: NewAccess()}
}

// Image is the current image of the access projection.
func (f *Follower) Image() *AccessImage { return f.access.Image() }

// Seq is the last event folded: the image holds everything up to it.
func (f *Follower) Seq() uint64 { return f.folded.get() }

// Wait waits until the image holds everything up to seq.
func (f *Follower) Wait(ctx context.Context, seq uint64) error { return f.folded.wait(ctx, seq) }

// At is the image as of a seq of the log: if anything has changed since, it is folded from what
// the index finds.
func (f *Follower) At(ctx context.Context, seq uint64) (*AccessImage, error) {
	folded := f.Seq() // before the image, which holds that and perhaps more
	if image := f.Image(); image.Seq() <= seq && seq <= folded {
		return image, nil
	}
	past := NewAccess()
	if _, err := f.foldIndexed(ctx, past, &seq); err != nil {
		return nil, err
	}
	return past.Image(), nil
}

// Run follows the log until ctx ends, and then returns nil. After any error the
// image no longer moves, and the node must stop.
func (f *Follower) Run(ctx context.Context) error {
	err := f.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("projection %s: %w", f.access.Name(), err)
}

func (f *Follower) run(ctx context.Context) error {
	if err := f.load(ctx); err != nil {
		return err
	}
	for {
		next := f.Seq() + 1
		if err := f.log.Wait(ctx, next); err != nil {
			return fmt.Errorf("wait for seq %d: %w", next, err)
		}
		if err := f.log.Blocks(ctx, next, f.foldBlock); err != nil {
			return fmt.Errorf("read from seq %d: %w", next, err)
		}
	}
}

// loadPage is how many events are read at a time while loading.
const loadPage = 256

// load folds what the index has. The log may grow meanwhile: each page is as of
// its own seq and holds all that comes after the page before, so together they
// hold everything up to the seq of the last.
func (f *Follower) load(ctx context.Context) error {
	seq, err := f.foldIndexed(ctx, f.access, nil)
	if err == nil {
		f.folded.advance(seq)
	}
	return err
}

// foldIndexed folds what the index has, up to a seq if that is not nil, publishes it, and
// returns what it is as of.
func (f *Follower) foldIndexed(ctx context.Context, a *Access, upTo *uint64) (seq uint64, err error) {
	q := index.Query{
		UpTo:      upTo,
		Project:   eventlog.ReservedProject,
		Types:     accessTypes,
		BySeq:     true,
		Ascending: true,
		Limit:     loadPage,
		SkipTotal: true,
	}
	for {
		page, err := f.index.Query(ctx, q)
		if err != nil {
			return 0, fmt.Errorf("query the events of the reserved project: %w", err)
		}
		for i := range page.Records {
			a.Apply(&page.Records[i])
		}
		if !page.More || len(page.Records) == 0 {
			a.Publish()
			return page.Seq, nil
		}
		last := &page.Records[len(page.Records)-1]
		q.After = &index.Place{Time: last.Time, Seq: last.Seq}
	}
}

// foldBlock folds what concerns the projection in one block. The first block may begin
// before the events that are due.
func (f *Follower) foldBlock(first uint64, _ []byte, b block.Block) error {
	due := f.Seq() + 1
	if first > due {
		return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the block after seq %d begins at %d", due-1, first))
	}
	groups := b.Groups()
	for i := range groups {
		g := &groups[i]
		if !names(g, eventlog.ReservedProject) {
			continue
		}
		for row := range g.Len() {
			n := g.First() + row
			seq := first + uint64(n)
			if seq < due || !folds(g, row) {
				continue
			}
			e, err := b.Event(n)
			if err != nil {
				return errs.Stop(errs.ExitIntegrity, fmt.Errorf("decode seq %d: %w", seq, err))
			}
			f.access.Apply(&eventlog.Record{Seq: seq, ReceivedAt: b.ReceivedAt, Event: e})
		}
	}
	f.access.Publish()
	f.folded.advance(max(f.Seq(), first+uint64(b.Len())-1))
	return nil
}

// names reports whether a group's dictionary holds s: if not, no row does.
func names(g *block.Group, s string) bool {
	for ref := range g.DictLen() {
		if string(g.Dict(uint16(ref))) == s {
			return true
		}
	}
	return false
}

// folds reports whether the access projection folds row i of a group. It reads
// columns only: most events of the reserved project are uses of tokens, and need not be
// decoded.
func folds(g *block.Group, i int) bool {
	if string(g.Dict(g.Ref(block.ColProject, i))) != eventlog.ReservedProject {
		return false
	}
	_, ok := accessFolds[eventlog.Type(g.Dict(g.Ref(block.ColType, i)))]
	return ok
}
