package block_test

import (
	"reflect"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/genevents"
)

func TestRoundTrip(t *testing.T) {
	events := genevents.Events(1, 3000)
	var groups [][]byte
	for rest := events; len(rest) > 0; {
		n := min(len(rest), 1000)
		g, err := block.AppendGroup(nil, rest[:n])
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d events: %d bytes", n, len(g))
		groups = append(groups, g)
		rest = rest[n:]
	}
	h := block.Header{Proposer: "n1", ReceivedAt: 1234}
	raw, err := block.Seal(h, groups...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	err = b.Each(10, func(r *eventlog.Record) error {
		want := eventlog.Record{Seq: uint64(10 + i), ReceivedAt: 1234, Event: events[i]}
		if !reflect.DeepEqual(*r, want) {
			t.Fatalf("event %d\n got %+v\nwant %+v", i, *r, want)
		}
		one, err := b.Event(i)
		if err != nil || !reflect.DeepEqual(one, events[i]) {
			t.Fatalf("Event(%d) = %+v, %v", i, one, err)
		}
		i++
		return nil
	})
	if err != nil || i != len(events) {
		t.Fatalf("%d events, %v", i, err)
	}
}
