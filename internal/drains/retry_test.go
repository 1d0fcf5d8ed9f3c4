package drains_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/commands"
	"dashd/internal/destination"
)

// ofType are the events of a type in the log.
func (n *node) ofType(t eventlog.Type) []eventlog.Record {
	n.t.Helper()
	page, err := n.index.Query(n.t.Context(), index.Query{Project: project, Types: []eventlog.Type{t}, BySeq: true, Ascending: true, Limit: 100})
	if err != nil {
		n.t.Fatal(err)
	}
	return page.Records
}

// attempts are the times at which requests arrived at a host, counted from the first.
func (n *node) attempts(host string) []time.Duration {
	var all []time.Duration
	requests := n.net.to(host)
	for _, r := range requests {
		all = append(all, r.at.Sub(requests[0].at))
	}
	return all
}

// daySteps are when attempts are due, counted from the first: after 5 s, 30 s, 2 min, 10 min,
// 30 min, then each hour, for a day.
func daySteps() []time.Duration {
	steps := []time.Duration{0}
	for _, wait := range []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute} {
		steps = append(steps, steps[len(steps)-1]+wait)
	}
	for steps[len(steps)-1]+time.Hour <= 24*time.Hour {
		steps = append(steps, steps[len(steps)-1]+time.Hour)
	}
	return steps
}

// One destination fails for good, and another one for 16 hours, which is long enough to open
// its circuit: then there is one attempt an hour, however much there is to deliver.
func TestADrainThatFailsIsTriedForADay(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("dead", 503)
		n.net.answers("ill", 500)
		n.organization("acme", "ann")
		dead, ill := n.drain("acme", "dead", "all"), n.drain("acme", "ill", "all")
		n.append(signIns("ann")...)

		after(16 * time.Hour)
		if h := n.health(dead); h.Status != destination.Failing || h.LastError != "http_503" || h.Lag == 0 || h.NextAttempt <= now() {
			t.Errorf("after 16 hours: %+v", h)
		}
		if got := n.health(ill).Attempts; got < 20 {
			t.Fatalf("%d attempts", got)
		}
		before := len(n.net.to("ill"))
		for range 4 {
			n.append(signIns("ann", "ann")...)
			after(30 * time.Minute)
		}
		if got := len(n.net.to("ill")) - before; got != 2 {
			t.Errorf("%d requests in two hours", got)
		}
		n.net.answers("ill", 200)
		before = len(n.seqs("ill"))
		after(time.Hour + time.Minute)
		if got := len(n.seqs("ill")) - before; got != 9 {
			t.Errorf("%d events arrived once it was well, want 9", got)
		}
		if h := n.health(ill); h.Status != destination.Active || h.Attempts != 0 || h.LastError != "" || h.Lag != 0 {
			t.Errorf("once it was well: %+v", h)
		}

		after(6 * time.Hour)
		want := daySteps()
		if got := n.attempts("dead"); !slices.Equal(got, want) {
			t.Errorf("attempts after\n     %s\nwant %s", got, want)
		}
		for _, r := range n.net.to("dead") {
			if !bytes.Equal(r.Body, n.net.to("dead")[0].Body) {
				t.Fatalf("another body: %s", r.Body)
			}
		}
		if h := n.health(dead); h.Status != destination.Suspended || h.LastError != "http_503" || h.Attempts != len(want) {
			t.Errorf("at the end: %+v", h)
		}
		if events := n.ofType(eventlog.DashdDrainSuspended); len(events) != 1 || n.row(dead).Suspended != "http_503" {
			t.Errorf("%d events, suspended for %q", len(events), n.row(dead).Suspended)
		}
	})
}

func TestGoneEndsADrainAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("hook", 410)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		first := n.append(signIns("ann")...)
		after(2 * time.Hour)
		if got := len(n.net.to("hook")); got != 1 {
			t.Errorf("%d requests", got)
		}
		if d := n.row(id); d.Enabled || d.Suspended != "http_410" {
			t.Errorf("row %+v", d)
		}

		// The operator has put it right: nothing is lost.
		second := n.append(signIns("ann")...)
		n.net.answers("hook", 200)
		n.net.forget()
		on := true
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &on})
		after(2 * time.Second)
		if got, want := n.seqs("hook"), []uint64{first, second}; !slices.Equal(got, want) {
			t.Errorf("delivered %d, want %d", got, want)
		}
		if d, h := n.row(id), n.health(id); d.Suspended != "" || h.Status != destination.Active {
			t.Errorf("row %+v, health %+v", d, h)
		}
	})
}

// Whoever changes a drain that fails wants to see whether it helps.
func TestAChangeIsTriedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("old", 404)
		n.organization("acme", "ann")
		id := n.drain("acme", "old", "all")
		first := n.append(signIns("ann")...)
		after(30 * time.Minute)
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Config: []byte(`{"url":"https://new/in"}`)})
		after(2 * time.Second)
		if got := n.seqs("new"); !slices.Equal(got, []uint64{first}) {
			t.Errorf("delivered %d, want %d", got, first)
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		off, on := false, true
		before := n.append(signIns("ann")...)
		after(2 * time.Second)
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &off})
		missed := n.append(signIns("ann")...)
		after(time.Hour)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{before}) {
			t.Errorf("while paused it has %d", got)
		}
		if h := n.health(id); h.Status != destination.Paused || h.Cursor != missed-2 && h.Cursor != missed-1 {
			t.Errorf("while paused: %+v, missed is %d", h, missed)
		}
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &on})
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{before, missed}) {
			t.Errorf("resumed, it has %d", got)
		}
	})
}

