package drains_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/destination"
)

// modelDrain is a drain as a slow and obvious reader of the log sees it.
type modelDrain struct {
	id, organization, host string
	filter                 destination.Filter
	from                   uint64
}

// wants says it once more, on decoded events.
func (m *modelDrain) wants(r *eventlog.Record, members map[string]bool) bool {
	switch {
	case r.Seq < m.from, r.Project != project, !m.filter.Selects(r.Type, r.Status):
		return false
	case r.OrganizationID != "":
		return r.OrganizationID == m.organization
	}
	return members[m.organization+"/"+r.UserID]
}

// Random events, faults, pauses, restarts, crashes and losses of leadership: in the end each drain has had
// exactly the events that it asks for, at least once, and in the order of the log wherever
// it did not begin anew.
func TestDrainsDeliverExactlyWhatAFilterSelects(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *node) { randomDeliveries(t, n, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func randomDeliveries(t *testing.T, n *node, r *rand.Rand) {
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	organizations := []string{"acme", "apex", "zeta"}
	users := []string{"u1", "u2", "u3", "u4", "u5", ""}
	types := []eventlog.Type{
		eventlog.UserLoggedIn, eventlog.UserBanned, eventlog.UserEmailVerified, eventlog.TeamUpdated, "custom.thing", "security.geo_blocked",
	}
	asks := []string{"all", "auth", "security", "email", "user_signed_in", "user_sign_in_failed", "custom.thing", "team.updated"}
	members := map[string]bool{}
	for _, o := range organizations {
		var of []string
		for _, u := range users[:5] {
			if r.IntN(2) == 0 {
				of, members[o+"/"+u] = append(of, u), true
			}
		}
		n.organization(o, of...)
	}
	var models []*modelDrain
	for i := range 8 {
		m := &modelDrain{organization: pick(organizations), host: fmt.Sprint("hook", i)}
		asked := []string{pick(asks), pick(asks)}
		m.id, m.filter = n.drain(m.organization, m.host, asked...), destination.NewFilter(asked)
		m.from = n.row(m.id).FromSeq
		models = append(models, m)
	}
	off, on := false, true
	for range 150 {
		m := models[r.IntN(len(models))]
		switch r.IntN(12) {
		case 0:
			n.net.answers(m.host, []int{500, 200, hangs, 200}[r.IntN(4)])
		case 1:
			n.change(commands.DrainUpdate{OrganizationID: m.organization, ID: m.id, Enabled: &off})
		case 2:
			n.change(commands.DrainUpdate{OrganizationID: m.organization, ID: m.id, Enabled: &on})
		case 3:
			n.far = []uint64{0, 5}[r.IntN(2)] // half of the time drains ask the index as soon as they are behind
			n.reopen()
		case 4:
			n.lead.set(uint64(r.IntN(3)))
		case 5:
			after(time.Duration(r.IntN(90_000)) * time.Millisecond)
		default:
			var events []eventlog.Event
			for range 1 + r.IntN(40) {
				e := eventlog.Event{Type: types[r.IntN(len(types))], UserID: pick(users), Status: eventlog.Status(r.IntN(2))}
				if r.IntN(3) == 0 {
					e.OrganizationID = pick(append(organizations, "nobody's"))
				}
				if r.IntN(10) == 0 {
					e.Project = "elsewhere"
				}
				events = append(events, e)
			}
			n.append(events...)
			after(time.Duration(r.IntN(1500)) * time.Millisecond)
		}
	}
	n.lead.set(9)
	for _, m := range models {
		n.net.answers(m.host, 200)
		n.change(commands.DrainUpdate{OrganizationID: m.organization, ID: m.id, Enabled: &off})
		n.change(commands.DrainUpdate{OrganizationID: m.organization, ID: m.id, Enabled: &on})
	}
	after(time.Minute)
	for _, m := range models {
		var want []uint64
		for seq := uint64(1); seq <= n.log.Head(); seq++ {
			rec, err := n.log.Read(seq)
			if err != nil {
				t.Fatal(err)
			}
			if m.wants(&rec, members) {
				want = append(want, seq)
			}
		}
		got := n.seqsOf(n.net.taken(m.host))
		if got := slices.Compact(slices.Sorted(slices.Values(got))); !slices.Equal(got, want) {
			t.Errorf("%s of %s got %d\nwant %d", m.host, m.organization, got, want)
		}
		if most := n.net.most[m.host]; most > 1 {
			t.Errorf("%d requests at a time to %s", most, m.host)
		}
		m.checkOrder(t, n)
	}
}

// checkOrder checks the batches that were taken: one that does not follow the batch before it begins
// at or before it, and leaves nothing out.
func (m *modelDrain) checkOrder(t *testing.T, n *node) {
	t.Helper()
	last := uint64(0)
	for _, r := range n.net.taken(m.host) {
		events := bodyEvents(t, r)
		if !slices.IsSortedFunc(events, func(a, b destination.Event) int { return int(a.Seq) - int(b.Seq) }) {
			t.Errorf("%s: a batch out of order", m.host)
		}
		for seq := last + 1; seq < events[0].Seq; seq++ {
			rec, err := n.log.Read(seq)
			if err != nil {
				t.Fatal(err)
			}
			if rec.Seq >= m.from && rec.Project == project && rec.OrganizationID == m.organization && m.filter.Selects(rec.Type, rec.Status) {
				t.Errorf("%s: %d was taken before %d", m.host, events[0].Seq, seq)
			}
		}
		last = max(last, events[len(events)-1].Seq)
	}
}
