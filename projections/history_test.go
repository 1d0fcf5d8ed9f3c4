package projections_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/cow"
	"dashd/internal/errs"
	"dashd/projections"
)

const dayMs = 24 * 60 * 60 * 1000

// follower runs a follower of the log, with or without checkpoints, until the end of the test.
func (d *disk) follower(o projections.DashOptions) *projections.DashFollower {
	d.t.Helper()
	o.DB = d.db
	f := projections.NewDashFollower(d.log, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	d.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Errorf("Run = %v", err)
		}
	})
	if err := f.Wait(d.t.Context(), d.log.Head()); err != nil {
		d.t.Fatal(err)
	}
	return f
}

// appendAt adds events to the log, received at a time.
func (d *disk) appendAt(received int64, events ...eventlog.Event) {
	d.t.Helper()
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		d.t.Fatal(err)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: received}, group)
	if err != nil {
		d.t.Fatal(err)
	}
	b, err := block.Open(raw)
	if err != nil {
		d.t.Fatal(err)
	}
	d.index++
	if _, err := d.log.Append(d.index, 1, raw, b); err != nil {
		d.t.Fatal(err)
	}
}

// TestThePastIsWhatTheLogSaidThen asks for random moments, in any order, of logs with checkpoints at
// random places; what was given out once must not change when others are asked for.
func TestThePastIsWhatTheLogSaidThen(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d, g := newDisk(t), newGenerator(seed+40)
			for range 4 {
				d.grow(g, 1+g.IntN(400))
				if g.IntN(3) > 0 {
					d.save()
				}
			}
			d.grow(g, 50)
			h := projections.NewHistory(d.log, d.follower(projections.DashOptions{}), projections.HistoryOptions{})
			given := map[string]*projections.Tables{}
			for range 25 {
				project, seq := pick(g, "shop", "shop", "blog", "none"), g.Uint64N(d.log.Head()+1)
				tables, err := h.At(t.Context(), project, seq)
				if err != nil {
					t.Fatal(err)
				}
				given[fmt.Sprint(project, " ", seq)] = tables
			}
			for name, tables := range given {
				var project string
				var seq uint64
				if _, err := fmt.Sscan(name, &project, &seq); err != nil {
					t.Fatal(err)
				}
				folded := d.fold(seq).Tables(project)
				if got, want := projections.RowsOf(tables), projections.RowsOf(folded); got != want {
					t.Errorf("%s as of %d: the rows differ: %s", project, seq, difference(got, want))
				}
				everywhere := projections.MapQuery{Cities: 20}
				if got, want := tables.WorldMap(everywhere), folded.WorldMap(everywhere); !reflect.DeepEqual(got, want) {
					t.Errorf("%s as of %d: the map is %+v, want %+v", project, seq, got, want)
				}
			}
		})
	}
}

// TestRowsThatHaveNotChangedAreLent asks for a moment of which most rows are in memory, and then for later
// ones in which some of those change.
func TestRowsThatHaveNotChangedAreLent(t *testing.T) {
	d := newDisk(t)
	join := func(from, to int) {
		var events []eventlog.Event
		for i := from; i < to; i++ {
			e := joined(fmt.Sprint("u", i))
			e.Time = noon
			events = append(events, e)
		}
		for part := range slices.Chunk(events, 1<<10) {
			d.appendAt(noon, part...)
		}
	}
	join(0, 2*cow.NodeLen)
	d.save()
	ban := joined("u0")
	ban.ID, ban.Type, ban.Time = "ban", eventlog.UserBanned, noon+1
	d.appendAt(noon+1, ban)
	join(2*cow.NodeLen, 2*cow.NodeLen+100)
	d.save()
	f := d.follower(projections.DashOptions{})
	h := projections.NewHistory(d.log, f, projections.HistoryOptions{})
	again := joined("u5000")
	again.ID, again.Type, again.Time = "again", eventlog.UserBanned, noon+2
	for _, seq := range []uint64{2 * cow.NodeLen, 2*cow.NodeLen + 1, d.log.Head() - 1} {
		tables, err := h.At(t.Context(), "shop", seq)
		if err != nil {
			t.Fatal(err)
		}
		if seq == 2*cow.NodeLen {
			if users, sightings := projections.SharedRows(tables, f.Image().Tables("shop")); users != cow.NodeLen || sightings != 2*cow.NodeLen {
				t.Errorf("%d rows of users and %d instants are those in memory; want %d and %d", users, sightings, cow.NodeLen, 2*cow.NodeLen)
			}
		}
		if got, want := projections.RowsOf(tables), projections.RowsOf(d.fold(seq).Tables("shop")); got != want {
			t.Errorf("as of %d: the rows differ: %s", seq, difference(got, want))
		}
	}
	// The writer of the image that serves changes what it has lent.
	early, err := h.At(t.Context(), "shop", 2*cow.NodeLen)
	if err != nil {
		t.Fatal(err)
	}
	before := projections.RowsOf(early)
	d.appendAt(noon+2, again)
	if err := f.Wait(t.Context(), d.log.Head()); err != nil {
		t.Fatal(err)
	}
	if projections.RowsOf(early) != before {
		t.Error("a lent row has changed")
	}
	if got, want := projections.RowsOf(f.Image().Tables("shop")), projections.RowsOf(d.fold(d.log.Head()).Tables("shop")); got != want {
		t.Errorf("the rows that were lent differ: %s", difference(got, want))
	}
}

