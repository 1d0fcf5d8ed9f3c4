package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

func TestALogIsTheSameInMemoryOnDiskAndReopened(t *testing.T) {
	h := newHarness(t)
	h.wantLog()
	if a := h.add(3, "a", "b"); a != (store.Applied{First: 1, Last: 2, ReceivedAt: day + 3}) {
		t.Errorf("Append = %+v", a)
	}
	h.add(4, "c")
	h.wantLog("a", "b", "c")
	h.persistAll()
	h.wantLog("a", "b", "c")
	h.add(7, "d")
	h.wantLog("a", "b", "c", "d")
	if got := h.Pending(); got == 0 {
		t.Error("nothing is pending")
	}
	h.reopen()
	h.wantLog("a", "b", "c")
	if p := h.Persisted(); p.Index != 4 || p.Term != 1 || p.Seq != 3 || p.ReceivedAt != day+4 || !reflect.DeepEqual(p, h.Applied()) {
		t.Errorf("reopened at %+v, applied %+v", p, h.Applied())
	}
	h.persist(7, "d")
	h.wantLog("a", "b", "c", "d")
	if got := h.Pending(); got != 0 {
		t.Errorf("%d bytes are pending", got)
	}
}

func TestAnEntryDeliveredAgainIsSkipped(t *testing.T) {
	h := newHarness(t)
	h.persist(5, "a")
	for _, index := range []uint64{1, 4, 5} {
		if a := h.add(index, "z"); a != (store.Applied{}) {
			t.Errorf("entry %d went to %+v", index, a)
		}
		h.SetConfiguration(index, 9, []byte("conf"))
		h.Advance(index, 9)
	}
	h.wantLog("a")
	if p := h.Applied(); p.Index != 5 || p.Term != 1 || p.Configuration != nil {
		t.Errorf("position %+v", p)
	}
}

// A crash may come after any step. Raft then delivers every entry behind the
// persisted index again.
func TestCrashAfterEachStep(t *testing.T) {
	steps := []func(h *harness){
		func(h *harness) { h.SetConfiguration(1, 1, []byte("one")) },
		func(h *harness) { h.add(2, "a", "b") },
		func(h *harness) { h.Advance(4, 2) },
		func(h *harness) { h.add(5, "c") },
		func(h *harness) { h.SetConfiguration(6, 2, []byte("two")) },
		func(h *harness) { h.add(7, "d", "e") },
	}
	for persistAfter := range steps {
		for crashAfter := range steps {
			t.Run(fmt.Sprintf("persisted after %d, crash after %d", persistAfter, crashAfter), func(t *testing.T) {
				h := newHarness(t)
				for i, step := range steps[:crashAfter+1] {
					step(h)
					if i == persistAfter {
						h.persistAll()
					}
				}
				h.reopen()
				for _, step := range steps {
					step(h)
				}
				h.wantLog("a", "b", "c", "d", "e")
				h.persistAll()
				h.reopen()
				h.wantLog("a", "b", "c", "d", "e")
				want := store.Position{
					Index: 7, Term: 1, Seq: 5, ReceivedAt: day + 7, Chain: h.chain(5),
					Configuration: []byte("two"), ConfigurationIndex: 6,
				}
				if got := h.Persisted(); !reflect.DeepEqual(got, want) {
					t.Errorf("position %+v, want %+v", got, want)
				}
			})
		}
	}
}

// A configuration is as old as the last block it is stored with.
func TestAPartialBatchCarriesItsOwnConfiguration(t *testing.T) {
	h := newHarness(t)
	h.SetConfiguration(1, 1, []byte("old"))
	h.add(2, "a")
	h.SetConfiguration(3, 1, []byte("new"))
	h.add(4, "b")
	if _, err := h.Persist(1); err != nil { // one block at least
		t.Fatal(err)
	}
	h.reopen()
	if p := h.Persisted(); p.Index != 2 || p.Seq != 1 || string(p.Configuration) != "old" || p.ConfigurationIndex != 1 {
		t.Errorf("position %+v", p)
	}
	h.wantLog("a")
}

// A commit that returns an error may have reached the disk or not. In both
// cases the reopened node takes the block again and holds each event once.
func TestPersistFails(t *testing.T) {
	for _, tt := range []struct {
		name      string
		fault     kv.Fault
		persisted uint64 // raft index after reopening
	}{
		{"nothing was written", kv.FailBeforeCommit, 1},
		{"written, then an error", kv.FailAfterCommit, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.persist(1, "a", "b")
			h.db.InjectFault(tt.fault)
			h.persistStops(2, errs.ExitIO, "c")
			if _, err := h.tryAppend(newEntry(t, 3, day+3, events("d"))); errs.ExitCode(err) != errs.ExitIO {
				t.Errorf("Append after the failure: %v", err)
			}
			if err := h.WaitPersisted(context.Background(), 2); errs.ExitCode(err) != errs.ExitIO {
				t.Errorf("WaitPersisted after the failure: %v", err)
			}
			if _, err := h.Persist(1); errs.ExitCode(err) != errs.ExitIO {
				t.Errorf("the next batch: %v", err)
			}
			h.wantFatal(errs.ExitIO)
			h.reopen()
			if got := h.Persisted().Index; got != tt.persisted {
				t.Errorf("persisted index = %d, want %d", got, tt.persisted)
			}
			h.persist(2, "c") // raft delivers it again
			h.wantLog("a", "b", "c")
		})
	}
}

