package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/errs"
	"dashd/projections"
)

// memLog is a log in memory, with the blocks of the real one. It answers as the
// store and the index do.
type memLog struct {
	mu      sync.Mutex
	grown   chan struct{} // closed when the log grows
	blocks  []memBlock
	head    uint64
	indexed uint64 // queries see events up to here
	queries int
	between func() // called before each query after the first
}

type memBlock struct {
	first uint64
	raw   []byte
	block block.Block
}

func newMemLog() *memLog { return &memLog{grown: make(chan struct{})} }

// append adds a block of recs, in groups of at most size events. The records get the
// positions and times they will be read with.
func (l *memLog) append(t *testing.T, size int, recs ...eventlog.Record) {
	t.Helper()
	var groups [][]byte
	for part := range slices.Chunk(recs, size) {
		events := make([]eventlog.Event, len(part))
		for i := range part {
			events[i] = part[i].Event
		}
		g, err := block.AppendGroup(nil, events)
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: noon}, groups...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks = append(l.blocks, memBlock{l.head + 1, raw, b})
	l.head += uint64(len(recs))
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *memLog) Wait(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		head, grown := l.head, l.grown
		l.mu.Unlock()
		if head >= seq {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *memLog) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	l.mu.Lock()
	blocks := slices.Clone(l.blocks)
	l.mu.Unlock()
	for _, b := range blocks {
		if b.first+uint64(b.block.Len()) <= from {
			continue
		}
		if err := errors.Join(ctx.Err(), fn(b.first, b.raw, b.block)); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLog) Query(ctx context.Context, q index.Query) (index.Page, error) {
	if !q.BySeq || !q.Ascending || q.Limit == 0 {
		return index.Page{}, fmt.Errorf("a query in another order: %+v", q)
	}
	l.queries++
	if l.queries > 1 && l.between != nil {
		l.between()
	}
	page := index.Page{Seq: l.indexed}
	err := l.Blocks(ctx, 1, func(first uint64, _ []byte, b block.Block) error {
		return b.Each(first, func(r *eventlog.Record) error {
			switch {
			case r.Seq > l.indexed, q.After != nil && r.Seq <= q.After.Seq,
				r.Project != q.Project, !slices.Contains(q.Types, r.Type):
			case len(page.Records) == q.Limit:
				page.More = true
			default:
				c := *r
				c.Metadata, c.Sealed = slices.Clone(r.Metadata), slices.Clone(r.Sealed)
				page.Records = append(page.Records, c)
			}
			return nil
		})
	})
	return page, err
}

// start runs a follower until the test ends.
func start(t *testing.T, log projections.Log, x projections.Index) *projections.Follower {
	t.Helper()
	f := projections.NewFollower(log, x)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return f
}

func wait(t *testing.T, f *projections.Follower, seq uint64) {
	t.Helper()
	if err := f.Wait(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	if f.Seq() < seq {
		t.Fatalf("after Wait(%d), Seq() = %d", seq, f.Seq())
	}
}

// foreign is an event of an application.
func foreign(i int) eventlog.Record {
	return eventlog.Record{Event: eventlog.Event{
		ID: fmt.Sprintf("f%d", i), Project: "shop", Type: "user.joined", UserID: fmt.Sprintf("u%d", i),
		Personal: eventlog.Personal{Metadata: []byte("{}")},
	}}
}

// mixed hides recs among events of applications.
func mixed(r *rand.Rand, recs []eventlog.Record) []eventlog.Record {
	var all []eventlog.Record
	for i, rec := range recs {
		for n := range r.IntN(30) {
			all = append(all, foreign(i*100+n))
		}
		all = append(all, rec)
	}
	for i := range all {
		all[i].Seq, all[i].ReceivedAt = uint64(i+1), noon
		all[i].ID = fmt.Sprintf("e%d", i+1)
	}
	return all
}

// However the log is cut into blocks and groups, and wherever the index ends when
// the follower starts, the image is the one that a plain fold gives.
func TestFollowerEqualsPlainFold(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 2))
				all := mixed(r, randomRecords(r, 40))
				before := r.IntN(len(all))
				log := newMemLog()
				var f *projections.Follower
				for n := 0; n < len(all); {
					if n >= before && f == nil {
						log.indexed = uint64(r.IntN(n + 1))
						f = start(t, log, log)
					}
					size := min(1+r.IntN(200), len(all)-n)
					log.append(t, 1+r.IntN(100), all[n:n+size]...)
					n += size
				}
				if f == nil {
					log.indexed = uint64(len(all))
					f = start(t, log, log)
				}
				wait(t, f, uint64(len(all)))
				if got, want := f.Image(), fold(all...); !reflect.DeepEqual(got, want) {
					t.Errorf("followed %+v\nfolded %+v", got, want)
				}
			})
		})
	}
}

