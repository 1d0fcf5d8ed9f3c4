package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// largeEntry is a block of about n bytes whose events have ids that begin with prefix.
func largeEntry(t testing.TB, index uint64, received int64, n int, prefix string) entry {
	t.Helper()
	const most = 24_000 // of an event
	count := n/most + 2
	var list []eventlog.Event
	for i := range count {
		list = append(list, big(fmt.Sprintf("%s.%d", prefix, i), n*3/4/count))
	}
	return newEntry(t, index, received, list)
}

// fullRow is entries from a raft index on whose blocks together get a row of the chain.
func fullRow(t testing.TB, index uint64, received int64) (list []entry) {
	t.Helper()
	for size, i := 0, uint64(0); size < store.ChainEvery; i++ {
		e := largeEntry(t, index+i, received+int64(i), 700_000, fmt.Sprintf("large%d.%d", index, i))
		size += len(e.raw)
		list = append(list, e)
	}
	return list
}

// chainRows are the rows of a/, with their values.
func (h *harness) chainRows() (seqs []uint64, chains [][]byte) {
	h.t.Helper()
	err := h.db.Scan(kv.PrefixChain, nil, func(key, val []byte) (bool, error) {
		seqs = append(seqs, kv.ChainSeq(key))
		chains = append(chains, slices.Clone(val))
		return true, nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return seqs, chains
}

// dropRow removes the row of a/ at a seq.
func (h *harness) dropRow(seq uint64) {
	h.t.Helper()
	if err := h.db.Delete([][]byte{kv.ChainKey(seq)}); err != nil {
		h.t.Fatal(err)
	}
}

// randomEntries are blocks of many sizes, together as large as said.
func randomEntries(t testing.TB, rng *rand.Rand, bytes int) (list []entry) {
	t.Helper()
	for size, i := 0, 0; size < bytes; i++ {
		n := 1 << (9 + rng.IntN(11)) // to 512 KiB
		e := largeEntry(t, uint64(2*i+1), day+int64(i), n, name(i))
		size += len(e.raw)
		list = append(list, e)
	}
	return list
}

// Which transactions brought the blocks does not show in the rows of the chain: they
// are the same on every node.
func TestRowsOfTheChainAreTheSameHoweverBlocksArePersisted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	list := randomEntries(t, rng, 12<<20)
	var want []uint64
	size, end := 0, uint64(0)
	for _, e := range list {
		end += uint64(len(e.events))
		if size += len(e.raw); size >= store.ChainEvery {
			if size > store.ChainEvery+block.MaxBytes {
				t.Fatalf("%d bytes between two rows", size)
			}
			want, size = append(want, end), 0
		}
	}
	if len(want) < 3 {
		t.Fatalf("rows at %d are few", want)
	}
	var values [][]byte
	for _, limit := range []int64{1, 100_000, store.BatchBytes} {
		t.Run(fmt.Sprintf("transactions of %d bytes", limit), func(t *testing.T) {
			h := newHarness(t)
			for i, e := range list {
				h.append(e)
				for more := rng.IntN(8) == 0 || limit == 1; more; {
					var err error
					if more, err = h.Persist(limit); err != nil {
						t.Fatal(err)
					}
				}
				if i == len(list)/2 {
					h.persistAll()
					h.reopen()
				}
			}
			h.persistAll()
			seqs, chains := h.chainRows()
			if !slices.Equal(seqs, want) {
				t.Errorf("rows at %d, want %d", seqs, want)
			}
			if values == nil {
				values = chains
			}
			if !reflect.DeepEqual(chains, values) {
				t.Error("the rows differ")
			}
			if err := h.Check(context.Background(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChainAtAnswersForTheEndOfEachBlock(t *testing.T) {
	h := newHarness(t)
	if chain, ok := h.ChainAt(0); !ok || chain != [32]byte{} {
		t.Errorf("an empty log: %x, %v", chain, ok)
	}
	list := randomEntries(t, rand.New(rand.NewPCG(2, 5)), 8<<20)
	check := func(when string, upTo int) {
		t.Helper()
		var want [32]byte
		seq := uint64(0)
		for i := range list[:upTo] {
			hash := sha256.Sum256(list[i].raw[:len(list[i].raw)-32])
			want = sha256.Sum256(slices.Concat(want[:], hash[:]))
			seq += uint64(len(list[i].events))
			if got, ok := h.ChainAt(seq - 1); ok {
				t.Errorf("%s: within a block, at event %d: %x", when, seq-1, got)
			}
			if got, ok := h.ChainAt(seq); !ok || got != want {
				t.Errorf("%s: at event %d: %x, %v, want %x", when, seq, got, ok, want)
			}
		}
		for _, beyond := range []uint64{seq + 1, seq + 2, 1<<64 - 1} {
			if got, ok := h.ChainAt(beyond); ok {
				t.Errorf("%s: beyond the log, at %d: %x", when, beyond, got)
			}
		}
		if got, ok := h.ChainAt(0); !ok || got != [32]byte{} {
			t.Errorf("%s: before the first event: %x, %v", when, got, ok)
		}
	}
	half := len(list) / 2
	for _, e := range list[:half] {
		h.append(e)
	}
	check("in memory", half)
	h.persistAll()
	check("on disk", half)
	for _, e := range list[half:] {
		h.append(e)
	}
	check("half of it on disk", len(list))
	h.persistAll()
	h.reopen()
	check("reopened", len(list))
	h.wantNoFatal()
}

func TestChainAtFindsDamage(t *testing.T) {
	h := newHarness(t)
	for i := range 4 {
		h.persist(uint64(i)+1, name(i))
	}
	h.raw(kv.BlockKey(2), []byte("x"))
	if chain, ok := h.ChainAt(3); ok {
		t.Errorf("ChainAt = %x", chain)
	}
	h.wantFatal(errs.ExitIntegrity)
}

// makeFormat1 makes the log one of the release before there was a chain. keep rows of
// the chain stay: that many had been written when a first start was ended.
func (h *harness) makeFormat1(keep int) {
	h.t.Helper()
	p := h.Persisted()
	b := []byte{1}
	for _, n := range []uint64{p.Index, p.Term, p.Seq, uint64(p.ReceivedAt), p.ConfigurationIndex} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, p.Configuration...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	h.raw(store.PositionKey, b)
	seqs, _ := h.chainRows()
	for _, seq := range seqs[keep:] {
		h.dropRow(seq)
	}
}

// A log from before there was a chain gets it when it is opened, with the rows it
// would have had.
func TestALogWithoutAChainGetsOne(t *testing.T) {
	list := randomEntries(t, rand.New(rand.NewPCG(3, 5)), 8<<20)
	for _, tt := range []struct {
		name  string
		keep  int // rows that a start before has written
		fault kv.Fault
	}{
		{"at the first start", 0, kv.NoFault},
		{"after a start that was ended", 2, kv.NoFault},
		{"after one that could not write", 1, kv.FailBeforeCommit},
		{"after one that wrote all and was ended", 0, kv.FailAfterCommit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.SetConfiguration(1, 1, []byte("conf"))
			for _, e := range list {
				e.index++
				h.append(e)
			}
			h.persistAll()
			want := h.Persisted()
			seqs, chains := h.chainRows()
			h.makeFormat1(tt.keep)
			if tt.fault != kv.NoFault {
				h.db.InjectFault(tt.fault)
				_, err := store.Open(h.db, store.Options{})
				if errs.ExitCode(err) != errs.ExitIO {
					t.Fatalf("Open = %v", err)
				}
			}
			h.reopen()
			if got := h.Persisted(); !reflect.DeepEqual(got, want) {
				t.Errorf("position %+v, want %+v", got, want)
			}
			gotSeqs, gotChains := h.chainRows()
			if !slices.Equal(gotSeqs, seqs) || !reflect.DeepEqual(gotChains, chains) {
				t.Errorf("rows at %d, want %d", gotSeqs, seqs)
			}
			h.reopen()
			h.persist(10_000, "more")
			if err := h.Check(context.Background(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// What was read once is not read again.
func TestAChainIsGoneOnWithWhereAStartWasEnded(t *testing.T) {
	h := newHarness(t)
	for _, e := range randomEntries(t, rand.New(rand.NewPCG(4, 5)), 8<<20) {
		h.append(e)
	}
	h.persistAll()
	seqs, _ := h.chainRows()
	h.makeFormat1(2)
	var text strings.Builder
	if _, err := store.Open(h.db, store.Options{Log: slog.New(slog.NewTextHandler(&text, nil))}); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("seq=%d head=%d", seqs[1], h.Head()); !strings.Contains(text.String(), want) {
		t.Errorf("the log has %q, want %q in it", text.String(), want)
	}
}

func TestAnEmptyLogWithoutAChain(t *testing.T) {
	h := newHarness(t)
	h.Advance(3, 1)
	h.persistAll()
	h.makeFormat1(0)
	h.reopen()
	if p := h.Persisted(); p.Index != 3 || p.Chain != [32]byte{} {
		t.Errorf("position %+v", p)
	}
	h.persist(4, "a")
	h.reopen()
	h.wantLog("a")
}

func BenchmarkStoredChain(b *testing.B) {
	h := newHarness(b)
	size := 0
	for i := 0; size < 3*store.ChainEvery; i++ {
		e := newEntry(b, uint64(i)+1, day, events(name(i)))
		size += len(e.raw)
		h.append(e)
	}
	h.persistAll()
	seqs, _ := h.chainRows()
	for b.Loop() {
		if _, ok, err := h.StoredChain(seqs[1] - 1); !ok || err != nil {
			b.Fatal("no chain")
		}
	}
}