func TestAFullDiskStopsTheNodeBeforeItWrites(t *testing.T) {
	h := newHarness(t)
	h.persist(1, "a")
	h.close()
	space, err := kv.FreeSpace(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = kv.Open(h.dir, kv.Options{MinFree: space.Total + 1})
	if errs.ExitCode(err) != errs.ExitDiskLow {
		t.Errorf("Open: %v", err)
	}
	h.open()
	h.wantLog("a")
}

func TestRunPersistsInTheBackgroundAndAtTheEnd(t *testing.T) {
	h := newHarness(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	var want []string
	for i := range 50 {
		want = append(want, name(i))
		h.add(uint64(i)+1, name(i))
	}
	if err := h.WaitPersisted(ctx, 50); err != nil {
		t.Fatal(err)
	}
	h.SetConfiguration(51, 1, []byte("c"))
	if err := h.WaitPersisted(ctx, 51); err != nil {
		t.Fatal(err)
	}
	h.add(52, "last")
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if p := h.Persisted(); p.Index != 52 {
		t.Errorf("Run ended at index %d", p.Index)
	}
	h.reopen()
	h.wantLog(append(want, "last")...)
}

// Blocks wait a moment for others, and not at all for somebody who waits.
func TestRunGathersBlocks(t *testing.T) {
	for _, waited := range []bool{false, true} {
		t.Run(fmt.Sprint("somebody waits: ", waited), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.db.InjectFault(kv.FailBeforeCommit)
				one, two := newEntry(t, 1, day, events("a")), newEntry(t, 2, day, events("b"))
				begin := time.Now()
				var took time.Duration
				go func() {
					_ = h.Run(t.Context())
					took = time.Since(begin)
				}()
				h.append(one)
				synctest.Wait()
				h.append(two)
				synctest.Wait()
				h.wantNoFatal()
				want := store.GatherFor
				if waited {
					want = 0
					if err := h.WaitPersisted(t.Context(), 2); errs.ExitCode(err) != errs.ExitIO {
						t.Errorf("WaitPersisted = %v", err)
					}
				}
				time.Sleep(store.GatherFor) // of the bubble's time
				synctest.Wait()
				if h.wantFatal(errs.ExitIO); took != want {
					t.Errorf("a commit was tried after %v, want %v", took, want)
				}
			})
		})
	}
}

func TestRunEndsWhenItCannotPersist(t *testing.T) {
	h := newHarness(t)
	h.db.InjectFault(kv.FailBeforeCommit)
	h.add(1, "a")
	if err := h.Run(context.Background()); errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("Run = %v", err)
	}
	h.wantFatal(errs.ExitIO)
}

func TestWaiting(t *testing.T) {
	h := newHarness(t)
	e1, e2 := newEntry(t, 1, day, events("a", "b")), newEntry(t, 2, day, events("c"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var woken, cancelled error
		var got bool
		go func() { woken = h.Wait(ctx, 3); got = true }()
		go func() { cancelled = h.Wait(ctx, 4) }()
		synctest.Wait()
		h.append(e1)
		synctest.Wait()
		if got {
			t.Error("Wait(3) returned at head 2")
		}
		h.append(e2)
		synctest.Wait()
		if !got || woken != nil {
			t.Errorf("Wait(3) at head 3: returned %v, %v", got, woken)
		}
		cancel()
		synctest.Wait()
		if !errors.Is(cancelled, context.Canceled) {
			t.Errorf("Wait(4) = %v", cancelled)
		}
		if err := h.Wait(ctx, 3); err != nil {
			t.Errorf("Wait for what is there: %v", err)
		}
		if err := h.WaitPersisted(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("WaitPersisted = %v", err)
		}
	})
}

// big returns an event of about n bytes that do not compress.
func big(id string, n int) eventlog.Event {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%32s", id))))
	_, _ = src.Read(b)
	e := event(id)
	e.Metadata = fmt.Appendf(nil, `{"x":"%s"}`, base64.StdEncoding.EncodeToString(b))
	return e
}

