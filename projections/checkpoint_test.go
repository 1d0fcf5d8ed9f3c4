package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/kv"
	"dashd/projections"
)

// disk is a directory with the log and the checkpoints of a node.
type disk struct {
	t     testing.TB
	dir   string
	db    *kv.DB
	log   *store.Store
	index uint64
	stop  func() error
	says  *bytes.Buffer // what the followers have logged
}

func newDisk(t testing.TB) *disk {
	d := &disk{t: t, dir: t.TempDir(), says: new(bytes.Buffer)}
	d.open()
	return d
}

// open opens the log, as a node does that starts.
func (d *disk) open() {
	d.t.Helper()
	db, err := kv.Open(d.dir, kv.Options{MinFree: 1})
	if err != nil {
		d.t.Fatal(err)
	}
	log, err := store.Open(db, store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.db, d.log, d.index = db, log, log.Applied().Index
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- log.Run(ctx) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, db.Close())
	})
	d.t.Cleanup(func() { _ = d.stop() })
}

// reopen stops the log and opens it again. Writing may have failed before.
func (d *disk) reopen() {
	d.t.Helper()
	_ = d.stop()
	d.open()
}

// append adds events to the log, in one block.
func (d *disk) append(events ...eventlog.Event) {
	d.t.Helper()
	group, err := block.AppendGroup(nil, events)
	if err != nil {
		d.t.Fatal(err)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: max(noon, events[len(events)-1].Time)}, group)
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

// grow adds n events of a generator to the log.
func (d *disk) grow(g *generator, n int) {
	d.t.Helper()
	for n > 0 {
		events := make([]eventlog.Event, min(n, 1+g.IntN(60)))
		for i := range events {
			events[i] = g.event()
			events[i].ID = fmt.Sprintf("e%d-%d", d.index, i)
		}
		d.append(events...)
		n -= len(events)
	}
}

// follow runs a follower until it has folded the whole log and been looked at, and then stops it.
func (d *disk) follow(o projections.DashOptions, look func(*projections.DashFollower)) error {
	d.t.Helper()
	o.DB, o.Log = d.db, slog.New(slog.NewTextHandler(d.says, nil))
	f := projections.NewDashFollower(d.log, o)
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Wait(d.t.Context(), d.log.Head()); err != nil {
		d.t.Fatal(err)
	}
	if look != nil {
		look(f)
	}
	cancel()
	return <-ended
}

// save is follow with a checkpoint at the end.
func (d *disk) save() {
	d.t.Helper()
	if err := d.follow(saving(nil), nil); err != nil {
		d.t.Fatal(err)
	}
}

// saving are options with which a follower writes a checkpoint when it stops, in many small commits.
func saving(wrote func()) projections.DashOptions {
	return projections.DashTest(projections.DashOptions{CheckpointAtStop: 1}, 0, 512, wrote)
}

// want compares the image of a follower that starts now with what the log folded from its
// beginning gives.
func (d *disk) want(o projections.DashOptions) {
	d.t.Helper()
	err := d.follow(o, func(f *projections.DashFollower) {
		got, want := projections.StoredRows(f.Image()), projections.StoredRows(d.fold(d.log.Head()))
		if got != want {
			d.t.Errorf("the rows differ: %s", difference(got, want))
		}
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// fold is the image of the log up to seq.
func (d *disk) fold(seq uint64) *projections.DashImage {
	d.t.Helper()
	dash := projections.NewDash()
	err := d.log.Blocks(d.t.Context(), 1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(rec *eventlog.Record) error {
			if rec.Seq <= seq {
				dash.Apply(rec)
			}
			return nil
		})
	})
	if err != nil {
		d.t.Fatal(err)
	}
	dash.Publish(seq)
	return dash.Image()
}

// difference is the first line in which two texts differ.
func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d\n got %.300s\nwant %.300s", i+1, at(a, i), at(b, i))
		}
	}
	return "not at all"
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// TestACheckpointAndTheTailMakeTheImage has random events, and restarts at random moments.
func TestACheckpointAndTheTailMakeTheImage(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d, g := newDisk(t), newGenerator(seed)
			for range 5 {
				d.grow(g, 1+g.IntN(600))
				d.save()
				if g.IntN(2) == 0 {
					d.reopen()
				}
				d.want(projections.DashOptions{})
			}
			if n, err := projections.Unused(d.db, projections.DashVersion); n > 0 || err != nil {
				t.Errorf("%d chunks are of no use (%v)", n, err)
			}
			if !strings.Contains(d.says.String(), "checkpoint loaded") || strings.Contains(d.says.String(), "level=ERROR") {
				t.Errorf("the log says\n%s", d.says)
			}
		})
	}
}

