package projections_test

import (
	"fmt"
	"testing"

	"dashd/eventlog"
	"dashd/projections"
)

// churned are the events with which n members come to an organization, and all but every
// hundredth leave.
func churned(n int) (events []eventlog.Event) {
	for i := range n {
		id := fmt.Sprint("c", i)
		event := func(t eventlog.Type) eventlog.Event {
			return eventlog.Event{
				ID: fmt.Sprint(t, i), Project: "shop", Type: t, Time: noon + int64(i), UserID: id, OrganizationID: "o1",
				Personal: eventlog.Personal{Metadata: []byte(`{"memberId":"m` + id + `","organizationName":"Org","role":"member"}`)},
			}
		}
		events = append(events, event(eventlog.MemberAdded))
		if i >= 10 && i%100 != 0 {
			events = append(events, event(eventlog.MemberRemoved))
		}
	}
	return events
}

// A table of which most rows are gone is made anew: it does not grow with what was there
// once, and images of before stay as they were.
func TestTableOfWhichMostRowsAreGone(t *testing.T) {
	dash := projections.NewDash()
	var old *projections.Tables
	var rows string
	for i, e := range churned(4000) {
		dash.Apply(&eventlog.Record{Seq: uint64(i + 1), Event: e})
		if i == 2000 {
			dash.Publish(uint64(i + 1))
			old = dash.Image().Tables("shop")
			rows = projections.Dump(old)
		}
	}
	dash.Publish(10_000)
	tables := dash.Image().Tables("shop")
	if got := tables.MemberCount("o1"); got != 49 {
		t.Errorf("%d members, want 49", got)
	}
	if n := projections.MemberSlots(tables); n > 49+1100 {
		t.Errorf("%d places for 49 members", n)
	}
	if diff := differ(projections.Dump(old), rows); diff != "" {
		t.Errorf("an old image has changed:\n%s", diff)
	}
}

// Checkpoints see all of a table that was made anew.
func TestCheckpointOfATableThatWasMadeAnew(t *testing.T) {
	d, w, seq := newDisk(t), world{}, uint64(0)
	for events := churned(4000); len(events) > 0; {
		n := min(len(events), 1000)
		d.append(events[:n]...)
		events = events[n:]
		d.save()
	}
	d.reopen()
	d.feed(w, &seq)
	err := d.follow(projections.DashOptions{}, func(f *projections.DashFollower) {
		w.check(t, newGenerator(1), f.Image(), "after the churn")
	})
	if err != nil {
		t.Fatal(err)
	}
	d.want(projections.DashOptions{})
}
