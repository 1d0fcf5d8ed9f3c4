package store_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Whatever bit of a stored block changes, no reader sees the block, and the
// node is told to stop.
func TestAChangedBitIsNeverServed(t *testing.T) {
	read := map[string]func(h *harness) error{
		"Read": func(h *harness) error { _, err := h.Read(2); return err },
		"Blocks": func(h *harness) error {
			return h.Blocks(context.Background(), 1, func(uint64, []byte, block.Block) error { return nil })
		},
		"Blocks from the block": func(h *harness) error {
			return h.Blocks(context.Background(), 2, func(uint64, []byte, block.Block) error { return nil })
		},
		"Check": func(h *harness) error { return h.Check(context.Background(), nil) },
		"Open":  func(h *harness) error { h.close(); return h.tryOpen() },
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for how, fn := range read {
		t.Run(how, func(t *testing.T) {
			for range 8 {
				h := newHarness(t)
				h.persist(1, "a")
				h.persist(2, "b", "c")
				h.persist(3, "d")
				var bit int
				h.overwrite(kv.BlockKey(2), func(val []byte) []byte {
					bit = rng.IntN(8 * len(val))
					val[bit/8] ^= 1 << (bit % 8)
					return val
				})
				if err := fn(h); errs.ExitCode(err) != errs.ExitIntegrity {
					t.Errorf("bit %d: %v", bit, err)
				}
				if how != "Open" {
					h.wantFatal(errs.ExitIntegrity)
				}
			}
		})
	}
}

// raw writes behind the store's back.
func (h *harness) raw(key, val []byte) {
	h.t.Helper()
	if err := h.db.Write(func(put func(key, val []byte) error) error { return put(key, val) }); err != nil {
		h.t.Fatal(err)
	}
}

func TestOpenRefusesALogThatContradictsItself(t *testing.T) {
	tests := []struct {
		name   string
		damage func(h *harness)
		text   string
	}{
		{"a block beyond the position", func(h *harness) {
			h.raw(kv.BlockKey(5), newEntry(h.t, 9, day, events("z")).raw)
		}, "the log ends at 4"},
		{"the last block is longer than the position", func(h *harness) {
			h.raw(kv.BlockKey(4), newEntry(h.t, 3, day, events("d", "e")).raw)
		}, "ends at event 5"},
		{"the position is beyond the last block", func(h *harness) {
			h.raw(store.PositionKey, store.EncodePosition(store.Position{Index: 9, Term: 1, Seq: 9}))
		}, "ends at event 4"},
		{"the position is lost", func(h *harness) {
			h.raw(store.PositionKey, store.EncodePosition(store.Position{}))
		}, "the log ends at 0"},
		{"the position is damaged", func(h *harness) {
			h.overwrite(store.PositionKey, func(v []byte) []byte { v[1] ^= 1; return v })
		}, "position is damaged"},
		{"the position is of a later release", func(h *harness) {
			h.overwrite(store.PositionKey, func([]byte) []byte { return []byte{2, 0x91, 0x7d, 0xaa, 0xaa} })
		}, "position is damaged"},
		{"a block overlaps the one before", func(h *harness) {
			h.raw(kv.BlockKey(3), newEntry(h.t, 3, day, events("x")).raw)
		}, "ends at event 3"},
		{"a block in the place of another", func(h *harness) {
			h.raw(kv.BlockKey(2), newEntry(h.t, 3, day, events("x")).raw)
		}, "ends at event 2"},
		{"other events with ids and a time that are right", func(h *harness) {
			list := events("b", "c")
			list[1].UserID = "another"
			h.raw(kv.BlockKey(2), newEntry(h.t, 2, day+2, list).raw)
		}, "not those whose chain is stored"},
		{"the chain is another", func(h *harness) {
			p := h.Persisted()
			p.Chain[7] ^= 1
			h.raw(store.PositionKey, store.EncodePosition(p))
		}, "not those whose chain is stored"},
		{"a row of the chain beyond the position", func(h *harness) {
			h.raw(kv.ChainKey(5), append([]byte{1}, make([]byte, 32)...))
		}, "a chain up to event 5, but the log ends at 4"},
		{"a row of the chain where no block ends", func(h *harness) {
			h.raw(kv.ChainKey(2), append([]byte{1}, make([]byte, 32)...))
		}, "events 3 to 3 are missing"},
		{"a row of the chain that is damaged", func(h *harness) {
			h.raw(kv.ChainKey(3), append([]byte{2}, make([]byte, 32)...))
		}, "of the chain is damaged"},
		{"a key that is none of a block", func(h *harness) {
			h.raw(append(kv.BlockKey(9), 'x'), []byte("x"))
		}, "not the key of a block"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.persist(1, "a")
			h.persist(2, "b", "c")
			h.persist(3, "d")
			tt.damage(h)
			h.close()
			err := h.tryOpen()
			if errs.ExitCode(err) != errs.ExitIntegrity || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Open = %v, want exit code %d and %q", err, errs.ExitIntegrity, tt.text)
			}
		})
	}
}

func TestOpenFindsThatTheBeginningIsMissing(t *testing.T) {
	h := newHarness(t)
	h.raw(kv.BlockKey(3), newEntry(t, 1, day, events("c")).raw)
	h.raw(store.PositionKey, store.EncodePosition(store.Position{Index: 1, Seq: 3}))
	h.close()
	if err := h.tryOpen(); errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("Open = %v", err)
	}
}

