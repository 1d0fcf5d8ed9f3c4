package node_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"dashd/internal/appender"
	"dashd/internal/cluster"
	"dashd/internal/errs"
)

// elsewhere waits until another node leads, and returns it.
func (c *trio) elsewhere(not ...*member) *member {
	c.t.Helper()
	c.await(10*time.Second, "another leader", func() bool { l := c.leader(); return l != nil && !slices.Contains(not, l) })
	return c.leader()
}

// A leader that has too little room gives the lead to a node that has room, and only to one.
func TestP7_TheLeadGoesWhereThereIsRoom(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		old := c.leader()
		others := slices.DeleteFunc(slices.Clone(c.nodes[:]), func(m *member) bool { return m == old })
		full, roomy := others[0], others[1]
		full.free.Store(tooLow)
		time.Sleep(10 * time.Second) // it has looked, and told the others
		old.free.Store(tooLow)
		if l := c.elsewhere(old); l != roomy {
			t.Errorf("a node with too little room leads")
		}
		if err := roomy.append("a"); err != nil {
			t.Error(err)
		}

		// Now the one that has room goes away: a node without must not keep the lead once another can
		// take it.
		roomy.silence(true)
		l := c.elsewhere(roomy)
		if err := l.append("b"); errs.CodeOf(err) != appender.CodeDiskLow {
			t.Errorf("a leader without room, and nobody who has some: %v, want code %s", err, appender.CodeDiskLow)
		}
		roomy.silence(false)
		if l := c.elsewhere(full, old); l != roomy {
			t.Error("a node with too little room still leads")
		}
		if err := roomy.append("c"); err != nil {
			t.Error(err)
		}
	})
}

// When no node has room one of them leads all the same, and says what is wrong; writes are taken
// again when there is room.
func TestP7_NoNodeHasRoom(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		for _, m := range c.nodes {
			m.free.Store(tooLow)
		}
		time.Sleep(12 * time.Second)
		l := c.leader()
		if l == nil {
			t.Fatal("nobody leads")
		}
		term := l.Cluster.Status().Term
		if err := l.append("a"); errs.CodeOf(err) != appender.CodeDiskLow {
			t.Errorf("append: %v, want code %s", err, appender.CodeDiskLow)
		}
		time.Sleep(15 * time.Second)
		if l := c.leader(); l == nil || l.Cluster.Status().Term != term {
			t.Error("the lead is passed round")
		}
		for _, m := range c.nodes {
			m.free.Store(plenty)
		}
		c.await(10*time.Second, "writes", func() bool { l := c.leader(); return l != nil && l.append("b") == nil })
	})
}

// While the lead is on its way to a node with room, a write is not refused for good: it may be
// sent again at once, and reaches that node.
func TestP7_AWriteThatComesWhileTheLeadMoves(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		old := c.leader()
		old.BeforeTransfer = func(ctx context.Context) {
			if err := old.append("meanwhile"); errs.CodeOf(err) != cluster.CodeNotLeader {
				t.Errorf("append: %v, want code %s", err, cluster.CodeNotLeader)
			}
		}
		old.free.Store(tooLow)
		c.elsewhere(old)
	})
}

// A full disk below the last watermark ends a node, and the others go on.
func TestP7_ANodeWithoutRoomStops(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		old := c.leader()
		old.free.Store(nothing)
		if err := <-old.ended; errs.ExitCode(err) != errs.ExitDiskLow {
			t.Errorf("Run = %v, want exit code %d", err, errs.ExitDiskLow)
		}
		if err := c.elsewhere(old).append("a"); err != nil {
			t.Error(err)
		}
	})
}

// A node whose clock is far off does not lead, if another can; what it is off a little is said.
func TestF27_AClockThatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		off     int64 // ms
		alarm   bool
		leads   bool
		unready bool
	}{
		{"right", 0, false, true, false},
		{"half a second slow", -500, false, true, false},
		{"more than that fast", 700, true, true, false},
		{"six seconds fast", 6_000, true, false, true},
		{"an hour slow", -3_600_000, true, false, true},
		{"ten years fast", 315_360_000_000, true, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTrio(t, func(t *testing.T, c *trio) {
				m := c.leader()
				m.fast.Store(tt.off)
				time.Sleep(10 * time.Second)
				if leads := c.leader() == m; leads != tt.leads {
					t.Errorf("it leads: %v, want %v", leads, tt.leads)
				}
				if alarm := len(m.Alarms()) > 0; alarm != tt.alarm {
					t.Errorf("alarms %q, want some: %v", m.Alarms(), tt.alarm)
				}
				if why := m.NotReady(); (len(why) > 0) != tt.unready {
					t.Errorf("not ready: %q, want a reason: %v", why, tt.unready)
				}
				for _, other := range c.nodes {
					if other != m && (len(other.Alarms()) > 0 || len(other.NotReady()) > 0) {
						t.Errorf("another node blames itself: %q, %q", other.Alarms(), other.NotReady())
					}
				}
				m.fast.Store(0)
				time.Sleep(10 * time.Second)
				if len(m.Alarms()) > 0 || len(m.NotReady()) > 0 {
					t.Errorf("the clock is right again: %q, %q", m.Alarms(), m.NotReady())
				}
			})
		})
	}
}

// Before the lead is given away, the duties of the leader write down how far they are, while they
// still can.
func TestP22_DutiesAreHandedOver(t *testing.T) {
	inTrio(t, func(t *testing.T, c *trio) {
		old := c.leader()
		told := 0
		for _, m := range c.nodes {
			m.BeforeTransfer = func(context.Context) {
				told++
				if m != old || !m.Leads() {
					t.Error("asked of a node that does not lead")
				}
				if err := m.append("position"); err != nil {
					t.Errorf("append before the transfer: %v", err)
				}
			}
		}
		if err := old.Transfer(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if c.elsewhere(old); told != 1 {
			t.Errorf("told %d times", told)
		}
		if err := old.Transfer(t.Context(), ""); errs.CodeOf(err) != cluster.CodeNotLeader {
			t.Errorf("a transfer by a follower: %v", err)
		}
	})
}