func TestLongLogsAreReadInOrderFromAnywhere(t *testing.T) {
	h := newHarness(t)
	const blocks, each = 240, 3
	var raws [][]byte
	for i := range blocks {
		e := newEntry(t, uint64(i)+1, day+int64(i), []eventlog.Event{big(name(3*i), 20_000), big(name(3*i+1), 20_000), big(name(3*i+2), 20_000)})
		h.append(e)
		raws = append(raws, e.raw)
	}
	for h.PersistedSeq() < (blocks-10)*each { // the rest stays in memory
		if _, err := h.Persist(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for _, r := range raws {
		total += len(r)
	}
	if total < 2*store.ChunkBytes {
		t.Fatalf("%d bytes are less than two chunks", total)
	}
	for _, from := range []uint64{0, 1, 2, 3, 4, 300, 301, 302, (blocks - 10) * each, (blocks-10)*each + 1, blocks * each, blocks*each + 1} {
		want := (max(from, 1) - 1) / each
		err := h.Blocks(context.Background(), from, func(first uint64, raw []byte, b block.Block) error {
			if first != want*each+1 || !bytes.Equal(raw, raws[want]) || b.Len() != each {
				t.Fatalf("from %d: block at %d, want the one at %d", from, first, want*each+1)
			}
			want++
			return nil
		})
		if err != nil || want != blocks {
			t.Errorf("from %d: %d blocks, %v", from, want, err)
		}
	}
	// Random access, more than the cache holds.
	for pass := range 2 {
		for seq := uint64(1); seq <= blocks*each; seq += 2 {
			if r, err := h.Read(seq); err != nil || r.ID != name(int(seq)-1) || r.ReceivedAt != day+int64(seq-1)/each {
				t.Fatalf("pass %d: Read(%d) = %q, %v", pass, seq, r.ID, err)
			}
		}
	}
	if got := h.Cached(); got == 0 || got > store.CacheBytes {
		t.Errorf("the cache holds %d bytes", got)
	}
}

func TestBlocksCanBeStopped(t *testing.T) {
	h := newHarness(t)
	for i := range 40 {
		h.append(newEntry(t, uint64(i)+1, day, []eventlog.Event{big(name(i), 60_000), big(name(i)+"x", 60_000), big(name(i)+"y", 60_000)}))
	}
	h.persistAll()
	h.add(41, "head")
	mine := errors.New("mine")
	n := 0
	if err := h.Blocks(context.Background(), 1, func(uint64, []byte, block.Block) error { n++; return mine }); !errors.Is(err, mine) || n != 1 {
		t.Errorf("stopped by fn: %d blocks, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n = 0
	err := h.Blocks(ctx, 1, func(uint64, []byte, block.Block) error {
		if n++; n == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 5 {
		t.Errorf("cancelled: %d blocks, %v", n, err)
	}
	h.wantNoFatal()
}

func (h *harness) wantNoFatal() {
	h.t.Helper()
	if got := h.stopped(); len(got) > 0 {
		h.t.Errorf("told to stop: %v", got)
	}
}

func TestReadsAfterCloseSayThatTheNodeIsStopping(t *testing.T) {
	h := newHarness(t)
	h.persist(1, "a")
	h.close()
	_, err := h.Read(1)
	_, _, lookup := h.Lookup(block.IDHash("p", "b"))
	scan := h.Blocks(context.Background(), 1, func(uint64, []byte, block.Block) error { return nil })
	for _, err := range []error{err, lookup, scan} {
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	h.wantNoFatal()
}

func TestManyReadersOneWriter(t *testing.T) {
	h := newHarness(t)
	const blocks, each = 300, 4
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	var entries []entry
	for i := range blocks {
		entries = append(entries, newEntry(t, uint64(i)+1, day+int64(i), events(name(4*i), name(4*i+1), name(4*i+2), name(4*i+3))))
	}
	for range 3 {
		wg.Go(func() {
			for next := uint64(1); next <= blocks*each; {
				if err := h.Wait(ctx, next); err != nil {
					t.Error(err)
					return
				}
				err := h.Blocks(ctx, next, func(first uint64, _ []byte, b block.Block) error {
					if first != next {
						return fmt.Errorf("block at %d, want %d", first, next)
					}
					next += uint64(b.Len())
					id := name(int(first) - 1)
					if seq, ok, err := h.Lookup(block.IDHash("p", id)); err != nil || !ok || seq != first {
						return fmt.Errorf("Lookup %q = %d, %v, %w", id, seq, ok, err)
					}
					r, err := h.Read((first + 1) / 2)
					if err != nil || r.ID != name(int(first-1)/2) {
						return fmt.Errorf("Read(%d) = %q, %w", (first+1)/2, r.ID, err)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, e := range entries {
		h.append(e)
	}
	if err := h.WaitPersisted(ctx, blocks); err != nil {
		t.Error(err)
	}
	if err := h.Wait(ctx, blocks*each); err != nil {
		t.Error(err)
	}
	stop0 := make(chan struct{})
	go func() { wg.Wait(); close(stop0) }()
	stop()
	<-stop0
}

func TestOpenNeedsNoDirectoryOfItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	db, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := store.Open(db, store.Options{})
	if err != nil || s.Head() != 0 || s.LastReceived() != 0 {
		t.Errorf("an empty log: head %d, %v", s.Head(), err)
	}
}
