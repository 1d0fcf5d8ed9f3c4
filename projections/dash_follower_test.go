package projections_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/kv"
	"dashd/projections"
)

// TestTheFollowerShowsWhatTheLogHas lets the log grow while it is followed, in blocks that begin before what is
// due and with groups of any size.
func TestTheFollowerShowsWhatTheLogHas(t *testing.T) {
	d, g := newDisk(t), newGenerator(3)
	d.grow(g, 50)
	f := projections.NewDashFollower(d.log, projections.DashOptions{})
	if code := errs.CodeOf(f.Ready()); code != "STARTING" {
		t.Errorf("before Run, Ready says %v", f.Ready())
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	for range 20 {
		d.grow(g, 1+g.IntN(80))
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
		image := f.Image()
		if image.Seq() != d.log.Head() || f.Seq() != d.log.Head() {
			t.Errorf("the image is as of %d, the follower at %d, the log at %d", image.Seq(), f.Seq(), d.log.Head())
		}
		if got, want := projections.StoredRows(image), projections.StoredRows(d.fold(image.Seq())); got != want {
			t.Fatalf("at seq %d the rows differ: %s", image.Seq(), difference(got, want))
		}
	}
	s := f.Status()
	if s.Lag != 0 || !s.Ready || s.Seq != d.log.Head() || s.Folding != nil || s.Checkpoint != nil || f.Ready() != nil {
		t.Errorf("status %+v, %v", s, f.Ready())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// holding is a log whose reader stops before a seq until it is let go.
type holding struct {
	projections.DashLog
	at      uint64
	reached chan struct{}
	release chan struct{}
}

func (h *holding) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return h.DashLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		if first <= h.at && first+uint64(b.Len()) > h.at && from == 1 {
			close(h.reached)
			<-h.release
		}
		return fn(first, raw, b)
	})
}

func hold(log projections.DashLog, at uint64) *holding {
	return &holding{DashLog: log, at: at, reached: make(chan struct{}), release: make(chan struct{})}
}