// What is too far back for Open is found by Check, and by whoever reads it.
func TestCheckFindsWhatOpenDoesNotLookAt(t *testing.T) {
	tests := []struct {
		name   string
		damage func(h *harness)
		text   string
	}{
		{"a changed bit", func(h *harness) {
			h.overwrite(kv.BlockKey(3), func(v []byte) []byte { v[30] ^= 1; return v })
		}, "at event 3 is damaged"},
		{"a block that is shorter than it was", func(h *harness) {
			h.raw(kv.BlockKey(5), newEntry(h.t, 3, day, events(name(5))).raw)
		}, "events 6 to 6 are missing"},
		{"a block that is longer than it was", func(h *harness) {
			h.raw(kv.BlockKey(5), newEntry(h.t, 3, day, events(name(5), name(6), "z")).raw)
		}, "at event 7 begins inside"},
		{"an id that cannot be looked up", func(h *harness) {
			h.raw(kv.BlockKey(5), newEntry(h.t, 3, day+3, events("x", "y")).raw)
		}, "the id of event 5 cannot be looked up"},
		{"an id that leads elsewhere", func(h *harness) {
			h.raw(kv.IDKey(block.IDHash("p", name(5))), binary.BigEndian.AppendUint64(nil, 9))
		}, "the id of event 5 leads to event 9"},
		{"a row of an id that is damaged", func(h *harness) {
			h.raw(kv.IDKey(block.IDHash("p", name(5))), []byte{1})
		}, "is damaged"},
		{"time that runs backwards", func(h *harness) {
			h.raw(kv.BlockKey(5), newEntry(h.t, 3, day-1, events(name(5), name(6))).raw)
		}, "was received before"},
		{"other events with ids that are right", func(h *harness) {
			list := events(name(5), name(6))
			list[0].UserID = "another"
			h.raw(kv.BlockKey(5), newEntry(h.t, 3, day+3, list).raw)
		}, "not those of the row of the chain"},
		{"a row of the chain that is another", func(h *harness) {
			seqs, chains := h.chainRows()
			chains[0][9] ^= 1
			h.raw(kv.ChainKey(seqs[0]), chains[0])
		}, "not those of the row of the chain"},
		{"a row of the chain that is gone", func(h *harness) {
			seqs, _ := h.chainRows()
			h.dropRow(seqs[0])
		}, "the row of the chain for event"},
	}
	full := append(fullRow(t, 11, day+10), fullRow(t, 21, day+20)...) // two rows
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			for i := range 10 {
				h.add(uint64(i)+1, name(2*i+1), name(2*i+2))
			}
			for _, e := range full {
				h.append(e)
			}
			for i := range store.TailBlocks {
				h.add(uint64(i)+100, name(100+i))
			}
			h.persistAll()
			tt.damage(h)
			h.reopen()
			var last uint64
			err := h.Check(context.Background(), func(seq, head uint64) {
				if seq <= last || head != h.Head() {
					t.Errorf("progress went from %d to %d of %d", last, seq, head)
				}
				last = seq
			})
			if errs.ExitCode(err) != errs.ExitIntegrity || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Check = %v, want %q", err, tt.text)
			}
			h.wantFatal(errs.ExitIntegrity)
		})
	}
}

// A block that this process has checked before is read without its hash. That it
// is another one now is found all the same, as far as it can be: the bytes below
// have right checksums in the database.
func TestViewFindsABlockThatIsGone(t *testing.T) {
	tests := []struct {
		name   string
		damage func(h *harness)
		text   string
	}{
		{"shorter than it was", func(h *harness) {
			h.raw(kv.BlockKey(1), newEntry(h.t, 1, day, events("a")).raw)
		}, "shorter than it was"},
		{"no block", func(h *harness) { h.raw(kv.BlockKey(1), []byte("x")) }, "is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.persist(1, "a", "b")
			if id, err := h.view(2); id != "b" || err != nil {
				t.Fatalf("View(2) = %q, %v", id, err)
			}
			tt.damage(h)
			_, err := h.view(2)
			if errs.ExitCode(err) != errs.ExitIntegrity || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("View(2) = %v, want exit code %d and %q", err, errs.ExitIntegrity, tt.text)
			}
			h.wantFatal(errs.ExitIntegrity)
		})
	}
}

// The memory for what was checked is bounded, and what it forgets is read again.
func TestExtents(t *testing.T) {
	var x store.Extents
	if _, ok := x.Find(1); ok {
		t.Error("an empty one finds a block")
	}
	n := uint64(store.MaxExtents)
	for i := n; i > 0; i-- {
		x.Add(10*i, 10*i+5)
		x.Add(10*i, 10*i+5)
	}
	for _, tt := range []struct {
		seq, first uint64
		ok         bool
	}{{9, 0, false}, {10, 10, true}, {15, 10, true}, {16, 0, false}, {10*n + 3, 10 * n, true}, {10*n + 6, 0, false}} {
		if first, ok := x.Find(tt.seq); first != tt.first && ok || ok != tt.ok {
			t.Errorf("Find(%d) = %d, %v, want %d, %v", tt.seq, first, ok, tt.first, tt.ok)
		}
	}
	x.Add(1, 2)
	if _, ok := x.Find(10); ok {
		t.Error("it has grown beyond its bound")
	}
	if first, ok := x.Find(2); first != 1 || !ok {
		t.Error("it has not what was added last")
	}
}