// TestTheNextCheckpointWritesWhatChanged changes one user of many.
func TestTheNextCheckpointWritesWhatChanged(t *testing.T) {
	d := newDisk(t)
	for i := range 10 {
		var events []eventlog.Event
		for j := range 1000 {
			events = append(events, joined(fmt.Sprintf("u%d", i*1000+j)))
		}
		d.append(events...)
	}
	commits := 0
	o := projections.DashTest(projections.DashOptions{CheckpointAtStop: 1}, 0, 4096, func() { commits++ })
	for _, tt := range []struct {
		name      string
		least     int
		most      int
		restarted bool
	}{
		{"all of it", 12, 1000, false},
		{"a node of users and one of activity", 2, 11, false},
		{"the same chunk of each after a restart", 2, 8, true},
	} {
		if tt.restarted {
			d.reopen()
		}
		commits = 0
		d.append(joined("one more " + tt.name))
		if err := d.follow(o, nil); err != nil {
			t.Fatal(err)
		}
		if commits < tt.least || commits > tt.most {
			t.Errorf("%s: %d commits, want %d to %d", tt.name, commits, tt.least, tt.most)
		}
		d.want(projections.DashOptions{})
	}
}

func joined(id string) eventlog.Event {
	return eventlog.Event{
		ID: "join-" + id, Project: "shop", Type: eventlog.UserJoined, UserID: id, Time: noon,
		Personal: eventlog.Personal{Metadata: []byte(`{"userName":"` + id + `","userEmail":"` + id + `@example.com"}`)},
	}
}

// TestACrashLeavesTheLastGoodCheckpoint ends writing at each commit of a checkpoint, before and after it
// reached the disk. Whatever is there then must start the node, and be cleared up later.
func TestACrashLeavesTheLastGoodCheckpoint(t *testing.T) {
	crashed := 0
	for _, fault := range []kv.Fault{kv.FailBeforeCommit, kv.FailAfterCommit} {
		for commit := 0; ; commit++ {
			d, g := newDisk(t), newGenerator(7)
			d.grow(g, 150)
			d.save()
			d.grow(g, 150)
			d.save()
			d.grow(g, 200)
			persist(d)
			n := 0
			inject := func() {
				if n == commit {
					d.db.InjectFault(fault)
				}
				n++
			}
			inject()
			err := d.follow(saving(inject), nil)
			if err == nil {
				if n > commit+1 {
					t.Errorf("commit %d failed, and nobody noticed", commit)
				}
				break // there is no such commit
			}
			crashed++
			d.reopen()
			d.want(projections.DashOptions{})
			if !strings.Contains(d.says.String(), "checkpoint loaded") || strings.Contains(d.says.String(), "level=ERROR") {
				t.Fatalf("fault %d at commit %d: the log says\n%s", fault, commit, d.says)
			}
			d.grow(g, 50)
			d.save()
			if n, err := projections.Unused(d.db, projections.DashVersion); n > 0 || err != nil {
				t.Errorf("fault %d at commit %d: %d chunks are of no use (%v)", fault, commit, n, err)
			}
			d.want(projections.DashOptions{})
			_ = d.stop()
		}
	}
	if crashed < 12 {
		t.Errorf("only %d crashes", crashed)
	}
}

