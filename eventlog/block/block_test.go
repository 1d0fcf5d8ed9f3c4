package block_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/errs"
	"dashd/internal/genevents"
)

func TestEventsComeBack(t *testing.T) {
	long := full()
	long.SessionID = strings.Repeat("s", 70_000) // a dictionary of more than 64 KiB
	ends := []eventlog.Event{full(), full()}
	ends[0].Time, ends[1].Time = math.MinInt64, math.MaxInt64
	upper := full()
	upper.ID = strings.ToUpper(upper.ID)
	almost := full()
	almost.ID = "0198c0de-0001-7abc-8def-0123456789ag"
	allErased := make([]eventlog.Event, 65)
	for i := range allErased {
		allErased[i] = erase(full())
	}
	tests := []struct {
		name   string
		groups [][]eventlog.Event
	}{
		{"one event", [][]eventlog.Event{{full()}}},
		{"the empty event", [][]eventlog.Event{{{}}}},
		{"one erased event", [][]eventlog.Event{{erase(full())}}},
		{"only erased events", [][]eventlog.Event{allErased}},
		{"the ends of time", [][]eventlog.Event{ends}},
		{"a long string", [][]eventlog.Event{{full(), long}}},
		{"a UUID in upper case keeps it", [][]eventlog.Event{{upper}}},
		{"an id that is nearly a UUID", [][]eventlog.Event{{full(), almost}}},
		{"the sample of the golden file", sampleGroups()},
		{"as many as a group can hold", [][]eventlog.Event{genevents.Events(1, block.GroupEvents)}},
		{"many groups of one", split(genevents.Events(2, 500), 1)},
		{"sub-blocks with and without the dictionary", split(genevents.Events(3, 400), 81)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantEvents(t, sealGroups(t, sampleHeader, tt.groups), sampleHeader, tt.groups)
		})
	}
}

func split(events []eventlog.Event, n int) [][]eventlog.Event {
	var groups [][]eventlog.Event
	for ; len(events) > n; events = events[n:] {
		groups = append(groups, events[:n])
	}
	return append(groups, events)
}

func TestNumbersOfRecords(t *testing.T) {
	groups := split(genevents.Events(1, 300), 70)
	b, err := block.Open(sealGroups(t, sampleHeader, groups))
	if err != nil {
		t.Fatal(err)
	}
	seq := uint64(1000)
	err = b.Each(1000, func(r *eventlog.Record) error {
		if r.Seq != seq || r.ReceivedAt != sampleHeader.ReceivedAt {
			t.Fatalf("record %d, received %d; want %d, %d", r.Seq, r.ReceivedAt, seq, sampleHeader.ReceivedAt)
		}
		seq++
		return nil
	})
	if err != nil || seq != 1300 {
		t.Errorf("Each ended at %d: %v", seq, err)
	}
}

