package projections

import (
	"context"
	"time"
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
// of its own from an image that does not change, and rests as long as it works, so that
// the log gets its share of disk and processor; when ctx ends, it hurries.
func (f *DashFollower) save(ctx context.Context, stop context.CancelCauseFunc) {
	if f.checkpoints == nil || f.fold.old || f.busy() {
		return
	}
	f.publish()
	image, received := f.Image(), f.fold.received
	f.savedAt = image.Seq()
	f.saving = make(chan error, 1)
	pace := func(worked time.Duration) {
		f.o.wrote()
		select {
		case <-time.After(worked):
		case <-ctx.Done():
		}
	}
	go func(outcome chan<- error) { // waited for by saved, at the latest before Run returns
		err := f.write(context.WithoutCancel(ctx), image, received, pace)
		if err != nil {
			stop(err)
		}
		outcome <- err
	}(f.saving)
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
	return f.write(ctx, f.Image(), f.fold.received, func(time.Duration) { f.o.wrote() })
}
