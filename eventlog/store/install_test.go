package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"dashd/eventlog/block"
	"dashd/eventlog/store"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// sender is a node whose whole log is persisted, with what raft delivered to it.
type sender struct {
	*harness
	entries []entry
	ids     []string
	ends    []uint64 // seqs at which blocks end
}

// newSender has blocks of two events at even raft indexes, each of n bytes.
func newSender(t testing.TB, blocks, n int) *sender {
	t.Helper()
	s := &sender{harness: newHarness(t)}
	s.SetConfiguration(1, 1, []byte("conf"))
	for i := range blocks {
		s.bring(newEntry(t, uint64(2*i+2), day+int64(i), events(name(2*i), name(2*i+1))))
		if n > 0 {
			s.bring(largeEntry(t, uint64(2*i+3), day+int64(i), n, fmt.Sprint("l", i)))
		}
	}
	s.persistAll()
	return s
}

func (s *sender) bring(e entry) {
	s.t.Helper()
	s.append(e)
	s.entries = append(s.entries, e)
	for i := range e.events {
		s.ids = append(s.ids, e.events[i].ID)
	}
	s.ends = append(s.ends, uint64(len(s.ids)))
}

// parts are what a log that ends at after lacks.
func (s *sender) parts(after uint64, to store.Position) []*store.Part {
	s.t.Helper()
	list, err := partsOf(s.Store, after, to)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// smallParts is parts with one block in each, and the last without any.
func (s *sender) smallParts(after uint64, to store.Position) (list []*store.Part) {
	s.t.Helper()
	for i, end := range s.ends {
		if end <= after || end > to.Seq {
			continue
		}
		chain, _ := s.ChainAt(end)
		list = append(list, &store.Part{
			First: after + 1, Blocks: [][]byte{s.entries[i].raw},
			At: store.Position{Seq: end, ReceivedAt: s.entries[i].received, Chain: chain},
		})
		after = end
	}
	return append(list, &store.Part{First: after + 1, At: to})
}

func partsOf(s *store.Store, after uint64, to store.Position) (list []*store.Part, err error) {
	err = s.Parts(context.Background(), after, to, func(p *store.Part) error {
		list = append(list, p)
		return nil
	})
	return list, err
}

func (h *harness) install(parts ...*store.Part) {
	h.t.Helper()
	for _, p := range parts {
		if err := h.Install(context.Background(), p); err != nil {
			h.t.Fatal(err)
		}
	}
}

// wantSame requires that the log is that of s, position and all, also when it is opened again.
func (h *harness) wantSame(s *sender) {
	h.t.Helper()
	for again := range 2 {
		if again > 0 {
			h.reopen()
		}
		h.wantLog(s.ids...)
		if got, want := h.Persisted(), s.Persisted(); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(h.Applied(), want) {
			h.t.Errorf("position %+v, applied %+v, want %+v", got, h.Applied(), want)
		}
		seqs, chains := h.chainRows()
		if wantSeqs, wantChains := s.chainRows(); !slices.Equal(seqs, wantSeqs) || !reflect.DeepEqual(chains, wantChains) {
			h.t.Errorf("rows of the chain at %d, want %d", seqs, wantSeqs)
		}
	}
}

func TestPartsAreWhatIsLackingUpToAPosition(t *testing.T) {
	s := newSender(t, 30, 200_000)
	for _, to := range []int{1, 2, 3, 20, len(s.ends)} {
		end := s.ends[to-1]
		chain, _ := s.ChainAt(end)
		target := store.Position{Index: s.entries[to-1].index, Term: 1, Seq: end, Chain: chain}
		for from := range to + 1 {
			after := uint64(0)
			if from > 0 {
				after = s.ends[from-1]
			}
			parts := s.parts(after, target)
			next := from
			for i, p := range parts {
				size := 0
				if len(p.Blocks) > 0 && p.First != after+1 {
					t.Fatalf("%d to %d: part %d begins at event %d, want %d", from, to, i, p.First, after+1)
				}
				for _, raw := range p.Blocks {
					if !bytes.Equal(raw, s.entries[next].raw) {
						t.Fatalf("%d to %d: part %d has another block", from, to, i)
					}
					after = s.ends[next]
					next++
					size += len(raw)
				}
				chain, _ := s.ChainAt(after)
				if size > store.BatchBytes || p.At.Seq != after || p.At.Chain != chain || p.At.Index != 0 && i < len(parts)-1 {
					t.Errorf("%d to %d: part %d of %d has %d bytes, ends at %+v", from, to, i, len(parts), size, p.At)
				}
			}
			if last := parts[len(parts)-1]; next != to || !reflect.DeepEqual(last.At, target) {
				t.Errorf("%d to %d: the parts end at %+v", from, to, last.At)
			}
		}
	}
	whole := s.parts(0, s.Persisted())
	if len(whole) < 2 {
		t.Errorf("the log came in %d parts", len(whole))
	}
}

func TestPartsAreRefusedToALogThatIsNoPrefix(t *testing.T) {
	s := newSender(t, 4, 0)
	end := s.Persisted()
	other, beyond, within := end, end, end
	other.Chain[3] ^= 1
	beyond.Seq += 2
	within.Seq--
	for _, tt := range []struct {
		name  string
		after uint64
		to    store.Position
	}{
		{"no block ends where it ends", 3, end},
		{"the position's chain is another", 2, other},
		{"the position's chain is another, and nothing is lacking", 8, other},
		{"the position is beyond the log", 2, beyond},
		{"the position is beyond the log, and so is the end", 10, beyond},
		{"the position is within a block", 2, within},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parts, err := partsOf(s.Store, tt.after, tt.to)
			if errs.KindOf(err) != errs.Conflict {
				t.Errorf("Parts = %v", err)
			}
			for _, p := range parts {
				if p.At.Index != 0 {
					t.Errorf("a last part came: %+v", p.At)
				}
			}
		})
	}
	if err := s.Parts(context.Background(), 0, end, func(*store.Part) error { return errs.New(errs.Busy, "", "x") }); errs.KindOf(err) != errs.Busy {
		t.Errorf("an error of the callback became %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Parts(ctx, 0, end, func(*store.Part) error { return nil }); err == nil {
		t.Error("it went on after its context had ended")
	}
	s.wantNoFatal()
}