func TestEachStopsAtTheCallersError(t *testing.T) {
	b, err := block.Open(sealGroups(t, sampleHeader, sampleGroups()))
	if err != nil {
		t.Fatal(err)
	}
	stop, calls := errors.New("stop"), 0
	err = b.Each(1, func(*eventlog.Record) error {
		calls++
		if calls == 3 {
			return stop
		}
		return nil
	})
	if err != stop || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestSelectKeepsTheOrderAskedFor(t *testing.T) {
	events := genevents.Events(1, 300)
	b, err := block.Open(sealGroups(t, sampleHeader, split(events, 130)))
	if err != nil {
		t.Fatal(err)
	}
	offsets := []int{299, 298, 0, 0, 129, 130, 70, 5}
	at := 0
	err = b.Select(1, offsets, func(r *eventlog.Record) error {
		if want := events[offsets[at]]; r.Seq != uint64(1+offsets[at]) || !reflect.DeepEqual(r.Event, want) {
			t.Fatalf("record %d\n got %+v\nwant %+v", at, r, want)
		}
		at++
		return nil
	})
	if err != nil || at != len(offsets) {
		t.Errorf("%d records, %v", at, err)
	}
	for _, bad := range []int{-1, 300} {
		if _, err := b.Event(bad); err == nil {
			t.Errorf("Event(%d) of 300 has no error", bad)
		}
	}
}

func TestWhatCannotBeEncoded(t *testing.T) {
	with := func(change func(*eventlog.Event)) []eventlog.Event {
		e := full()
		change(&e)
		return []eventlog.Event{full(), e}
	}
	tests := []struct {
		name   string
		events []eventlog.Event
		kind   errs.Kind
	}{
		{"no events", nil, errs.Internal},
		{"more than a group holds", make([]eventlog.Event, block.GroupEvents+1), errs.Internal},
		{"no such status", with(func(e *eventlog.Event) { e.Status = 2 }), errs.Internal},
		{"no such source", with(func(e *eventlog.Event) { e.Source = 2 }), errs.Internal},
		{"no such severity", with(func(e *eventlog.Event) { e.Shown = 5 }), errs.Internal},
		{"no such vocabulary", with(func(e *eventlog.Event) { e.Origin.Vocabulary = 5 }), errs.Internal},
		{"erased, but an address is left", with(func(e *eventlog.Event) {
			*e = erase(*e)
			e.IPAddress = "203.0.113.7"
		}), errs.Internal},
		{"erased, but the vocabulary is left", with(func(e *eventlog.Event) {
			*e = erase(*e)
			e.Origin.Vocabulary = eventlog.VocabularyDash
		}), errs.Internal},
		{"erased, but the salt is left", with(func(e *eventlog.Event) {
			*e = erase(*e)
			e.Salt[3] = 1
		}), errs.Internal},
		{"a commit and a personal part", with(func(e *eventlog.Event) { e.Commit[0] = 1 }), errs.Internal},
		{"a personal part over the limit", with(func(e *eventlog.Event) {
			e.Metadata = make([]byte, block.MaxPersonal)
		}), errs.TooLarge},
		{"a group over the limit", with(func(e *eventlog.Event) {
			e.SessionID = strings.Repeat("s", block.MaxBytes)
		}), errs.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := block.AppendGroup([]byte("before"), tt.events)
			if err == nil || errs.KindOf(err) != tt.kind {
				t.Errorf("error %v, want kind %v", err, tt.kind)
			}
			if string(got) != "before" {
				t.Errorf("dst became %d bytes", len(got))
			}
		})
	}
}

