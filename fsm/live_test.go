package fsm_test

import (
	"context"
	"crypto/sha256"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/raft"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/fsm"
	"dashd/internal/genevents"
	"dashd/projections"
)

// derived is what a node makes of its log.
type derived struct {
	index  *index.Index
	access *projections.Follower
	dash   *projections.DashFollower
}

// derive starts everything that follows the log of a node.
func (n *node) derive() derived {
	n.t.Helper()
	var d derived
	var err error
	if d.index, err = index.Open(n.Store, n.db, index.Options{}); err != nil {
		n.t.Fatal(err)
	}
	d.access = projections.NewFollower(n.Store, d.index)
	d.dash = projections.NewDashFollower(n.Store, projections.DashOptions{DB: n.db, CheckpointEvery: 3000})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	for _, run := range []func(context.Context) error{d.index.Run, d.access.Run, d.dash.Run} {
		go func() { ended <- run(ctx) }()
	}
	stop := n.stop
	n.stop = func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				n.t.Error(err)
			}
		}
		stop()
	}
	return d
}

// says is what is derived of a log up to a seq.
func (d derived) says(t *testing.T, seq uint64) (stats eventlog.Stats, rows [32]byte) {
	t.Helper()
	ctx := context.Background()
	if err := d.index.Wait(ctx, seq); err != nil {
		t.Fatal(err)
	}
	stats, at, err := d.index.Stats(ctx, index.Query{Project: "default"})
	if err != nil || at != seq {
		t.Fatalf("the index is at %d, %v, want %d", at, err, seq)
	}
	if err := d.access.Wait(ctx, seq); err != nil {
		t.Fatal(err)
	}
	if err := d.dash.Wait(ctx, seq); err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	err = d.dash.Image().WriteRows(1, func(b []byte) error {
		_, err := hash.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return stats, [32]byte(hash.Sum(nil))
}

// The persister, the index and the projections of a node work while its log is
// installed, and make of it what they make of the log of the node that sent it.
func TestRestoreUnderEverythingThatFollowsTheLog(t *testing.T) {
	sender := newNode(t, nil)
	sender.run()
	const each, blocks = 250, 40
	i := uint64(0)
	for part := range slices.Chunk(genevents.Events(7, each*blocks), each) {
		i++
		group, err := block.AppendGroup(nil, part)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: part[len(part)-1].Time + int64(i)*86_400_000}, group)
		if err != nil {
			t.Fatal(err)
		}
		if err, ok := sender.Apply(command(i, 1, raw)).(error); ok {
			t.Fatal(err)
		}
	}
	if err := sender.WaitPersisted(context.Background(), blocks); err != nil {
		t.Fatal(err)
	}
	wantStats, wantRows := sender.derive().says(t, each*blocks)
	if wantStats.Total == 0 {
		t.Fatal("nothing was derived")
	}

	meta, body := sender.manifest()
	n := newNode(t, nil)
	n.FSM = fsm.New(n.Store, fsm.Options{Fetch: from(sender.Store)})
	for j := range uint64(3) { // it has some blocks, of which the last is not on the disk
		_, raw := sender.blockAt(j*each + 1)
		n.FSM.ApplyBatch([]*raft.Log{command(j+1, 1, raw)})
	}
	n.run()
	got := n.derive()
	if err := n.restore(meta, body); err != nil {
		t.Fatal(err)
	}
	stats, rows := got.says(t, each*blocks)
	if !reflect.DeepEqual(stats, wantStats) || rows != wantRows {
		t.Errorf("derived: %+v and rows %x, want %+v and %x", stats, rows, wantStats, wantRows)
	}
	if err := n.Check(context.Background(), nil); err != nil {
		t.Error(err)
	}
}

// blockAt is the block that begins at a seq.
func (n *node) blockAt(seq uint64) (b block.Block, raw []byte) {
	n.t.Helper()
	stop := context.Canceled
	err := n.Blocks(context.Background(), seq, func(_ uint64, r []byte, opened block.Block) error {
		b, raw = opened, r
		return stop
	})
	if err != stop {
		n.t.Fatal(err)
	}
	return b, raw
}
