package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
)

// model is a log as obvious as can be: all raft entries there ever were, and the
// records they add up to.
type model struct {
	entries []func(h *harness)
	last    uint64 // raft index
	records []eventlog.Record
	blocks  map[uint64][]byte // raw bytes by first seq
	conf    string
	confAt  uint64
	now     int64
}

// step adds one raft entry to the model and delivers it.
func (m *model) step(h *harness, rng *rand.Rand) {
	m.last += 1 + uint64(rng.IntN(2)) // raft has entries of its own between ours
	index := m.last
	var deliver func(h *harness)
	switch rng.IntN(10) {
	case 0:
		m.conf, m.confAt = fmt.Sprint("conf ", index), index
		conf := []byte(m.conf)
		deliver = func(h *harness) { h.SetConfiguration(index, 1, conf) }
	case 1:
		deliver = func(h *harness) { h.Advance(index, 1) }
	default:
		m.now += int64(rng.IntN(3)) * int64(rng.IntN(40_000))
		var list []eventlog.Event
		for range 1 + rng.IntN(5) {
			n := len(m.records) + len(list)
			e := made(m.now-int64(rng.IntN(store.IDLag)), n%1000)
			if rng.IntN(2) == 0 {
				e = event(name(n))
			}
			e.Project = []string{"p", "q"}[rng.IntN(2)]
			list = append(list, e)
		}
		e := newEntry(h.t, index, m.now, list)
		first := uint64(len(m.records)) + 1
		m.blocks[first] = e.raw
		for i, ev := range list {
			m.records = append(m.records, eventlog.Record{Seq: first + uint64(i), ReceivedAt: m.now, Event: ev})
		}
		deliver = func(h *harness) { h.append(e) }
	}
	m.entries = append(m.entries, deliver)
	deliver(h)
}

// compare reads h at random places.
func (m *model) compare(h *harness, rng *rand.Rand) {
	h.t.Helper()
	a, p := h.Applied(), h.Persisted()
	if h.Head() != uint64(len(m.records)) || a.Index != m.last || string(a.Configuration) != m.conf || a.ConfigurationIndex != m.confAt {
		h.t.Fatalf("at %+v, want seq %d, index %d, configuration %q of %d", a, len(m.records), m.last, m.conf, m.confAt)
	}
	if p.Index > a.Index || p.Seq > a.Seq || (h.Pending() == 0) != (p.Seq == a.Seq) {
		h.t.Fatalf("persisted %+v, applied %+v, %d bytes pending", p, a, h.Pending())
	}
	given := 0
	for _, r := range m.records[p.Seq:] {
		if r.GivenID {
			given++
		}
	}
	if _, ids := h.Held(); ids != given {
		h.t.Fatalf("%d ids are in memory, want those of the head, %d", ids, given)
	}
	if len(m.records) == 0 {
		return
	}
	for range 4 {
		want := m.records[rng.IntN(len(m.records))]
		got, err := h.Read(want.Seq)
		if err != nil || !reflect.DeepEqual(got, want) {
			h.t.Fatalf("Read(%d) = %+v, %v\nwant %+v", want.Seq, got, err, want)
		}
		if seq, ok, err := h.FindID(want.Project, want.ID); err != nil || !ok || m.records[seq-1].ID != want.ID {
			h.t.Fatalf("FindID(%q, %q) = %d, %v, %v, want %d", want.Project, want.ID, seq, ok, err, want.Seq)
		}
		seq, ok, err := h.Lookup(block.IDHash(want.Project, want.ID))
		if err != nil || ok != want.GivenID || ok && seq != want.Seq {
			h.t.Fatalf("Lookup(%q) = %d, %v, %v, want %d, %v", want.ID, seq, ok, err, want.Seq, want.GivenID)
		}
	}
	from := uint64(rng.IntN(len(m.records))) + 1
	next := uint64(0)
	err := h.Blocks(context.Background(), from, func(first uint64, raw []byte, b block.Block) error {
		if next == 0 && (first > from || from >= first+uint64(b.Len())) || next != 0 && first != next || !bytes.Equal(raw, m.blocks[first]) {
			return fmt.Errorf("wrong block at %d", first)
		}
		next = first + uint64(b.Len())
		return nil
	})
	if err != nil || next != h.Head()+1 {
		h.t.Fatalf("Blocks(%d) ended before %d, %v", from, next, err)
	}
}

// A log behaves as the model does, whatever is persisted when and whenever the
// node crashes.
func TestAgainstAModel(t *testing.T) {
	seeds, steps := uint64(3), 250
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			h := newHarness(t)
			m := &model{blocks: make(map[uint64][]byte), now: day}
			for range steps {
				switch roll := rng.IntN(100); {
				case roll < 70:
					m.step(h, rng)
				case roll < 94:
					if _, err := h.Persist(int64(rng.IntN(3000))); err != nil {
						t.Fatal(err)
					}
				default:
					before := h.Persisted()
					h.reopen()
					if got := h.Persisted(); !reflect.DeepEqual(got, before) {
						t.Fatalf("reopened at %+v, persisted was %+v", got, before)
					}
					for _, deliver := range m.entries { // those before are skipped
						deliver(h)
					}
				}
				m.compare(h, rng)
			}
			h.persistAll()
			h.reopen()
			m.compare(h, rng)
			if err := h.Check(context.Background(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}
