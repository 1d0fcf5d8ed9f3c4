package projections_test

import (
	"runtime"
	"testing"

	"dashd/eventlog"
	"dashd/internal/genevents"
	"dashd/projections"
)

// What the tables are said to hold is what the heap has grown by.
func TestMemoryAgreesWithTheHeap(t *testing.T) {
	h := genevents.NewHistory(1, 60_000, 1_780_000_000_000)
	dash := projections.NewDash()
	before := heapInUse()
	for seq := uint64(1); ; seq++ {
		e, received, ok := h.Next()
		if !ok {
			dash.Publish(seq - 1)
			break
		}
		rec := eventlog.Record{Seq: seq, ReceivedAt: received, Event: e}
		dash.Apply(&rec)
	}
	runtime.KeepAlive(h)
	grown := heapInUse() - before
	total, figures, parts := int64(0), int64(0), map[string]bool{}
	for i, part := range dash.Memory() {
		if total += part.Bytes; part.Figures {
			figures += part.Bytes
			parts[part.Name] = true
		}
		if i > 0 && part.Bytes > dash.Memory()[i-1].Bytes {
			t.Errorf("%s comes behind smaller parts", part.Name)
		}
	}
	if total < grown*9/10 || total > grown*11/10 {
		t.Errorf("the tables hold %d bytes, and the heap grew by %d", total, grown)
	}
	if figures == 0 || figures > total/2 {
		t.Errorf("%d of %d bytes are for figures over time", figures, total)
	}
	for _, name := range []string{
		"people.joined", "people.joinedDays", "people.activeUntil", "people.begun", "people.uses", "people.world",
		"presence.days", "presence.sightings",
	} {
		if !parts[name] {
			t.Errorf("%s is not told of as being for figures over time", name)
		}
	}
	image := int64(0)
	for _, part := range dash.Image().Memory() {
		image += part.Bytes
	}
	if image < total*3/4 || image > total {
		t.Errorf("the image holds %d bytes, of %d", image, total)
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