// P1: a log of any length becomes the sender's.
func TestP1_InstallOnto(t *testing.T) {
	large, few := newSender(t, 12, 400_000), newSender(t, 12, 0)
	for _, tt := range []struct {
		name string
		*sender
		have int // blocks that raft has delivered
		disk bool
	}{
		{"an empty log", large, 0, true},
		{"a lagging log", few, 7, true},
		{"a lagging log in memory", few, 7, false},
		{"all but the last block", few, 11, false},
		{"an equal log", few, 12, true},
		{"an equal log in memory", few, 12, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.sender
			h := newHarness(t)
			for _, e := range s.entries[:tt.have] {
				h.append(e)
			}
			if tt.disk {
				h.persistAll()
			}
			h.FillFilter(context.Background()) // so that ids it has not learned are not found
			for i, p := range s.parts(h.Head(), s.Persisted()) {
				h.install(p)
				if got := h.Applied(); got.Seq != p.At.Seq || got.Seq != h.PersistedSeq() || got.Chain != p.At.Chain {
					t.Errorf("part %d up to event %d: %+v", i, p.At.Seq, got)
				}
			}
			if tt.have < len(s.entries) {
				h.wantSame(s)
			}
			h.persistAll()
			h.wantLog(s.ids...)
			h.persist(1000, "after")
			h.wantLog(append(slices.Clone(s.ids), "after")...)
		})
	}
}

