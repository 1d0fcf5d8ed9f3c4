package drains_test

import (
	"slices"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/drains"
	"dashd/internal/kv"
	"dashd/projections"
)

// otherNode makes the deliverer that of another node: its disk knows nothing of the drains.
func (n *node) otherNode() {
	n.t.Helper()
	n.stopDrains()
	db, err := kv.Open(n.t.TempDir(), kv.Options{MinFree: 1})
	if err != nil {
		n.t.Fatal(err)
	}
	n.deliverFrom(n.net, db)
	stop := n.stopDrains
	n.stopDrains = func() {
		stop()
		if err := db.Close(); err != nil {
			n.t.Error(err)
		}
		n.stopDrains = func() {}
	}
}

// told is what the log says of a drain.
func (n *node) told(id string) (uint64, bool) {
	n.t.Helper()
	row := n.row(id)
	p, ok := n.dash.Image().Tables(project).DrainPosition(row)
	return p.Seq, ok
}

func TestP22_ANewLeaderGoesOnWhereTheOldOneWas(t *testing.T) {
	for _, tt := range []struct {
		name    string
		leave   func(n *node) // what the old leader does last
		repeats bool
	}{
		{"it gave the lead away", func(n *node) { n.drains.Tell(n.t.Context()) }, false},
		{"it was stopped", func(n *node) { n.stopDrains() }, false},
		{"it was lost some time after it had delivered", func(n *node) { after(10 * time.Second); n.lead.set(0) }, false},
		{"it was lost at once", func(n *node) { n.lead.set(0) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *node) {
				n.others.Store(true)
				n.organization("acme", "ann")
				n.drain("acme", "hook", "all")
				first := n.append(signIns("ann", "ann")...)
				after(2 * time.Second)
				tt.leave(n)
				after(2 * time.Second)
				n.otherNode()
				n.lead.set(1)
				after(2 * time.Second)
				last := n.append(signIns("ann")...)
				after(2 * time.Second)
				want := []uint64{first, first + 1, last}
				if tt.repeats {
					want = []uint64{first, first + 1, first, first + 1, last}
				}
				if got := n.seqs("hook"); !slices.Equal(got, want) {
					t.Errorf("delivered %d, want %d", got, want)
				}
			})
		})
	}
}

// Of two positions of one drain the later one is true: both were delivered up to.
func TestP22_TheLaterOfTheTwoPositionsCounts(t *testing.T) {
	for _, tt := range []struct {
		name                string
		own, told           uint64
		ownEpoch, toldEpoch uint64
		want                uint64
	}{
		{"this node's", 40, 30, 1, 1, 40},
		{"that of another leader", 30, 40, 1, 1, 40},
		{"another leader's of before a replay", 30, 40, 1, 2, 30},
		{"both of before a replay", 30, 40, 2, 2, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *node) {
				n.stopDrains()
				n.organization("acme", "ann")
				id := n.drain("acme", "hook", "all")
				row := n.row(id)
				if _, err := n.commands.UpdateDrain(t.Context(), n.call(), commands.DrainUpdate{
					OrganizationID: "acme", ID: id, Enabled: new(bool),
				}); err != nil {
					t.Fatal(err)
				}
				for n.log.Head() < 60 {
					n.append(signIns("eve")...)
				}
				if _, _, err := n.commands.ReplayDrain(t.Context(), n.call(), commands.DrainReplay{
					OrganizationID: "acme", ID: id, FromSeq: 21,
				}); err != nil {
					t.Fatal(err)
				}
				epoch := n.row(id).Epoch - 1 // now it is 1 more than the one of the table's 1
				own := drains.Position{Epoch: epoch + 2 - tt.ownEpoch, Seq: tt.own}
				if err := n.db.Write(func(put func(key, val []byte) error) error {
					return put(kv.DrainKey(project, id), own.Encode())
				}); err != nil {
					t.Fatal(err)
				}
				row.Epoch = epoch + 2 - tt.toldEpoch
				if err := n.commands.AdvanceDrains(t.Context(), 1, []commands.DrainAdvanced{{Project: project, Drain: row, Seq: tt.told}}); err != nil {
					t.Fatal(err)
				}
				if got := n.health(id).Cursor; got != tt.want {
					t.Errorf("it goes on behind %d, want %d", got, tt.want)
				}
			})
		})
	}
}

