package projections

import (
	"context"
	"fmt"
	"time"

	"dashd/eventlog/block"
)

// saveIfDue begins a checkpoint of what was folded if times as many events as usual were folded since the
// last. It publishes them for that.
func (f *DashFollower) saveIfDue(ctx context.Context, stop context.CancelCauseFunc, times uint64) {
	if f.fold.seq-f.savedAt < times*f.o.CheckpointEvery {
		return
	}
	f.save(ctx, stop)
}

// save begins a checkpoint, unless one is under way or cannot be made. It is written by a goroutine
// of its own from an image that does not change, and rests three times as long as it works, so that
// the log gets its share of disk and processor: the nodes of a cluster write theirs at the same event. When
// ctx ends, it hurries.
func (f *DashFollower) save(ctx context.Context, stop context.CancelCauseFunc) {
	if f.checkpoints == nil || f.fold.old || f.busy() {
		return
	}
	f.publish()
	f.own()
	dash, image, received := f.fold.dash, f.Image(), f.fold.received
	f.savedAt = image.Seq()
	f.saving = make(chan error, 1)
	patient := f.Ready() == nil // else nobody can read before it is done
	pace := func(worked time.Duration) {
		if f.o.wrote(); !patient {
			return
		}
		select {
		case <-time.After(3 * worked):
		case <-ctx.Done():
		}
	}
	go func(outcome chan<- error) { // waited for by saved, at the latest before Run returns
		err := f.write(context.WithoutCancel(ctx), image, received, pace)
		if err != nil {
			stop(err)
		}
		f.lend(dash)
		outcome <- err
	}(f.saving)
}

// lend lets others have what is in memory of the rows of dash that were saved.
func (f *DashFollower) lend(dash *Dash) {
	if last := f.checkpoints.last; last != nil {
		f.lender.Store(&lender{dash, last.nodes})
	}
}

// own makes what the last checkpoint remembers of the rows good for those that are saved next: a rebuild
// may have put others in their place since. No save is under way.
func (f *DashFollower) own() {
	if f.savedOf != f.fold.dash {
		f.checkpoints.last.disown()
		f.savedOf = f.fold.dash
	}
}

// saveDay begins a checkpoint of the day that has ended, if that is worth while: a moment of the next
// day is folded from there. While the node starts it waits for it, since the days pass faster
// than that; then those matter only that are kept.
func (f *DashFollower) saveDay(ctx context.Context, stop context.CancelCauseFunc) error {
	if f.fold.seq-f.savedAt < f.worthADay(f.Image()) {
		return nil
	}
	if f.Ready() == nil {
		f.save(ctx, stop)
		return nil
	}
	if f.fold.received/msPerDay < f.days {
		return nil
	}
	if err := f.saved(); err != nil {
		return err
	}
	f.save(ctx, stop)
	return f.saved()
}

// worthADay is how many events make a checkpoint worth while when a day ends. They are folded in a
// fraction of the time that its rows take to load, and a day's worth of small changes all over the
// rows costs nearly as much disk as all rows.
func (f *DashFollower) worthADay(image *DashImage) uint64 {
	if f.o.CheckpointAtDay > 0 {
		return f.o.CheckpointAtDay
	}
	rows := 0
	for _, t := range image.Projects() {
		for _, k := range t.kept() {
			first, end := k.span()
			rows += end - first
		}
	}
	return max(1<<14, uint64(rows)/32)
}

// DayCheckpointDue reports whether a checkpoint would be taken if a day ended with seq.
func (f *DashFollower) DayCheckpointDue(seq uint64) bool {
	saved := uint64(0)
	if c := f.newest.Load(); c != nil {
		saved = c.Seq
	}
	return saved < seq && seq-saved >= f.worthADay(f.Image())
}

// keptDays is the first of the days of which a checkpoint each is kept, counted from the day on which
// the last event was received.
func (f *DashFollower) keptDays(ctx context.Context) (first int64, err error) {
	received := f.fold.received
	if head := f.log.Head(); head > f.fold.seq {
		err = f.log.Blocks(ctx, head, func(_ uint64, _ []byte, b block.Block) error {
			received = b.ReceivedAt
			return nil
		})
	}
	if err != nil {
		return 0, fmt.Errorf("read the last block: %w", err)
	}
	return received/msPerDay - int64(f.o.CheckpointDays), nil
}

// write writes a checkpoint. Only an error that ends the node is returned: without
// the checkpoint the next start takes longer, and that is all.
func (f *DashFollower) write(ctx context.Context, image *DashImage, received int64, pace func(time.Duration)) error {
	err := f.checkpoints.save(ctx, image, received, pace)
	if err == nil {
		f.newest.Store(checkpointOf(f.checkpoints.last))
		return nil
	}
	if fatal(err) {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	f.slog.Error("a checkpoint could not be written", "seq", image.Seq(), "err", err)
	return nil
}

// busy reports whether a save is under way.
func (f *DashFollower) busy() bool {
	select {
	case <-f.saving: // its error has reached stop
		f.saving = nil
	default:
	}
	return f.saving != nil
}

// saved waits for the end of the save that is under way.
func (f *DashFollower) saved() error {
	if f.saving == nil {
		return nil
	}
	err := <-f.saving
	f.saving = nil
	return err
}

// saveLast writes the checkpoint of a node that stops.
func (f *DashFollower) saveLast(ctx context.Context) error {
	if f.checkpoints == nil || f.fold.old || f.fold.seq-f.savedAt < f.o.CheckpointAtStop {
		return nil
	}
	f.publish()
	f.own()
	return f.write(ctx, f.Image(), f.fold.received, func(time.Duration) { f.o.wrote() })
}