func TestAMomentIsTheLastEventReceivedByThen(t *testing.T) {
	d := newDisk(t)
	for i, received := range []int64{noon, noon, noon + 10, noon + 20} {
		d.appendAt(received, joined(fmt.Sprint("a", i)), joined(fmt.Sprint("b", i)))
	}
	h := projections.NewHistory(d.log, d.follower(projections.DashOptions{}), projections.HistoryOptions{})
	for at, want := range map[int64]uint64{
		0: 0, noon - 1: 0, noon: 4, noon + 9: 4, noon + 10: 6, noon + 19: 6, noon + 20: 8, noon + 1000: 8,
	} {
		if got, err := h.SeqAt(t.Context(), at); got != want || err != nil {
			t.Errorf("at %d ms the last event is %d, %v; want %d", at-noon, got, err, want)
		}
	}
	if _, err := h.At(t.Context(), "shop", 9); errs.KindOf(err) != errs.Invalid || errs.CodeOf(err) != "SEQ_BEYOND_HEAD" {
		t.Errorf("beyond the head: %v", err)
	}
}

// days grows the log by n days of some events each, and returns the last seq of each day.
func (d *disk) days(n, events int) (ends []uint64) {
	d.t.Helper()
	for day := range n {
		for i := range events {
			at := noon + int64(day)*dayMs + int64(i)
			e := joined(fmt.Sprintf("u%d-%d", day, i))
			e.Time = at
			d.appendAt(at, e)
		}
		ends = append(ends, d.log.Head())
	}
	return ends
}

