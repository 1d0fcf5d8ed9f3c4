package projections_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// A rebuild gives the same rows, behind an image that serves meanwhile, and the chunks that
// checkpoints have of them.
func TestRebuild(t *testing.T) {
	d, g := newDisk(t), newGenerator(21)
	d.grow(g, 700)
	d.save()
	d.reopen()
	err := d.follow(saving(nil), func(f *projections.DashFollower) {
		before := f.Image()
		d.grow(g, 50)
		if err := f.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.Image() == before || f.Image().Seq() < d.log.Head() {
			t.Errorf("the image is that of seq %d, want another one of %d", f.Image().Seq(), d.log.Head())
		}
		s := f.Status()
		if s.Rebuilt == nil || s.Rebuilt.Number != 1 || s.Rebuilt.Seq != d.log.Head() || s.Folding != nil {
			t.Errorf("the status is %+v", s)
		}
		d.grow(g, 60) // it is folded on
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
		got, want := projections.StoredRows(f.Image()), projections.StoredRows(d.fold(d.log.Head()))
		if got != want {
			t.Errorf("the rows differ: %s", difference(got, want))
		}
		if n, err := f.BeginRebuild(t.Context()); n != 2 || err != nil {
			t.Errorf("the next rebuild is %d, %v", n, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	d.want(projections.DashOptions{})
	if n, err := projections.Unused(d.db, projections.DashVersion); n > 0 || err != nil {
		t.Errorf("%d chunks are of no use (%v)", n, err)
	}
	if says := d.says.String(); strings.Count(says, "folded anew") == 0 || strings.Contains(says, "level=ERROR") {
		t.Errorf("the log says\n%s", says)
	}
}

// A checkpoint of rows that were rebuilt refers to the chunks that are as they would be written.
func TestACheckpointAfterARebuildWritesWhatChanged(t *testing.T) {
	d := newDisk(t)
	for i := range 20 {
		var events []eventlog.Event
		for j := range 500 {
			events = append(events, joined(fmt.Sprint("u", i*500+j)))
		}
		d.append(events...)
	}
	commits := 0
	o := projections.DashTest(projections.DashOptions{CheckpointAtStop: 1}, 0, 4096, func() { commits++ })
	if err := d.follow(o, nil); err != nil {
		t.Fatal(err)
	}
	all := commits
	commits = 0
	err := d.follow(o, func(f *projections.DashFollower) {
		if err := f.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.append(joined("one more"))
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if commits == 0 || commits > all/2 {
		t.Errorf("%d commits after the rebuild, %d for all of it", commits, all)
	}
	d.want(o)
}

// A rebuild does not wait for a checkpoint that is being written, of the rows that it replaces; what comes after
// is not taken for those rows.
func TestARebuildWhileACheckpointIsWritten(t *testing.T) {
	d, g := newDisk(t), newGenerator(23)
	d.grow(g, 600)
	writing, goOn := make(chan struct{}, 1000), make(chan struct{})
	o := projections.DashTest(projections.DashOptions{CheckpointEvery: 500, CheckpointAtStop: 1}, 0, 512, func() {
		writing <- struct{}{}
		<-goOn
	})
	err := d.follow(o, func(f *projections.DashFollower) {
		d.grow(g, 500)
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
		<-writing
		if err := f.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		d.grow(g, 50)
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	d.reopen()
	d.want(projections.DashOptions{})
	if says := d.says.String(); strings.Contains(says, "level=ERROR") || !strings.Contains(says, "checkpoint loaded") {
		t.Errorf("the log says\n%s", says)
	}
}

func TestRebuildThatCannotBegin(t *testing.T) {
	d, g := newDisk(t), newGenerator(22)
	d.grow(g, 50)
	f := projections.NewDashFollower(d.log, projections.DashOptions{})
	if err := f.Rebuild(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("before it runs: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Wait(t.Context(), d.log.Head()); err != nil {
		t.Fatal(err)
	}
	late, done := context.WithCancel(t.Context())
	done()
	if err := f.Rebuild(late); err != nil && !errors.Is(err, context.Canceled) && errs.KindOf(err) != errs.Conflict {
		t.Errorf("nobody waits: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := f.Rebuild(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("after it ran: %v", err)
	}
}