// A log that is longer than the position stays as it is.
func TestP1_InstallOntoALongerLog(t *testing.T) {
	s := newSender(t, 6, 0)
	short := s.Persisted()
	parts := s.parts(0, short)
	s.bring(newEntry(t, 100, day+100, events("x")))
	h := newHarness(t)
	h.SetConfiguration(1, 1, []byte("conf"))
	for _, e := range s.entries {
		h.append(e)
	}
	before := h.Applied()
	h.install(parts[len(parts)-1])
	if got := h.Applied(); !reflect.DeepEqual(got, before) {
		t.Errorf("position %+v, want %+v", got, before)
	}
	h.wantLog(s.ids...)
}

// P12: a crash at any commit of an install leaves a part whole or not at all, and a
// position that is true. The rest comes from the sender again, or from raft.
func TestP12_InstallIsCutByACrash(t *testing.T) {
	s := newSender(t, 5, 0)
	for _, rest := range []string{"installed", "delivered by raft", "both"} {
		for _, fault := range []kv.Fault{kv.FailBeforeCommit, kv.FailAfterCommit} {
			for at := range s.smallParts(s.ends[0], s.Persisted()) {
				t.Run(fmt.Sprintf("fault %d at part %d, the rest is %s", fault, at, rest), func(t *testing.T) {
					h := newHarness(t)
					h.append(s.entries[0])
					h.persistAll()
					held := h.Persisted()
					parts := s.smallParts(h.Head(), s.Persisted())
					h.install(parts[:at]...)
					h.db.InjectFault(fault)
					if err := h.Install(context.Background(), parts[at]); errs.ExitCode(err) != errs.ExitIO {
						t.Fatalf("Install = %v", err)
					}
					h.wantFatal(errs.ExitIO)
					h.reopen()
					h.wantPrefix(s, held, parts, at, fault == kv.FailAfterCommit)
					switch rest {
					case "installed":
						h.install(s.parts(h.Head(), s.Persisted())...)
					case "delivered by raft":
						h.deliver(s.entries)
						h.persistAll()
					default:
						h.deliver(s.entries[:3])
						h.install(s.parts(h.Head(), s.Persisted())...)
					}
					h.wantSameEvents(s)
				})
			}
		}
	}
}

// wantPrefix requires that parts have been installed up to one that was cut, on a log
// that was at held.
func (h *harness) wantPrefix(s *sender, held store.Position, parts []*store.Part, cut int, written bool) {
	h.t.Helper()
	if written {
		cut++
	}
	want := held
	for _, p := range parts[:cut] {
		want.Seq, want.ReceivedAt, want.Chain = p.At.Seq, p.At.ReceivedAt, p.At.Chain
		want.Ahead = want.Seq - held.Seq
		if p.At.Index != 0 {
			want = s.Persisted()
		}
	}
	if got := h.Persisted(); !reflect.DeepEqual(got, want) {
		h.t.Errorf("position %+v, want %+v", got, want)
	}
	h.wantLog(s.ids[:want.Seq]...)
}

// deliver is raft's delivery of what is behind the applied index.
func (h *harness) deliver(entries []entry) {
	h.t.Helper()
	h.SetConfiguration(1, 1, []byte("conf"))
	for _, e := range entries {
		h.append(e)
	}
}

// wantSameEvents is wantSame but for the configuration.
func (h *harness) wantSameEvents(s *sender) {
	h.t.Helper()
	h.reopen()
	h.wantLog(s.ids...)
	got, want := h.Persisted(), s.Persisted()
	if got.Index != want.Index || got.Seq != want.Seq || got.Chain != want.Chain || got.Ahead != 0 {
		h.t.Errorf("position %+v, want %+v", got, want)
	}
}

