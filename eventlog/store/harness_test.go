package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// harness is a node's log, with the raft entries that were delivered to it.
// Nothing is persisted unless a test says so.
type harness struct {
	*store.Store
	t   testing.TB
	dir string
	db  *kv.DB

	mu    sync.Mutex
	fatal []error

	opened int // how often
}

// stopped is what the node was told to stop with.
func (h *harness) stopped() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.fatal)
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, dir: t.TempDir()}
	h.open()
	t.Cleanup(func() { _ = h.db.Close() })
	return h
}

func (h *harness) open() {
	h.t.Helper()
	if err := h.tryOpen(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) tryOpen() (err error) {
	h.t.Helper()
	if h.db, err = kv.Open(h.dir, kv.Options{}); err != nil {
		h.t.Fatal(err)
	}
	h.fatal = nil
	h.Store, err = store.Open(h.db, store.Options{Fatal: func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.fatal = append(h.fatal, err)
	}})
	if h.opened++; err == nil && h.opened%2 == 0 { // the log is the same before and after
		h.FillFilter(context.Background())
	}
	return err
}

// reopen is a crash: what was not persisted is gone.
func (h *harness) reopen() {
	h.t.Helper()
	h.close()
	h.open()
}

func (h *harness) close() {
	h.t.Helper()
	if err := h.db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// entry is a raft entry with the events of one block.
type entry struct {
	index    uint64
	received int64
	events   []eventlog.Event
	raw      []byte
}

const day = 1_767_225_600_000

// event returns an event whose id its producer chose.
func event(id string) eventlog.Event {
	return eventlog.Event{
		ID: id, GivenID: true, Project: "p", Type: "user.created", Time: day, UserID: "u-" + id, Key: "u-" + id,
		Personal: eventlog.Personal{Metadata: []byte(`{}`)},
	}
}

func events(ids ...string) []eventlog.Event {
	var list []eventlog.Event
	for _, id := range ids {
		list = append(list, event(id))
	}
	return list
}

func newEntry(t testing.TB, index uint64, received int64, events []eventlog.Event) entry {
	t.Helper()
	var groups [][]byte
	for part := range slices.Chunk(events, block.GroupEvents) {
		g, err := block.AppendGroup(nil, part)
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: received}, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return entry{index, received, events, raw}
}

func (h *harness) append(e entry) store.Applied {
	h.t.Helper()
	a, err := h.tryAppend(e)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *harness) tryAppend(e entry) (store.Applied, error) {
	h.t.Helper()
	b, err := block.Open(e.raw)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Append(e.index, 1, e.raw, b)
}

// add appends a block of events with these ids.
func (h *harness) add(index uint64, ids ...string) store.Applied {
	h.t.Helper()
	return h.append(newEntry(h.t, index, day+int64(index), events(ids...)))
}

// persist appends a block and makes all there is durable.
func (h *harness) persist(index uint64, ids ...string) {
	h.t.Helper()
	h.add(index, ids...)
	h.persistAll()
}

func (h *harness) persistAll() {
	h.t.Helper()
	for more := true; more; {
		var err error
		if more, err = h.Persist(1 << 20); err != nil {
			h.t.Fatal(err)
		}
	}
}

// persistStops appends a block that cannot be made durable.
func (h *harness) persistStops(index uint64, code int, ids ...string) {
	h.t.Helper()
	h.add(index, ids...)
	_, err := h.Persist(1 << 20)
	if errs.ExitCode(err) != code {
		h.t.Fatalf("persist: exit code %d, want %d: %v", errs.ExitCode(err), code, err)
	}
	h.wantFatal(code)
}

// wantFatal requires that the node was told to stop, once.
func (h *harness) wantFatal(code int) {
	h.t.Helper()
	if got := h.stopped(); len(got) != 1 || errs.ExitCode(got[0]) != code {
		h.t.Errorf("told to stop with %v, want one error with exit code %d", got, code)
	}
}

// wantLog requires that the log holds the events with these ids and nothing
// else, however it is read, and that it checks.
func (h *harness) wantLog(ids ...string) {
	h.t.Helper()
	if got := h.Head(); got != uint64(len(ids)) {
		h.t.Errorf("head is %d, want %d", got, len(ids))
	}
	var scanned []string
	err := h.Blocks(context.Background(), 1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(r *eventlog.Record) error {
			if r.Seq != uint64(len(scanned))+1 {
				h.t.Errorf("event %d follows on %d", r.Seq, len(scanned))
			}
			scanned = append(scanned, r.ID)
			return nil
		})
	})
	if err != nil || !slices.Equal(scanned, ids) {
		h.t.Errorf("the log holds %q, %v, want %q", scanned, err, ids)
	}
	for i, id := range ids {
		seq := uint64(i) + 1
		if r, err := h.Read(seq); err != nil || r.ID != id || r.Seq != seq {
			h.t.Errorf("Read(%d) = %d %q, %v, want %q", seq, r.Seq, r.ID, err, id)
		}
		if got, err := h.view(seq); err != nil || got != id {
			h.t.Errorf("View(%d) has %q, %v, want %q", seq, got, err, id)
		}
		if got, ok, err := h.Lookup(block.IDHash("p", id)); err != nil || !ok || got != seq {
			h.t.Errorf("Lookup of %q = %d, %v, %v, want %d", id, got, ok, err, seq)
		}
	}
	if _, err := h.Read(uint64(len(ids)) + 1); errs.KindOf(err) != errs.NotFound {
		h.t.Errorf("Read behind the head: %v", err)
	}
	if _, err := h.Read(0); errs.KindOf(err) != errs.NotFound {
		h.t.Errorf("Read(0): %v", err)
	}
	if got, want := h.Applied().Chain, h.chain(uint64(len(ids))); got != want {
		h.t.Errorf("the chain is %x, want %x", got, want)
	}
	if err := h.Check(context.Background(), nil); err != nil {
		h.t.Errorf("Check: %v", err)
	}
	h.wantNoFatal()
}

// chain computes the chain at a seq from the blocks, as its definition says.
func (h *harness) chain(seq uint64) (chain [32]byte) {
	h.t.Helper()
	end := uint64(0)
	err := h.Blocks(context.Background(), 1, func(first uint64, raw []byte, b block.Block) error {
		if first <= seq {
			hash := sha256.Sum256(raw[:len(raw)-32])
			chain = sha256.Sum256(slices.Concat(chain[:], hash[:]))
			end = first + uint64(b.Len()) - 1
		}
		return nil
	})
	if err != nil || end != seq {
		h.t.Fatalf("no block ends at event %d: %v", seq, err)
	}
	return chain
}

// view returns the id of an event, read with View.
func (h *harness) view(seq uint64) (id string, err error) {
	err = h.View(seq, func(b *block.Block, first uint64) error {
		e, err := b.Event(int(seq - first))
		id = e.ID
		return err
	})
	return id, err
}

// overwrite changes a stored value behind the store's back.
func (h *harness) overwrite(key []byte, change func(val []byte) []byte) {
	h.t.Helper()
	var val []byte
	_, err := h.db.Get(key, func(v []byte) error {
		val = slices.Clone(v)
		return nil
	})
	err = errors.Join(err, h.db.Write(func(put func(key, val []byte) error) error { return put(key, change(val)) }))
	if err != nil {
		h.t.Fatal(err)
	}
}

func name(i int) string { return fmt.Sprintf("e%06d", i) }