func TestReadersAreToldHowFarTheStartIs(t *testing.T) {
	d, g := newDisk(t), newGenerator(4)
	d.grow(g, 1000)
	log := hold(d.log, 500)
	f := projections.NewDashFollower(log, projections.DashOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	<-log.reached
	err := f.Ready()
	if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "STARTING" || !strings.Contains(err.Error(), " 4") || !strings.HasSuffix(err.Error(), " %") {
		t.Errorf("Ready = %v", err)
	}
	if s := f.Status(); s.Ready || s.Folding == nil || s.Folding.Seq < 400 || s.Folding.Seq > 500 || s.Folding.Anew || s.Lag != d.log.Head() {
		t.Errorf("status %+v", s)
	}
	close(log.release)
	if err := errors.Join(f.Wait(t.Context(), d.log.Head()), f.Ready()); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// TestAnotherVersionIsFoldedBehindTheOldRows starts a newer program on the checkpoint of an older one.
func TestAnotherVersionIsFoldedBehindTheOldRows(t *testing.T) {
	d, g := newDisk(t), newGenerator(6)
	d.grow(g, 400)
	d.save()
	d.grow(g, 100)
	log := hold(d.log, 300)
	o := projections.DashOptions{CheckpointAtStop: 1, DB: d.db, Log: slog.New(slog.NewTextHandler(d.says, nil))}
	f := projections.NewDashFollower(log, projections.DashTest(o, projections.DashVersion+1, 512, nil))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()

	<-log.reached // by the fold behind; the old rows are folded on meanwhile
	if err := f.Wait(t.Context(), d.log.Head()); err != nil {
		t.Fatal(err)
	}
	if err := f.Ready(); err != nil {
		t.Errorf("the old rows are not read: %v", err)
	}
	s := f.Status()
	if s.Folding == nil || !s.Folding.Anew || s.Version != projections.DashVersion+1 || s.Checkpoint == nil {
		t.Errorf("status %+v", s)
	}
	if got, want := projections.StoredRows(f.Image()), projections.StoredRows(d.fold(d.log.Head())); got != want {
		t.Errorf("the old rows differ: %s", difference(got, want))
	}
	old := f.Image()
	close(log.release)
	d.grow(g, 50)
	for f.Status().Folding != nil {
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
		d.grow(g, 1)
	}
	if f.Image() == old || f.Image().Seq() < old.Seq() {
		t.Error("the new rows do not serve")
	}
	if err := f.Wait(t.Context(), d.log.Head()); err != nil {
		t.Fatal(err)
	}
	if got, want := projections.StoredRows(f.Image()), projections.StoredRows(d.fold(d.log.Head())); got != want {
		t.Errorf("the new rows differ: %s", difference(got, want))
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	keys, err := projections.CheckpointParts(d.db)
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d parts, %v", len(keys), err)
	}
	for _, key := range keys {
		if version, _, _ := projections.ParseChunkKey(key); version != projections.DashVersion+1 {
			t.Errorf("a part of version %d is left", version)
		}
	}
}

// TestCheckpointsAreTakenWhileTheLogGrows also has the old ones deleted.
func TestCheckpointsAreTakenWhileTheLogGrows(t *testing.T) {
	d := newDisk(t)
	f := projections.NewDashFollower(d.log, projections.DashOptions{
		DB: d.db, Log: slog.New(slog.NewTextHandler(d.says, nil)), CheckpointEvery: 200,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	generations := map[uint64]bool{}
	for n := 0; len(generations) < 6; n++ {
		var events []eventlog.Event
		for i := range 20 {
			events = append(events, joined(fmt.Sprintf("u%d-%d", n, i)))
		}
		d.append(events...)
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
		if c := f.Status().Checkpoint; c != nil {
			generations[c.Generation] = true
			if c.Seq == 0 || c.Seq > d.log.Head() || c.Bytes == 0 || c.At.IsZero() {
				t.Errorf("checkpoint %+v", c)
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	keys, err := projections.CheckpointParts(d.db)
	if err != nil {
		t.Fatal(err)
	}
	roots := 0
	for _, key := range keys {
		if _, _, root := projections.ParseChunkKey(key); root {
			roots++
		}
	}
	if roots != 2 { // all events are of one day
		t.Errorf("%d generations are kept, want 2", roots)
	}
	if n, err := projections.Unused(d.db, projections.DashVersion); n > 0 || err != nil {
		t.Errorf("%d chunks are of no use (%v)", n, err)
	}
	d.want(projections.DashOptions{})
}

// TestAFailedCommitEndsTheFollower has the disk fail under a checkpoint that is taken while the log is followed.
func TestAFailedCommitEndsTheFollower(t *testing.T) {
	d, g := newDisk(t), newGenerator(10)
	d.grow(g, 300)
	persist(d)
	d.db.InjectFault(kv.FailBeforeCommit)
	f := projections.NewDashFollower(d.log, projections.DashOptions{DB: d.db, CheckpointEvery: 100})
	if err := f.Run(t.Context()); errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("Run = %v", err)
	}
}

func TestAGapInTheLogEndsTheFollower(t *testing.T) {
	d, g := newDisk(t), newGenerator(12)
	d.grow(g, 100)
	d.grow(g, 100)
	f := projections.NewDashFollower(gap{d.log}, projections.DashOptions{})
	if err := f.Run(t.Context()); errs.ExitCode(err) != errs.ExitIntegrity || !strings.Contains(fmt.Sprint(err), "begins at") {
		t.Errorf("Run = %v", err)
	}
}

// gap is a log without its second block.
type gap struct{ projections.DashLog }

func (l gap) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	n := 0
	return l.DashLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		if n++; n == 2 {
			return nil
		}
		return fn(first, raw, b)
	})
}

// TestEventsThatMeanNothingArePassedOver has events of a type that no fold wants before and behind one.
func TestEventsThatMeanNothingArePassedOver(t *testing.T) {
	d := newDisk(t)
	other := joined("u1")
	other.Type, other.ID = "shop.visited", "visit"
	d.append(other, joined("u1"), other)
	var image *projections.DashImage
	if err := d.follow(projections.DashOptions{}, func(f *projections.DashFollower) { image = f.Image() }); err != nil {
		t.Fatal(err)
	}
	if image.Seq() != 3 || image.Tables("shop").UserCount() != 1 {
		t.Errorf("seq %d, %d users", image.Seq(), image.Tables("shop").UserCount())
	}
	if _, ok := image.Tables("shop").User("u1"); !ok || len(image.Tables(eventlog.ReservedProject).Sessions("u1")) > 0 {
		t.Error("the user is not there")
	}
}
