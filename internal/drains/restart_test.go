package drains_test

import (
	"slices"
	"testing"
	"time"

	"dashd/internal/destination"
	"dashd/internal/drains"
)

func TestAStopLosesAndRepeatsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		n.drain("acme", "hook", "all")
		want := []uint64{n.append(signIns("ann")...)}
		after(2 * time.Second)
		for range 3 {
			n.append(signIns("eve")...) // passes by
			after(2 * time.Second)
			n.reopen()
			after(2 * time.Second)
			want = append(want, n.append(signIns("ann")...))
			after(2 * time.Second)
		}
		n.stopDrains()
		want = append(want, n.append(signIns("ann")...)) // nobody delivers
		n.deliver()
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, want) {
			t.Errorf("delivered %d, want %d", got, want)
		}
	})
}

// A crash after the destination has taken a batch: whether the position had reached the disk or
// not, nothing is lost, and what comes twice comes under the same id.
func TestACrashLosesNothing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		written bool
		repeats int
	}{
		{"before the position is written", false, 1},
		{"after the position is written", true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *node) {
				n.stopDrains()
				n.organization("acme", "ann")
				n.drainWith("acme", "hook", `{"url":"https://hook/in","secret":"a secret of the hook"}`, "all")
				disk := &disk{Positions: n.db, lost: !tt.written}
				n.deliverFrom(n.net, disk)
				first := n.append(signIns("ann", "ann")...)
				after(5 * time.Second)
				disk.lost = true // also what a clean stop would write
				n.reopen()
				after(5 * time.Second)
				last := n.append(signIns("ann")...)
				after(5 * time.Second)

				requests := n.net.to("hook")
				if len(requests) != 2+tt.repeats {
					t.Fatalf("%d requests", len(requests))
				}
				for _, r := range requests[:1+tt.repeats] {
					if got, want := r.Header.Get("webhook-id"), requests[0].Header.Get("webhook-id"); got != want || got == "" {
						t.Errorf("webhook-id %q, want %q", got, want)
					}
				}
				if got := n.seqs("hook"); !slices.Equal(slices.Compact(slices.Sorted(slices.Values(got))), []uint64{first, first + 1, last}) {
					t.Errorf("delivered %d", got)
				}
			})
		})
	}
}

// A batch that has grown since it was first sent is another one to receivers that know the first.
func TestABatchThatHasGrownHasAnotherID(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("hook", 500)
		n.organization("acme", "ann")
		n.drainWith("acme", "hook", `{"url":"https://hook/in","secret":"a secret of the hook"}`, "all")
		n.append(signIns("ann")...)
		after(10 * time.Second)
		n.append(signIns("ann")...)
		n.reopen()
		n.net.answers("hook", 200)
		after(10 * time.Second)
		requests := n.net.to("hook")
		first, last := requests[0], requests[len(requests)-1]
		if len(bodyEvents(t, first)) != 1 || len(bodyEvents(t, last)) != 2 {
			t.Fatalf("%s and %s", first.Body, last.Body)
		}
		if first.Header.Get("webhook-id") == last.Header.Get("webhook-id") {
			t.Error("both have the same webhook-id")
		}
	})
}

// How often a destination has failed outlives a restart: it is not tried more often for that, and given up
// no later.
func TestFailuresOutliveARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("hook", 500)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		n.append(signIns("ann")...)
		after(13 * time.Minute) // the fifth attempt was the last
		if h := n.health(id); h.Attempts != 5 {
			t.Fatalf("health %+v", h)
		}
		n.reopen()
		after(2 * time.Second)
		if h := n.health(id); h.Status != destination.Failing || h.Attempts != 6 || h.NextAttempt-now() < (59*time.Minute).Milliseconds() {
			t.Errorf("health %+v at %d", h, now())
		}
	})
}

// Only the leader delivers. One that leads again goes on where it was itself, if nobody has gone on.
func TestLeadership(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		first := n.append(signIns("ann")...)
		after(2 * time.Second)
		n.lead.set(0)
		second := n.append(signIns("ann")...)
		after(time.Hour)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{first}) {
			t.Errorf("as a follower it has delivered %d", got)
		}
		if h := n.health(id); h.Cursor != second-1 || h.Lag != 1 {
			t.Errorf("as a follower it says %+v, the missed event is %d", h, second)
		}
		n.lead.set(3)
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{first, second}) {
			t.Errorf("as the leader again it has delivered %d", got)
		}
		n.lead.set(4) // a term that it did not notice the end of
		third := n.append(signIns("ann")...)
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{first, second, third}) {
			t.Errorf("in another term it has delivered %d", got)
		}
	})
}

// disk is a database whose writes can be lost.
type disk struct {
	drains.Positions
	lost bool
}

func (d *disk) Write(fn func(put func(key, val []byte) error) error) error {
	if d.lost {
		return fn(func(_, _ []byte) error { return nil })
	}
	return d.Positions.Write(fn)
}