// What raft delivers of what is installed must be the same.
func TestP12_RaftDeliversAnotherBlockThanWasInstalled(t *testing.T) {
	for _, tt := range []struct {
		name string
		ids  []string
	}{
		{"another block of as many events", []string{"x", "y"}},
		{"a shorter block", []string{name(0)}},
		{"a longer block", []string{name(0), name(1), name(2)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSender(t, 3, 0)
			p := s.parts(0, s.Persisted())[0]
			p.At.Index = 0 // there is more
			h := newHarness(t)
			h.install(p)
			_, err := h.tryAppend(newEntry(t, 2, day, events(tt.ids...)))
			if errs.ExitCode(err) != errs.ExitIntegrity {
				t.Errorf("Append = %v", err)
			}
			h.wantFatal(errs.ExitIntegrity)
		})
	}
}

// An install was ended, and the next snapshot is of a node that has less.
func TestP1_ASnapshotThatIsShorterThanWhatIsAhead(t *testing.T) {
	s := newSender(t, 6, 0)
	short := s.Persisted()
	for i := range 4 {
		s.bring(newEntry(t, uint64(50+i), day+50, events(fmt.Sprint("x", i))))
	}
	s.persistAll()
	whole := s.Persisted()
	h := newHarness(t)
	p := s.parts(0, whole)[0]
	p.At.Index = 0 // it was ended before the last part
	h.install(p)
	h.wantLog(s.ids...)
	wrong := short
	wrong.Chain[0] ^= 1
	if err := h.Install(context.Background(), &store.Part{At: wrong}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("another chain: %v", err)
	}
	parts := s.parts(h.Head(), short)
	if len(parts) != 1 || len(parts[0].Blocks) != 0 {
		t.Fatalf("parts %+v", parts)
	}
	h.install(parts...)
	want := whole
	want.Index, want.Ahead = short.Index, 4
	for range 2 {
		if got := h.Applied(); !reflect.DeepEqual(got, want) {
			t.Errorf("position %+v, want %+v", got, want)
		}
		h.reopen()
	}
	h.deliver(s.entries)
	h.persistAll()
	if got := h.Persisted(); !reflect.DeepEqual(got, whole) {
		t.Errorf("position %+v, want %+v", got, whole)
	}
	h.wantLog(s.ids...)
}