// A pause ends what is on its way, and what was on its way comes again.
func TestAPauseDoesNotWaitForADeadDestination(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("hook", hangs)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		first := n.append(signIns("ann")...)
		after(3 * time.Second)
		off, on := false, true
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &off})
		after(0)
		if pending := n.net.pendingTo("hook"); pending != 0 {
			t.Errorf("%d requests are on their way", pending)
		}
		n.net.answers("hook", 200)
		n.net.forget()
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &on})
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{first}) {
			t.Errorf("delivered %d", got)
		}
	})
}

// A filter that is widened counts from the change on.
func TestAWiderFilterMissesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "email")
		n.append(signIns("ann")...)
		after(2 * time.Second)
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, EventTypes: []string{"auth"}})
		want := n.append(signIns("ann")...)
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{want}) {
			t.Errorf("delivered %d, want %d", got, want)
		}

		// Also if the change and the event are looked at together.
		n.net.forget()
		at := n.append(eventlog.Event{
			Type: eventlog.DashdDrainUpdated, OrganizationID: "acme", Personal: eventlog.Personal{
				Metadata: fmt.Appendf(nil, `{"drainId":%q,"set":{"eventTypes":["security"]}}`, id),
				Origin:   eventlog.Origin{Vocabulary: eventlog.VocabularyDashd},
			},
		}, eventlog.Event{Type: eventlog.UserBanned, UserID: "ann"})
		after(2 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{at + 1}) {
			t.Errorf("delivered %d, want %d", got, at+1)
		}
	})
}

func TestReplay(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		early := n.append(signIns("ann")...) // before there was a drain
		after(time.Minute)
		id := n.drain("acme", "hook", "all")
		middle := now()
		late := n.append(signIns("ann", "ann")...)
		after(time.Minute)
		ids := func() (all []string) {
			for _, r := range n.net.to("hook") {
				all = append(all, string(r.Body))
			}
			return all
		}
		if got := n.seqs("hook"); !slices.Equal(got, []uint64{late, late + 1}) {
			t.Fatalf("delivered %d: %s", got, ids())
		}
		for _, tt := range []struct {
			name string
			cmd  commands.DrainReplay
			want []uint64
		}{
			{"from a seq", commands.DrainReplay{FromSeq: late + 1}, []uint64{late + 1}},
			{"from a time", commands.DrainReplay{Since: &middle}, []uint64{late, late + 1}},
			{"from before it was made", commands.DrainReplay{FromSeq: early}, []uint64{early, late, late + 1}},
			{"from the end", commands.DrainReplay{FromSeq: n.log.Head() + 4}, nil},
		} {
			n.net.forget()
			tt.cmd.OrganizationID, tt.cmd.ID = "acme", id
			if _, _, err := n.commands.ReplayDrain(n.t.Context(), n.call(), tt.cmd); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			after(2 * time.Second)
			if got := n.seqs("hook"); !slices.Equal(got, tt.want) {
				t.Errorf("%s: delivered %d, want %d", tt.name, got, tt.want)
			}
		}
		if got := n.row(id).Epoch; got != 5 {
			t.Errorf("epoch %d", got)
		}
	})
}

func TestADeletedDrainLeavesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.net.answers("hook", hangs)
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all")
		n.append(signIns("ann")...)
		after(time.Minute)
		if len(n.stored()) != 1 {
			t.Fatalf("%d positions are stored", len(n.stored()))
		}
		if _, err := n.commands.DeleteDrain(n.t.Context(), n.call(), commands.DrainDelete{OrganizationID: "acme", ID: id}); err != nil {
			t.Fatal(err)
		}
		n.net.forget()
		n.append(signIns("ann")...)
		after(time.Hour)
		if got := len(n.net.to("hook")); got != 0 {
			t.Errorf("%d requests", got)
		}
		if keys := n.stored(); len(keys) != 0 {
			t.Errorf("positions %q are still there", keys)
		}
	})
}

// An organization takes its drains with it.
func TestADeletedOrganizationEndsItsDrains(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		n.drain("acme", "hook", "all")
		n.append(eventlog.Event{Type: eventlog.OrganizationDeleted, OrganizationID: "acme"})
		after(2 * time.Second)
		n.net.forget()
		n.append(eventlog.Event{Type: eventlog.TeamCreated, OrganizationID: "acme"})
		after(time.Hour)
		if got := len(n.net.to("hook")); got != 0 {
			t.Errorf("%d requests", got)
		}
	})
}

// A hundred destinations that hang hold up neither those that append nor the drain that
// works.
func TestDeadDestinationsHoldUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		for i := range 10 {
			org := fmt.Sprint("org", i)
			n.organization(org, "ann")
			for k := range 10 {
				host := fmt.Sprint("dead", i, "-", k)
				n.net.answers(host, hangs)
				n.drain(org, host, "all")
			}
		}
		n.organization("acme", "ann")
		n.append(signIns("ann")...)
		after(10 * time.Minute) // all of them have failed by now
		n.drain("acme", "hook", "all")
		start := time.Now()
		var want []uint64
		for range 1000 {
			want = append(want, n.append(signIns("ann")...))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("appending waited for %s", waited)
		}
		after(12 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, want) {
			t.Errorf("%d of %d events have arrived", len(got), len(want))
		}
		if most := n.net.mostInAll(); most > 40 {
			t.Errorf("%d requests at a time", most)
		}
	})
}
