package block_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

var sampleHeader = block.Header{Proposer: "node-1", ReceivedAt: 1_767_225_600_123, ClusterVersion: 7}

// full has a value in every field.
func full() eventlog.Event {
	e := eventlog.Event{
		ID:             "0198c0de-0001-7abc-8def-0123456789ab",
		Project:        "default",
		Type:           "user.banned",
		Time:           1_767_225_600_000,
		Status:         eventlog.Failed,
		Source:         eventlog.SourceAPI,
		Shown:          eventlog.SeverityWarning,
		UserID:         "u1",
		SessionID:      "s1",
		OrganizationID: "o1",
		ActorID:        "admin",
		Key:            "u1",
		CountryCode:    "DE",
		GivenID:        true,
		GivenTime:      true,
		Personal: eventlog.Personal{
			Metadata:  []byte(`{"banReason":"spam"}`),
			IPAddress: "203.0.113.7",
			UserAgent: "Mozilla/5.0",
			City:      "Köln",
			Region:    "NRW",
			Country:   "Germany",
			Message:   "banned by hand",
			Origin: eventlog.Origin{
				Vocabulary:  eventlog.VocabularyDash,
				Type:        "user_banned",
				DisplayName: "User banned: spam",
				RawIP:       "203.0.113.7:80",
			},
			Sealed: []byte{0, 1, 0xfe, 0xff},
		},
	}
	for i := range e.Salt {
		e.Salt[i] = byte(i)
	}
	return e
}

// erase returns e without its personal part.
func erase(e eventlog.Event) eventlog.Event {
	e.Commit = block.Commit(&e)
	e.Erased, e.Personal, e.Salt = true, eventlog.Personal{}, [16]byte{}
	return e
}

// sampleGroups are the events of testdata/v1.block, group by group.
func sampleGroups() [][]eventlog.Event {
	second := full()
	second.ID, second.Time = "0198c0de-0002-7abc-8def-0123456789ab", -1
	alone := []eventlog.Event{full()}
	text := []eventlog.Event{full(), erase(second), {ID: "order:17", Time: 1 << 40, Shown: eventlog.SeverityFailed}}
	var many []eventlog.Event
	for i := range 130 {
		e := full()
		e.ID = fmt.Sprintf("0198c0de-0001-7abc-8def-%012x", i*i)
		e.UserID = fmt.Sprintf("u%d", i%40)
		e.SessionID = fmt.Sprintf("s%d", i*300)
		e.Time += int64(i * 100)
		e.Status = eventlog.Status(i % 2)
		e.OrganizationID = []string{"", "o1"}[i%2]
		e.Metadata = fmt.Appendf(nil, `{"n":%d}`, i)
		if i%10 == 9 || i >= 128 {
			e = erase(e)
		}
		many = append(many, e)
	}
	return [][]eventlog.Event{alone, text, many}
}