// A part that cannot be right changes nothing and stops nothing.
func TestAPartThatCannotBeRightIsRefused(t *testing.T) {
	s := newSender(t, 6, 0)
	s.SetConfiguration(40, 2, []byte("later"))
	s.persistAll()
	other := newHarness(t)
	for i := range 6 {
		other.add(uint64(2*i+2), fmt.Sprint("o", i), fmt.Sprint("p", i))
	}
	other.persistAll()
	foreign, err := partsOf(other.Store, 4, other.Persisted())
	if err != nil {
		t.Fatal(err)
	}
	large := &store.Part{First: 5}
	for i := range 8 {
		large.Blocks = append(large.Blocks, largeEntry(t, 1, day+9, 900_000, fmt.Sprint("x", i)).raw)
	}
	changed := func(change func(p *store.Part)) func() *store.Part {
		return func() *store.Part {
			p := *s.parts(4, s.Persisted())[0]
			p.Blocks = slices.Clone(p.Blocks)
			change(&p)
			return &p
		}
	}
	h := newHarness(t)
	h.deliver(s.entries[:2])
	h.persistAll()
	before := h.Applied()
	for _, tt := range []struct {
		name string
		part func() *store.Part
	}{
		{"another log's", func() *store.Part { return foreign[0] }},
		{"a changed bit", changed(func(p *store.Part) {
			p.Blocks[1] = bytes.Clone(p.Blocks[1])
			p.Blocks[1][40] ^= 1
		})},
		{"a block is missing", changed(func(p *store.Part) { p.Blocks = p.Blocks[:len(p.Blocks)-1] })},
		{"a block is missing at the beginning", changed(func(p *store.Part) { p.Blocks = p.Blocks[1:] })},
		{"blocks change places", changed(func(p *store.Part) { p.Blocks[0], p.Blocks[1] = p.Blocks[1], p.Blocks[0] })},
		{"a block twice", changed(func(p *store.Part) { p.Blocks = append(p.Blocks[:1:1], p.Blocks...) })},
		{"it begins before the end", changed(func(p *store.Part) { p.First-- })},
		{"it begins behind the end", changed(func(p *store.Part) { p.First++ })},
		{"it is said to be of another end", changed(func(p *store.Part) { p.First = 3 })},
		{"it claims another chain", changed(func(p *store.Part) { p.At.Chain[31] ^= 1 })},
		{"it claims more events", changed(func(p *store.Part) { p.At.Seq++ })},
		{"it claims fewer events", changed(func(p *store.Part) { p.At.Seq-- })},
		{"it claims another time", changed(func(p *store.Part) { p.At.ReceivedAt++ })},
		{"its term is an older one", changed(func(p *store.Part) { p.At.Term = 0 })},
		{"its configuration is an older one", changed(func(p *store.Part) { p.At.ConfigurationIndex = 0 })},
		{"its configuration is of the future", changed(func(p *store.Part) { p.At.ConfigurationIndex = 41 })},
		{"its configuration is another at the same index", changed(func(p *store.Part) { p.At.ConfigurationIndex = 1 })},
		{"its index has brought fewer events than ours", changed(func(p *store.Part) { p.At.Ahead = 9 })},
		{"its index has brought fewer events than none", changed(func(p *store.Part) { p.At.Ahead = 13 })},
		{"no blocks, and no index", changed(func(p *store.Part) { p.Blocks, p.At = nil, store.Position{} })},
		{"no blocks, and more events", changed(func(p *store.Part) { p.Blocks = nil })},
		{"too large", func() *store.Part { return large }},
		{"a block that is none", changed(func(p *store.Part) { p.Blocks[0] = nil })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := h.Install(context.Background(), tt.part()); errs.KindOf(err) != errs.Conflict {
				t.Errorf("Install = %v", err)
			}
			if got := h.Applied(); !reflect.DeepEqual(got, before) || !reflect.DeepEqual(h.Persisted(), before) {
				t.Errorf("position %+v, want %+v", got, before)
			}
			h.wantLog(s.ids[:4]...)
		})
	}
	h.reopen()
	h.wantLog(s.ids[:4]...)
	h.install(s.parts(4, s.Persisted())...)
	h.wantSame(s)
}

// Install stores ids with their blocks, and says so a moment later. Until then who finds
// an id could not read its event.
func TestAnIDIsNotFoundBeforeItsEventIsThere(t *testing.T) {
	h := newHarness(t)
	h.persist(1, "a")
	h.raw(kv.IDKey(block.IDHash("p", "b")), binary.BigEndian.AppendUint64(nil, 2))
	if seq, ok, err := h.Lookup(block.IDHash("p", "b")); ok || err != nil {
		t.Errorf("Lookup = %d, %v, %v", seq, ok, err)
	}
	if seq, ok, err := h.FindID("p", "b"); ok || err != nil {
		t.Errorf("FindID = %d, %v, %v", seq, ok, err)
	}
	h.add(2, "b")
	h.wantLog("a", "b")
}

func TestInstallOnADiskThatHasFailed(t *testing.T) {
	s := newSender(t, 3, 0)
	h := newHarness(t)
	h.db.InjectFault(kv.FailBeforeCommit)
	h.persistStops(2, errs.ExitIO, "x")
	if err := h.Install(context.Background(), s.parts(0, s.Persisted())[0]); errs.ExitCode(err) != errs.ExitIO {
		t.Errorf("Install = %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h = newHarness(t)
	if err := h.Install(ctx, s.parts(0, s.Persisted())[0]); err == nil || h.Head() != 0 {
		t.Errorf("Install after its context has ended = %v", err)
	}
}