// persist waits until the log is on the disk.
func persist(d *disk) {
	d.t.Helper()
	if err := d.log.WaitPersisted(d.t.Context(), d.log.Applied().Index); err != nil {
		d.t.Fatal(err)
	}
}

// TestADamagedCheckpointIsNotUsed changes one byte of each part, or takes the part away.
func TestADamagedCheckpointIsNotUsed(t *testing.T) {
	d, g := newDisk(t), newGenerator(9)
	d.grow(g, 400)
	d.save()
	d.grow(g, 100)
	d.save()
	keys, err := projections.CheckpointParts(d.db)
	if err != nil || len(keys) < 10 {
		t.Fatalf("%d parts, %v", len(keys), err)
	}
	d.grow(g, 20)
	for i, key := range keys {
		if testing.Short() && i%5 != 0 {
			continue
		}
		var whole []byte
		if _, err := d.db.Get(key, func(val []byte) error { whole = bytes.Clone(val); return nil }); err != nil {
			t.Fatal(err)
		}
		wrong := bytes.Clone(whole)
		wrong[(i*31)%len(wrong)] ^= 1 << (i % 8)
		for _, change := range []func() error{
			func() error { return set(d.db, key, wrong) },
			func() error { return set(d.db, key, whole[:len(whole)/2]) },
			func() error { return set(d.db, key, nil) },
			func() error { return d.db.Delete([][]byte{key}) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			d.says.Reset()
			d.want(projections.DashOptions{})
			_, newest, _ := projections.ParseChunkKey(keys[len(keys)-1])
			if _, generation, root := projections.ParseChunkKey(key); generation == newest && !root &&
				!strings.Contains(d.says.String(), "level=ERROR") {
				t.Errorf("nothing was said of key %q", key)
			}
		}
		if err := set(d.db, key, whole); err != nil {
			t.Fatal(err)
		}
	}
}

func set(db *kv.DB, key, val []byte) error {
	return db.Write(func(put func(key, val []byte) error) error { return put(key, val) })
}

// behind is a log that has lost its end.
type behind struct{ projections.DashLog }

func (behind) PersistedSeq() uint64 { return 100 }

func TestACheckpointBeyondTheLogIsNotUsed(t *testing.T) {
	d, g := newDisk(t), newGenerator(11)
	d.grow(g, 90)
	d.save()
	d.grow(g, 90)
	d.save()
	f := projections.NewDashFollower(behind{d.log}, projections.DashOptions{DB: d.db, Log: slog.New(slog.NewTextHandler(d.says, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := f.Wait(t.Context(), d.log.Head()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got, want := projections.StoredRows(f.Image()), projections.StoredRows(d.fold(d.log.Head())); got != want {
		t.Errorf("the rows differ: %s", difference(got, want))
	}
	if !strings.Contains(d.says.String(), "the log ends at 100") {
		t.Errorf("the log says\n%s", d.says)
	}
}

func TestWhichGenerationsAreKept(t *testing.T) {
	for _, tt := range []struct {
		name string
		days []int64
		want []uint64
	}{
		{"none", nil, nil},
		{"the only one", []int64{5}, []uint64{0}},
		{"two of a day", []int64{5, 5}, []uint64{0, 1}},
		{"the last two of a day", []int64{5, 5, 5}, []uint64{1, 2}},
		{"the last of each day before", []int64{5, 5, 6, 6, 7, 7, 7}, []uint64{1, 3, 5, 6}},
		{"the last one when a day begins", []int64{5, 5, 5, 6}, []uint64{2, 3}},
		{"none of days long past", []int64{1, 2, 3, 4, 5, 6}, []uint64{2, 3, 4, 5}},
		{"the last two, however old", []int64{1, 90}, []uint64{0, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := projections.Kept(3, tt.days...); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