// sealGroups makes one group of each element.
func sealGroups(tb testing.TB, h block.Header, groups [][]eventlog.Event) []byte {
	tb.Helper()
	var parts [][]byte
	for _, events := range groups {
		g, err := block.AppendGroup(nil, events)
		if err != nil {
			tb.Fatal(err)
		}
		parts = append(parts, g)
	}
	raw, err := block.Seal(h, parts...)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// read returns the groups of an open block, every event by Each.
func read(b *block.Block) ([][]eventlog.Event, error) {
	var all []eventlog.Event
	err := b.Each(1, func(r *eventlog.Record) error {
		e := r.Event
		e.Metadata = append([]byte(nil), e.Metadata...)
		e.Sealed = append([]byte(nil), e.Sealed...)
		all = append(all, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var groups [][]eventlog.Event
	for _, g := range b.Groups() {
		groups = append(groups, all[g.First():g.First()+g.Len()])
	}
	return groups, nil
}

// wantEvents checks every way to read raw against what went in.
func wantEvents(t *testing.T, raw []byte, h block.Header, want [][]eventlog.Event) {
	t.Helper()
	b, err := block.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	if b.Header != h {
		t.Errorf("header %+v, want %+v", b.Header, h)
	}
	got, err := read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("Each\n got %+v\nwant %+v", got, want)
	}
	leaves, err := b.AppendLeaves(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for gi := range want {
		g := &b.Groups()[gi]
		for i := range want[gi] {
			wantColumns(t, g, i, &want[gi][i])
			e, err := b.Event(at)
			if err != nil || !reflect.DeepEqual(e, want[gi][i]) {
				t.Fatalf("Event(%d) = %+v, %v; want %+v", at, e, err, want[gi][i])
			}
			if leaves[at] != block.Leaf(&eventlog.Record{ReceivedAt: h.ReceivedAt, Event: e}) {
				t.Fatalf("AppendLeaves and Leaf differ for event %d", at)
			}
			wantFacts(t, &b, at, e)
			at++
		}
	}
	if at != b.Len() || at != len(leaves) {
		t.Errorf("Len = %d, %d leaves; want %d", b.Len(), len(leaves), at)
	}
	wantLent(t, &b)
}

// wantLent checks that Lend says what Each does.
func wantLent(t *testing.T, b *block.Block) {
	t.Helper()
	var want []eventlog.Record
	err := b.Each(7, func(r *eventlog.Record) error {
		c := *r
		c.Metadata, c.Sealed = bytes.Clone(r.Metadata), bytes.Clone(r.Sealed)
		want = append(want, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	at, step := 0, 1
	check := func(r *eventlog.Record) error {
		if at >= len(want) || !reflect.DeepEqual(*r, want[at]) {
			t.Fatalf("%+v is lent as event %d; Each gives another", *r, at)
		}
		at += step
		return nil
	}
	if err := b.Lend(7, check); err != nil || at != len(want) {
		t.Fatalf("Lend = %v after %d of %d events", err, at, len(want))
	}
	var offsets []int
	for at := 0; at < len(want); at += 3 {
		offsets = append(offsets, at)
	}
	at, step = 0, 3
	if err := b.LendSelected(7, offsets, check); err != nil || at != 3*len(offsets) {
		t.Fatalf("LendSelected = %v at %d of %d events", err, at, len(want))
	}
}

// wantFacts checks what SelectFacts says of event at, which is e.
func wantFacts(t *testing.T, b *block.Block, at int, e eventlog.Event) {
	t.Helper()
	e.ID, e.Key, e.Region, e.Message = "", "", "", ""
	e.Salt, e.Commit = [16]byte{}, [32]byte{}
	e.Origin = eventlog.Origin{Vocabulary: e.Origin.Vocabulary}
	// The event before it must leave nothing behind.
	offsets := []int{max(at-1, 0), at}
	var got eventlog.Event
	err := b.SelectFacts(0, offsets, func(r *eventlog.Record) error {
		got = r.Event
		got.UserAgent, got.City, got.Country = strings.Clone(r.UserAgent), strings.Clone(r.City), strings.Clone(r.Country)
		got.Metadata, got.Sealed = bytes.Clone(r.Metadata), bytes.Clone(r.Sealed)
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Fatalf("SelectFacts(%d) = %+v, %v; want %+v", at, got, err, e)
	}
}

// wantColumns checks row i of the columns.
func wantColumns(t *testing.T, g *block.Group, i int, e *eventlog.Event) {
	t.Helper()
	text := [block.NumColumns]string{
		block.ColProject: e.Project, block.ColType: string(e.Type), block.ColUser: e.UserID, block.ColKey: e.Key,
		block.ColOrganization: e.OrganizationID, block.ColSession: e.SessionID, block.ColActor: e.ActorID,
		block.ColCountry: e.CountryCode, block.ColIP: e.IPAddress,
	}
	for c := range block.NumColumns {
		ref := g.Ref(c, i)
		if got := string(g.Dict(ref)); got != text[c] || int(ref) >= g.DictLen() {
			t.Fatalf("row %d, column %d: %q, want %q", i, c, got, text[c])
		}
	}
	got := eventlog.Event{
		ID: g.ID(i), Time: g.Time(i), Status: g.Status(i), Source: g.Source(i), Shown: g.Shown(i),
		GivenID: g.GivenID(i), GivenTime: g.GivenTime(i), Erased: g.Erased(i),
	}
	want := eventlog.Event{
		ID: e.ID, Time: e.Time, Status: e.Status, Source: e.Source, Shown: e.Shown,
		GivenID: e.GivenID, GivenTime: e.GivenTime, Erased: e.Erased,
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("row %d: columns %+v, want %+v", i, got, want)
	}
}

// resum gives a damaged block the hash of what it now is.
func resum(raw []byte) []byte {
	sum := sha256.Sum256(raw[:len(raw)-len(sha256.Sum256(nil))])
	copy(raw[len(raw)-len(sum):], sum[:])
	return raw
}

// randomEvents are any that the format can hold, likely and unlikely.
func randomEvents(seed uint64, n int) []eventlog.Event {
	rng := rand.New(rand.NewPCG(seed, 1))
	words := make([]string, 1+rng.IntN(2*n))
	for i := range words {
		b := make([]byte, rng.IntN(40))
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		words[i] = string(b)
	}
	word := func() string { return words[rng.IntN(len(words))] }
	bytesOf := func(limit int) []byte { // nil if empty
		var b []byte
		for range rng.IntN(limit) / (1 + rng.IntN(limit)) {
			b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
		}
		return b
	}
	uuids, spread := rng.IntN(2) == 0, uint(rng.IntN(64))
	events := make([]eventlog.Event, n)
	for i := range events {
		e := eventlog.Event{
			ID: word(), Project: word(), Type: eventlog.Type(word()),
			Time:   int64(rng.Uint64()) >> spread,
			Status: eventlog.Status(rng.IntN(2)), Source: eventlog.Source(rng.IntN(2)), Shown: eventlog.Severity(rng.IntN(5)),
			UserID: word(), SessionID: word(), OrganizationID: word(), ActorID: word(), Key: word(), CountryCode: word(),
			GivenID: rng.IntN(2) == 0, GivenTime: rng.IntN(2) == 0,
			Personal: eventlog.Personal{
				Metadata: bytesOf(60), IPAddress: word(), UserAgent: word(), City: word(), Region: word(),
				Country: word(), Message: word(),
				Origin: eventlog.Origin{
					Vocabulary: eventlog.Vocabulary(rng.IntN(5)), Type: word(), DisplayName: word(), RawIP: word(),
				},
				Sealed: bytesOf(20),
			},
		}
		if uuids {
			e.ID = fmt.Sprintf("0198c0de-%04x-7abc-8def-%012x", rng.IntN(1<<16), rng.IntN(1<<32))
		}
		for j := range e.Salt {
			e.Salt[j] = byte(rng.Uint32())
		}
		if rng.IntN(4) == 0 {
			e = erase(e)
		}
		events[i] = e
	}
	return events
}