// TestEachDayLeavesACheckpoint follows 40 days: as they happen, at a first start, and when the folds
// have become others.
func TestEachDayLeavesACheckpoint(t *testing.T) {
	const days, kept, perDay = 40, 35, 12
	options := func(version int) projections.DashOptions {
		return projections.DashTest(projections.DashOptions{CheckpointAtDay: perDay, CheckpointAtStop: 1 << 20}, version, 512, nil)
	}
	want := func(t *testing.T, d *disk, ends []uint64, version int) {
		t.Helper()
		f := projections.NewDashFollower(d.log, projections.DashTest(projections.DashOptions{DB: d.db}, version, 512, nil))
		seqs, err := projections.CheckpointSeqs(projections.NewHistory(d.log, f, projections.HistoryOptions{}))
		if err != nil {
			t.Fatal(err)
		}
		// The last day has not ended, and days before those kept have none.
		for _, end := range ends[days-1-kept : days-1] {
			if !slices.Contains(seqs, end) {
				t.Errorf("there is no checkpoint of seq %d, at the end of a day; there are %v", end, seqs)
			}
		}
		if len(seqs) > kept+2 {
			t.Errorf("there are %d checkpoints", len(seqs))
		}
	}
	stop := func(f *projections.DashFollower, cancel context.CancelFunc, ended <-chan error) {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	run := func(d *disk, o projections.DashOptions) (*projections.DashFollower, context.CancelFunc, <-chan error) {
		o.DB = d.db
		f := projections.NewDashFollower(d.log, o)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		if err := f.Wait(t.Context(), d.log.Head()); err != nil {
			t.Fatal(err)
		}
		return f, cancel, ended
	}
	d := newDisk(t)
	ends := d.days(days, perDay)
	t.Run("at a first start", func(t *testing.T) {
		stop(run(d, options(0)))
		want(t, d, ends, 0)
	})
	t.Run("when the folds have become others", func(t *testing.T) {
		f, cancel, ended := run(d, options(99))
		for f.Status().Folding != nil {
			if err := f.Wait(t.Context(), d.log.Head()); err != nil {
				t.Fatal(err)
			}
			d.appendAt(noon+(days-1)*dayMs+1000, joined(fmt.Sprint("more ", d.log.Head())))
		}
		stop(f, cancel, ended)
		want(t, d, ends, 99)
	})
}

// TestWhatHistoryKeepsIsBounded asks for more moments than may be kept.
func TestWhatHistoryKeepsIsBounded(t *testing.T) {
	d, g := newDisk(t), newGenerator(50)
	d.grow(g, 600)
	f := d.follower(projections.DashOptions{})
	h := projections.NewHistory(d.log, f, projections.HistoryOptions{})
	ask := func(h *projections.History, seqs ...uint64) {
		t.Helper()
		for _, seq := range seqs {
			if _, err := h.At(t.Context(), "shop", seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(h, 10, 20, 30, 40)
	if folds, images, _ := projections.KeptFolds(h); folds != 1 || images != 4 {
		t.Errorf("moments that follow each other are in %d folds, %d images; want 1 and 4", folds, images)
	}
	ask(h, 5, 3, 2, 1)
	if folds, _, _ := projections.KeptFolds(h); folds != 2 {
		t.Errorf("%d folds are kept, want 2", folds)
	}
	for seq := range uint64(30) {
		ask(h, 100+seq)
	}
	if folds, images, _ := projections.KeptFolds(h); folds > 2 || images > 2*8 {
		t.Errorf("%d folds with %d images are kept", folds, images)
	}
	small := projections.NewHistory(d.log, f, projections.HistoryOptions{Bytes: 1})
	ask(small, 300, 200, 250)
	if folds, images, _ := projections.KeptFolds(small); folds != 1 || images != 1 {
		t.Errorf("with hardly any memory %d folds with %d images are kept, want 1 and 1", folds, images)
	}
	projections.Forget(h, time.Now().Add(time.Second))
	if folds, _, bytes := projections.KeptFolds(h); folds != 0 || bytes != 0 {
		t.Errorf("%d folds of %d bytes are not forgotten", folds, bytes)
	}
}

// TestADamagedCheckpointIsPassedOverForThePast takes away the parts of checkpoints, one after the other.
func TestADamagedCheckpointIsPassedOverForThePast(t *testing.T) {
	d, g := newDisk(t), newGenerator(51)
	for range 3 {
		d.grow(g, 150)
		d.save()
	}
	d.grow(g, 20)
	f := d.follower(projections.DashOptions{})
	keys, err := projections.CheckpointParts(d.db)
	if err != nil || len(keys) < 10 {
		t.Fatalf("%d parts, %v", len(keys), err)
	}
	seq := d.log.Head() - 5
	want := projections.RowsOf(d.fold(seq).Tables("shop"))
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for i, key := range keys {
		if err := d.db.Delete([][]byte{key}); err != nil {
			t.Fatal(err)
		}
		if i%4 != 0 && i != len(keys)-1 {
			continue
		}
		h := projections.NewHistory(d.log, f, projections.HistoryOptions{})
		tables, err := h.At(t.Context(), "shop", seq)
		if err != nil {
			t.Fatal(err)
		}
		if got := projections.RowsOf(tables); got != want {
			t.Fatalf("without %d parts the rows differ: %s", i+1, difference(got, want))
		}
	}
}

// heldHistory is a store whose reader stops before a seq until it is let go.
type heldHistory struct {
	projections.HistoryLog
	at      uint64
	reached chan struct{}
	release chan struct{}
	once    sync.Once
}

func (l *heldHistory) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return l.HistoryLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		if first <= l.at && first+uint64(b.Len()) > l.at {
			l.once.Do(func() { close(l.reached) })
			<-l.release
		}
		return fn(first, raw, b)
	})
}

// TestARequestDoesNotWaitForLongMakings holds one, and asks for it again, and for others.
func TestARequestDoesNotWaitForLongMakings(t *testing.T) {
	d, g := newDisk(t), newGenerator(52)
	d.grow(g, 400)
	log := &heldHistory{HistoryLog: d.log, at: 200, reached: make(chan struct{}), release: make(chan struct{})}
	h := projections.NewHistory(log, d.follower(projections.DashOptions{}), projections.HistoryOptions{Patience: time.Millisecond})
	code := func(project string, seq uint64) string {
		_, err := h.At(t.Context(), project, seq)
		if err != nil && errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s as of %d: %v", project, seq, err)
		}
		return errs.CodeOf(err)
	}
	for code("shop", 300) != "AS_OF_BUILDING" { // or BUSY, as long as it has not begun
	}
	<-log.reached
	_, err := h.At(t.Context(), "shop", 300)
	if errs.CodeOf(err) != "AS_OF_BUILDING" || !strings.Contains(fmt.Sprint(err), " %") {
		t.Errorf("what is being made: %v", err)
	}
	if got := code("blog", 300); got != "AS_OF_BUSY" {
		t.Errorf("another project: %q", got)
	}
	for seq := range uint64(10) {
		if got := code("shop", 301+seq); got != "AS_OF_BUSY" {
			t.Errorf("another moment: %q", got)
		}
	}
	close(log.release)
	for {
		tables, err := h.At(t.Context(), "shop", 300)
		if err == nil {
			if got, want := projections.RowsOf(tables), projections.RowsOf(d.fold(300).Tables("shop")); got != want {
				t.Errorf("the rows differ: %s", difference(got, want))
			}
			break
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := code("shop", 100); got != "AS_OF_BUSY" {
		t.Errorf("after its end: %q", got)
	}
}

// TestManyAskForTheSameMoment has them share what is made.
func TestManyAskForTheSameMoment(t *testing.T) {
	d, g := newDisk(t), newGenerator(53)
	d.grow(g, 300)
	h := projections.NewHistory(d.log, d.follower(projections.DashOptions{}), projections.HistoryOptions{})
	var all sync.WaitGroup
	made := make([]*projections.Tables, 16)
	for i := range made {
		all.Go(func() {
			tables, err := h.At(t.Context(), "shop", 200)
			if err != nil {
				t.Error(err)
			}
			made[i] = tables
		})
	}
	all.Wait()
	for _, tables := range made {
		if tables != made[0] {
			t.Fatal("the same moment was made twice")
		}
	}
}