func TestLongestGroupFitsWithTheLongestHeader(t *testing.T) {
	// A string does not compress in the dictionary, so it makes any length.
	e := full()
	one, err := block.AppendGroup(nil, []eventlog.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	e.SessionID += strings.Repeat("s", block.MaxGroup-len(one)-100)
	for { // ends of dictionary entries take two more bytes each in a long dictionary
		g, err := block.AppendGroup(nil, []eventlog.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		if len(g) == block.MaxGroup {
			h := block.Header{Proposer: strings.Repeat("p", 255)}
			raw, err := block.Seal(h, g)
			if err != nil || len(raw) != block.MaxBytes {
				t.Fatalf("Seal gives %d bytes, %v", len(raw), err)
			}
			wantEvents(t, raw, h, [][]eventlog.Event{{e}})
			return
		}
		e.SessionID += strings.Repeat("s", block.MaxGroup-len(g))
	}
}

func TestSeal(t *testing.T) {
	g, err := block.AppendGroup(nil, genevents.Events(1, 1000))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := block.Seal(sampleHeader, g, g, g)
	if err != nil {
		t.Fatal(err)
	}
	if want := block.SealedSize(sampleHeader, 3, 3*len(g)); len(raw) != want {
		t.Errorf("%d bytes, SealedSize says %d", len(raw), want)
	}
	many := [][]byte{}
	for range block.MaxBytes/len(g) + 1 {
		many = append(many, g)
	}
	tests := []struct {
		name   string
		header block.Header
		groups [][]byte
		kind   errs.Kind
	}{
		{"more than a block holds", sampleHeader, many, errs.TooLarge},
		{"no groups", sampleHeader, nil, errs.Internal},
		{"a group that is none", sampleHeader, [][]byte{g, []byte("group")}, errs.Internal},
		{"a proposer id that does not fit", block.Header{Proposer: strings.Repeat("p", 256)}, [][]byte{g}, errs.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := block.Seal(tt.header, tt.groups...); err == nil || errs.KindOf(err) != tt.kind {
				t.Errorf("error %v, want kind %v", err, tt.kind)
			}
		})
	}
}

func TestOneFlippedBitIsFound(t *testing.T) {
	raw := sealGroups(t, sampleHeader, sampleGroups()[:2])
	for bit := range 8 * len(raw) {
		raw[bit/8] ^= 1 << (bit % 8)
		if _, err := block.Open(raw); err == nil {
			t.Fatalf("bit %d flipped, and Open accepts it", bit)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for n := range raw {
		if _, err := block.Open(raw[:n]); err == nil {
			t.Fatalf("cut to %d bytes, and Open accepts it", n)
		}
	}
	if _, err := block.Open(append(bytes.Clone(raw), 0)); err == nil {
		t.Error("Open accepts a block with a byte behind it")
	}
}

// With the hash put right, the structure still has to hold.
func TestDamageUnderAGoodHash(t *testing.T) {
	start := block.HeaderBytes + len(sampleHeader.Proposer) + 4 // of the first group
	tests := []struct {
		name   string
		damage func(raw []byte)
		want   string // in the error
	}{
		{"another magic", func(raw []byte) { raw[0]++ }, "not a block"},
		{"a later format", func(raw []byte) { raw[4]++ }, "format version 2"},
		{"too many groups", func(raw []byte) { raw[19] = 0xff }, "do not fit"},
		{"a group too many", func(raw []byte) { raw[16]++ }, "group 3"},
		{"a group too few", func(raw []byte) { raw[16]-- }, "do not agree"},
		{"an event too many", func(raw []byte) { raw[20]++ }, "do not agree"},
		{"a group of no events", func(raw []byte) { raw[start] = 0 }, "0 events"},
		{"no dictionary", func(raw []byte) { raw[start+2] = 0 }, "dictionary"},
		{"a dictionary that is not there", func(raw []byte) { raw[start+7] = 0xff }, "cut short"},
		{"times of three bytes", func(raw []byte) { raw[start+16] = 3 }, "times"},
		{"a prefix longer than an id", func(raw []byte) { raw[start+17] = 17 }, "prefix"},
		{"references of three bytes", func(raw []byte) { raw[start+18] = 3 }, "references"},
		{"a reference to nothing", func(raw []byte) { raw[start+19] = 0xff }, "dictionary"},
		{"ids as text too", func(raw []byte) { raw[start+18+3*9+1] = 1 }, "ids"},
		{"no such severity", func(raw []byte) { raw[block.FirstFlags(raw)] |= 7 << 2 }, "severity"},
		{"erased, with an address", func(raw []byte) { raw[block.FirstFlags(raw)] |= 0x80 }, "address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := sealGroups(t, sampleHeader, sampleGroups())
			tt.damage(raw)
			if _, err := block.Open(resum(raw)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// What stands only in the compressed part is checked when it is read.
func TestDamageFoundWhenReading(t *testing.T) {
	tests := []struct {
		name   string
		damage func(raw []byte)
	}{
		{"the index has another address than the event", func(raw []byte) {
			raw[bytes.Index(raw, []byte("203.0.113.7"))]++
		}},
		{"the compressed part is noise", func(raw []byte) {
			for i := range raw[len(raw)-200 : len(raw)-block.HashBytes] {
				raw[len(raw)-200+i] = 0xaa
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := sealGroups(t, sampleHeader, [][]eventlog.Event{{full()}})
			tt.damage(raw)
			b, err := block.View(resum(raw))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Event(0); err == nil {
				t.Error("Event has no error")
			}
			if err := b.Each(1, func(*eventlog.Record) error { return nil }); err == nil {
				t.Error("Each has no error")
			}
			if leaves, err := b.AppendLeaves(nil); err == nil || len(leaves) != 0 {
				t.Errorf("AppendLeaves gives %d leaves and error %v", len(leaves), err)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	events := genevents.Events(1, 1000)
	b, err := block.Open(sealGroups(t, sampleHeader, [][]eventlog.Event{events}))
	if err != nil {
		t.Fatal(err)
	}
	each := func() {
		if err := b.Each(1, func(*eventlog.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	each()
	// An id and a session for each event; users and addresses now and then.
	if got := testing.AllocsPerRun(10, each); got > 4*float64(len(events)) {
		t.Errorf("Each makes %.1f allocations per event", got/float64(len(events)))
	}
}