func TestFollowerLoadsByPagesWhileTheLogGrows(t *testing.T) {
	log := newMemLog()
	var all []eventlog.Record
	add := func(n int) {
		var recs []eventlog.Record
		for range n {
			seq := uint64(len(all) + len(recs) + 1)
			r := project(seq, fmt.Sprintf("p%d", seq))
			r.ReceivedAt = noon
			recs = append(recs, r)
		}
		log.append(t, block.GroupEvents, recs...)
		all = append(all, recs...)
	}
	add(projections.LoadPage + 1)
	log.indexed = log.head
	log.between = func() {
		if log.queries < 5 {
			add(projections.LoadPage / 2)
			log.indexed += 10 // the index lags
		}
	}
	f := start(t, log, log)
	wait(t, f, projections.LoadPage+1)
	add(1)
	wait(t, f, uint64(len(all)))
	if got, want := f.Image(), fold(all...); !reflect.DeepEqual(got, want) {
		t.Errorf("the image holds %d projects as of %d, want %d as of %d",
			len(got.Projects()), got.Seq(), len(want.Projects()), want.Seq())
	}
	if log.queries < 2 {
		t.Errorf("%d queries: this test is about several", log.queries)
	}
}

func TestFollowerOfAnEmptyLogKnowsThatNoKeyIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		f := start(t, log, log)
		synctest.Wait()
		if _, err := f.Image().Authenticate("any", noon); !errors.Is(err, projections.ErrUnknownKey) {
			t.Errorf("Authenticate error = %v", err)
		}
		log.append(t, 10, project(1, "shop"))
		wait(t, f, 1)
		if _, ok := f.Image().Project("shop"); !ok {
			t.Error("the first project is not there")
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		f := start(t, log, log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Wait(ctx, 1) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v", err)
		}
	})
}

// failing breaks what the follower reads.
type failing struct {
	*memLog
	gap bool
}

var errDisk = errors.New("disk on fire")

func (f failing) Query(context.Context, index.Query) (index.Page, error) {
	if !f.gap {
		return index.Page{}, errDisk
	}
	return index.Page{}, nil
}

func (f failing) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	return f.memLog.Blocks(ctx, from, func(first uint64, raw []byte, b block.Block) error {
		return fn(first+1, raw, b)
	})
}

func TestFollowerStopsRatherThanSkip(t *testing.T) {
	log := newMemLog()
	log.append(t, 10, project(1, "shop"))
	for _, tt := range []struct {
		name string
		gap  bool
		want func(error) bool
	}{
		{"the index fails", false, func(err error) bool { return errors.Is(err, errDisk) }},
		{"events are missing", true, func(err error) bool { return errs.ExitCode(err) == errs.ExitIntegrity }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			broken := failing{log, tt.gap}
			f := projections.NewFollower(broken, broken)
			if err := f.Run(t.Context()); !tt.want(err) {
				t.Errorf("Run = %v", err)
			}
			if f.Seq() != 0 {
				t.Errorf("Seq = %d after the error", f.Seq())
			}
		})
	}
}

// BenchmarkFollowerPassesOver is what the follower costs a log in which nothing
// concerns it, per event.
func BenchmarkFollowerPassesOver(b *testing.B) {
	events := make([]eventlog.Event, block.GroupEvents)
	for i := range events {
		events[i] = foreign(i).Event
	}
	g, err := block.AppendGroup(nil, events)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := block.Seal(block.Header{Proposer: "n1", ReceivedAt: noon}, g)
	if err != nil {
		b.Fatal(err)
	}
	bl, err := block.Open(raw)
	if err != nil {
		b.Fatal(err)
	}
	f := projections.NewFollower(nil, nil)
	first := uint64(1)
	for b.Loop() {
		if err := projections.FoldBlock(f, first, bl); err != nil {
			b.Fatal(err)
		}
		first += uint64(bl.Len())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(first-1), "ns/event")
}
