package store_test

import (
	"context"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/genevents"
	"dashd/internal/kv"
)

// benchBlocks returns blocks of generated events, and their number of bytes.
func benchBlocks(b *testing.B, blocks, each int, given bool) (entries []entry, bytes int) {
	b.Helper()
	source := genevents.New(1, 2000)
	source.GivenIDs = given
	for i := range blocks {
		list := make([]eventlog.Event, each)
		for k := range list {
			list[k] = source.Next()
		}
		e := newEntry(b, uint64(i)+1, day+int64(i), list)
		bytes += len(e.raw)
		entries = append(entries, e)
	}
	return entries, bytes
}

// BenchmarkAppendPersist is the FSM's and the persister's work on this node: how
// fast blocks go into memory and, synced, to the disk.
func BenchmarkAppendPersist(b *testing.B) {
	for _, bm := range []struct {
		name  string
		each  int
		given bool
	}{
		{"blocks of 1000", 1000, false},
		{"blocks of 1000, given ids", 1000, true},
		{"blocks of 4000", 4000, false},
		{"blocks of 1", 1, false},
	} {
		b.Run(bm.name, func(b *testing.B) {
			const n = 200
			entries, bytes := benchBlocks(b, n, bm.each, bm.given)
			blocks := make([]block.Block, n)
			for i := range entries {
				var err error
				if blocks[i], err = block.Open(entries[i].raw); err != nil {
					b.Fatal(err)
				}
			}
			h := newHarness(b)
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- h.Run(ctx) }()
			b.SetBytes(int64(bytes))
			index := uint64(0)
			for b.Loop() {
				for i := range entries {
					index++
					if _, err := h.Append(index, 1, entries[i].raw, blocks[i]); err != nil {
						b.Fatal(err)
					}
				}
				// As the appender does: what waits is bounded.
				if h.Pending() > 32<<20 {
					if err := h.WaitPersisted(ctx, index-n/2); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := h.WaitPersisted(ctx, index); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(h.Head())/b.Elapsed().Seconds(), "events/s")
			stop()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// filled returns a log on disk of about the given size.
func filled(b *testing.B, size int, given bool) *harness {
	b.Helper()
	entries, bytes := benchBlocks(b, 200, 1000, given)
	h := newHarness(b)
	for index := uint64(1); int(index)*bytes/len(entries) < size; index++ {
		e := entries[index%uint64(len(entries))]
		e.index = index
		h.append(e)
		if h.Pending() > 4<<20 {
			h.persistAll()
		}
	}
	h.persistAll()
	h.reopen()
	return h
}

// BenchmarkBlocks is the floor of every replay: reading and checking the log.
func BenchmarkBlocks(b *testing.B) {
	const size = 256 << 20
	h := filled(b, size, false)
	b.SetBytes(size)
	for b.Loop() {
		n := uint64(0)
		err := h.Blocks(context.Background(), 1, func(_ uint64, _ []byte, blk block.Block) error {
			n += uint64(blk.Len())
			return nil
		})
		if err != nil || n != h.Head() {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(h.Head())*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRandomBlock is a read of one event far from the head.
func BenchmarkRandomBlock(b *testing.B) {
	h := filled(b, 256<<20, false)
	seq := uint64(1)
	for b.Loop() {
		seq = (seq*6364136223846793005 + 1442695040888963407) % h.Head()
		if _, _, err := h.Block(seq + 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRandomView is the same for a reader that keeps nothing.
func BenchmarkRandomView(b *testing.B) {
	h := filled(b, 256<<20, false)
	seq := uint64(1)
	for b.Loop() {
		seq = (seq*6364136223846793005 + 1442695040888963407) % h.Head()
		if err := h.View(seq+1, func(*block.Block, uint64) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookup is what an event with an id of its own costs the appender.
func BenchmarkLookup(b *testing.B) {
	h := filled(b, 128<<20, true)
	for _, bm := range []struct {
		name    string
		project string
		want    bool
	}{{"hit", "default", true}, {"miss", "nobody", false}} {
		b.Run(bm.name, func(b *testing.B) {
			var hashes [][16]byte
			for seq := uint64(1); seq < 200_000; seq += 97 {
				r, err := h.Read(seq)
				if err != nil {
					b.Fatal(err)
				}
				hashes = append(hashes, block.IDHash(bm.project, r.ID))
			}
			i := 0
			for b.Loop() {
				i++
				if _, ok, err := h.Lookup(hashes[i%len(hashes)]); err != nil || ok != bm.want {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// BenchmarkOpen is what the log adds to the start of a node.
func BenchmarkOpen(b *testing.B) {
	h := filled(b, 256<<20, false)
	h.close()
	for b.Loop() {
		db, err := kv.Open(h.dir, kv.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := store.Open(db, store.Options{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	h.open()
}

// BenchmarkInstall measures what a log takes that comes from another node, parts and
// their wire form included, but not the wire.
func BenchmarkInstall(b *testing.B) {
	s := &sender{harness: newHarness(b)}
	entries, _ := benchBlocks(b, 200, 1024, true)
	for _, e := range entries {
		s.bring(e)
	}
	s.persistAll()
	size := 0
	for b.Loop() {
		h := newHarness(b)
		err := s.Parts(b.Context(), 0, s.Persisted(), func(p *store.Part) error {
			wire := store.AppendPart(nil, p)
			size += len(wire)
			p, err := readPart(wire)
			if err != nil {
				return err
			}
			return h.Install(b.Context(), p)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
}

// BenchmarkOpenWithoutAChain measures what the first start of this release takes on a log
// of one before it.
func BenchmarkOpenWithoutAChain(b *testing.B) {
	h := newHarness(b)
	entries, bytes := benchBlocks(b, 400, 1024, false)
	for _, e := range entries {
		h.append(e)
	}
	h.persistAll()
	b.SetBytes(int64(bytes))
	for b.Loop() {
		b.StopTimer()
		h.makeFormat1(0)
		b.StartTimer()
		if _, err := store.Open(h.db, store.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