// The log is told what was delivered, seldom, and nothing of drains that have nothing to do.
func TestP22_HowOftenTheLogIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.others.Store(true)
		n.organization("acme", "ann")
		n.organization("idle", "bob")
		n.drain("acme", "hook", "all")
		idle := n.drain("idle", "other", "all")
		told := func() int { return len(n.ofType(eventlog.DashdDrainAdvanced)) }

		after(time.Minute)
		if got := told(); got != 0 {
			t.Errorf("%d times before anything was delivered", got)
		}
		for range 30 {
			n.append(signIns("ann")...)
			after(time.Second)
		}
		if got := told(); got < 2 || got > 4 {
			t.Errorf("%d times in half a minute", got)
		}
		after(time.Minute)
		before := told()
		after(time.Hour)
		if got := told(); got != before {
			t.Errorf("%d times more while nothing was delivered", got-before)
		}
		if _, ok := n.told(idle); ok {
			t.Error("of a drain that has delivered nothing")
		}

		begin := n.log.Head()
		for n.log.Head() < begin+drains.TellAfter+100 {
			n.append(slices.Repeat(signIns("ann"), 500)...)
		}
		after(5 * time.Second) // less than it takes to be told of a few
		if got := len(n.seqs("hook")); got < drains.TellAfter+130 {
			t.Fatalf("delivered %d", got)
		}
		if got := told(); got != before+1 {
			t.Errorf("%d times more after %d events at once, want 1", got-before, drains.TellAfter)
		}
	})
}

// A drain that many events have passed by is told of, or the next leader looks at them all again.
func TestP22_IdleDrainsAreToldOfNowAndThen(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.others.Store(true)
		n.drains.SetTellIdle(100)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		n.append(slices.Repeat(signIns("eve"), 98)...)
		after(time.Minute)
		if seq, ok := n.told(id); ok {
			t.Errorf("after 98 events: seq %d", seq)
		}
		last := n.append(signIns("eve", "eve")...) + 1
		after(time.Minute)
		if seq, ok := n.told(id); !ok || seq < last {
			t.Errorf("after 100 events: seq %d, want %d (%v)", seq, last, ok)
		}
		if n := len(n.ofType(eventlog.DashdDrainAdvanced)); n != 1 {
			t.Errorf("it was told %d times", n)
		}
	})
}

func TestP22_ANodeThatIsAloneTellsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		n.drain("acme", "hook", "all")
		n.append(signIns("ann")...)
		after(time.Minute)
		n.drains.Tell(t.Context())
		n.stopDrains()
		if events := n.ofType(eventlog.DashdDrainAdvanced); len(events) != 0 {
			t.Errorf("told %d times", len(events))
		}
		n.deliver()
		n.others.Store(true) // they have come; what was delivered before is not delivered again
		after(time.Minute)
		n.otherNode()
		after(time.Minute)
		if got := n.seqs("hook"); len(got) != 1 {
			t.Errorf("delivered %d", got)
		}
	})
}

// A position is written in the term in which it was told, or not at all; the next leader
// tells it.
func TestP19_PositionsOfAnotherTermAreNotWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.others.Store(true)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		n.lead.set(2) // the log is in term 1
		n.append(signIns("ann")...)
		after(time.Minute)
		if got := n.seqs("hook"); len(got) != 1 {
			t.Fatalf("delivered %d", got)
		}
		if seq, ok := n.told(id); ok {
			t.Errorf("told seq %d in another term", seq)
		}
		n.lead.set(1)
		after(time.Minute)
		if _, ok := n.told(id); !ok {
			t.Error("not told in the term of the log")
		}
	})
}

// No drain delivers that a drain has delivered: it would never end.
func TestP22_PositionsAreNeverDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.others.Store(true)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		begin := n.append(signIns("ann")...)
		after(time.Hour)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{begin}) {
			t.Errorf("delivered %d, want %d", got, begin)
		}
		if n := len(n.ofType(eventlog.DashdDrainAdvanced)); n != 1 {
			t.Errorf("told %d times, want 1", n)
		}
		before := n.row(id)
		if seq, ok := n.told(id); !ok || seq < begin {
			t.Errorf("told seq %d (%v), want %d or more", seq, ok, begin)
		}
		if after := n.row(id); after.UpdatedAt != before.UpdatedAt {
			t.Error("the row of the drain has changed")
		}
	})
}

// A position never goes back, nor beyond the event that tells it, nor to a drain of another epoch.
func TestP22_WhatTheLogTakesForAPosition(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.stopDrains()
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		n.append(slices.Repeat(signIns("eve"), 50)...)
		row := n.row(id)
		other := row
		other.Epoch++
		for _, tt := range []struct {
			name string
			of   projections.Drain
			seq  uint64
			want uint64
		}{
			{"the first", row, 20, 20},
			{"a later one", row, 30, 30},
			{"one that comes late", row, 25, 30},
			{"one beyond the event", row, 1000, 30},
			{"one of an epoch that there is not", other, 40, 30},
		} {
			if err := n.commands.AdvanceDrains(t.Context(), 1, []commands.DrainAdvanced{{Project: project, Drain: tt.of, Seq: tt.seq}}); err != nil {
				t.Fatal(err)
			}
			if got, _ := n.told(id); got != tt.want {
				t.Errorf("%s: position %d, want %d", tt.name, got, tt.want)
			}
		}
	})
}
