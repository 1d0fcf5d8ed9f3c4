package index_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Queries see a growing, consistent log while it is appended to and segments
// are sealed under them.
func TestQueriesWhileAppending(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(5, 5)), now: 1000, late: 20}
	log := newMemLog()
	var opts index.Options
	opts.SetSegmentEvents(300)
	n := startNode(t, log, t.TempDir(), opts)
	var readers sync.WaitGroup
	done := make(chan struct{})
	for i := range 3 {
		readers.Go(func() {
			total, seq := uint64(0), uint64(0)
			for round := 0; ; round++ {
				select {
				case <-done:
					return
				default:
				}
				head := log.Head()
				q := index.Query{Project: "p", Limit: 50, BySeq: round%2 == 0}
				if i == 1 {
					q.All = [][]index.Term{{{index.User, "u1"}, {index.Key, "u2"}}}
				}
				page := n.query(q)
				if page.Total < total || page.Seq < seq || page.Seq < head {
					t.Errorf("total %d after %d, seq %d after %d, head %d", page.Total, total, page.Seq, seq, head)
				}
				total, seq = page.Total, page.Seq
				for i := 1; i < len(page.Records); i++ {
					a, b := page.Records[i-1], page.Records[i]
					if q.BySeq && a.Seq <= b.Seq || !q.BySeq && a.Time < b.Time {
						t.Errorf("%d before %d", a.Seq, b.Seq)
					}
				}
			}
		})
	}
	for range 40 {
		w.grow(t, log, 100, always)
	}
	close(done)
	readers.Wait()
	for range 50 {
		w.compare(t, n, w.query())
	}
}

// When writing a segment fails, Run ends and nothing is lost: the segment is
// there after a restart, or is built again.
func TestSealFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault kv.Fault
	}{
		{"nothing was written", kv.FailBeforeCommit},
		{"written, then an error", kv.FailAfterCommit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{rng: rand.New(rand.NewPCG(9, 9)), now: 1000, late: 20}
			log := newMemLog()
			dir := t.TempDir()
			var opts index.Options
			opts.SetSegmentEvents(100)
			db, err := kv.Open(dir, kv.Options{})
			if err != nil {
				t.Fatal(err)
			}
			x, err := index.Open(log, db, opts)
			if err != nil {
				t.Fatal(err)
			}
			db.InjectFault(tt.fault)
			w.grow(t, log, 350, always)
			if err := x.Run(t.Context()); errs.ExitCode(err) != errs.ExitIO {
				t.Errorf("Run = %v, want a fatal error of the disk", err)
			}
			if err := db.Close(); err != nil {
				t.Log(err) // the database is broken on purpose
			}
			n := startNode(t, log, dir, opts)
			for range 50 {
				w.compare(t, n, w.query())
			}
		})
	}
}

// An index that reaches further than the log was built from another one.
func TestOpenRefusesAShorterLog(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(1, 9)), now: 1000, late: 20}
	log := newMemLog()
	var opts index.Options
	opts.SetSegmentEvents(50)
	n := startNode(t, log, t.TempDir(), opts)
	w.grow(t, log, 500, always)
	n.query(index.Query{})
	if n.SealedSegments() == 0 {
		t.Fatal("nothing is sealed")
	}
	n.close()
	db, err := kv.Open(n.dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := index.Open(newMemLog(), db, opts); errs.ExitCode(err) != errs.ExitIntegrity {
		t.Errorf("Open = %v, want exit code %d", err, errs.ExitIntegrity)
	}
}

// A stored part that is wrong fails the query and stops the node, once.
func TestWrongPartIsFatal(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(2, 9)), now: 1000, late: 20}
	log := newMemLog()
	var fatal []error
	opts := index.Options{Fatal: func(err error) { fatal = append(fatal, err) }}
	opts.SetSegmentEvents(50)
	n := startNode(t, log, t.TempDir(), opts)
	w.grow(t, log, 500, always)
	n.query(index.Query{})
	for _, letter := range []byte("ktuU") {
		key := kv.IndexKey(letter, 0)
		var val []byte
		if ok, err := n.db.Get(key, func(b []byte) error { val = append(val, b...); return nil }); !ok || err != nil {
			t.Fatalf("part %c: %v, %v", letter, ok, err)
		}
		val[len(val)/2] ^= 4
		if err := n.db.Write(func(put func(key, val []byte) error) error { return put(key, val) }); err != nil {
			t.Fatal(err)
		}
	}
	for name, q := range map[string]index.Query{
		"a term":  {Project: "p", All: [][]index.Term{{{index.User, "u1"}}}},
		"a page":  {Project: "p", Limit: 1, Ascending: true},
		"a range": {Project: "p", Since: &w.twin[20].Time},
	} {
		if _, err := n.Query(t.Context(), q); errs.ExitCode(err) != errs.ExitIntegrity {
			t.Errorf("%s: %v, want exit code %d", name, err, errs.ExitIntegrity)
		}
	}
	if len(fatal) != 1 || errs.ExitCode(fatal[0]) != errs.ExitIntegrity {
		t.Errorf("Fatal was called with %v, want once with exit code %d", fatal, errs.ExitIntegrity)
	}
}

func TestContextEnds(t *testing.T) {
	log := newMemLog()
	log.add(t, examples(), 0)
	n := startNode(t, log, t.TempDir(), index.Options{})
	n.query(index.Query{})
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	matchAll := func(*eventlog.Record) bool { return true }
	for _, tt := range []struct {
		name string
		ctx  context.Context
		q    index.Query
		code string
	}{
		{"a query", late, index.Query{Project: "p", Limit: 1}, "QUERY_TOO_BROAD"},
		{"a count", late, index.Query{Project: "p"}, "QUERY_TOO_BROAD"},
		{"a match", late, index.Query{Project: "p", Limit: 1, Match: matchAll}, "QUERY_TOO_BROAD"},
		{"a match without a page", late, index.Query{Project: "p", Match: matchAll}, "QUERY_TOO_BROAD"},
		{"a request that is gone", canceled, index.Query{Project: "p", Limit: 1}, "CANCELED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := n.Query(tt.ctx, tt.q)
			if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != tt.code || !errors.Is(err, tt.ctx.Err()) {
				t.Errorf("Query = %v (%s), want code %s", err, errs.CodeOf(err), tt.code)
			}
		})
	}
	if _, _, err := n.Stats(late, index.Query{Project: "p"}); errs.CodeOf(err) != "QUERY_TOO_BROAD" {
		t.Errorf("Stats = %v, want code QUERY_TOO_BROAD", err)
	}
	n.close()
	log.add(t, examples(), 0)
	if _, err := n.Query(late, index.Query{Project: "p"}); errs.CodeOf(err) != "INDEX_BEHIND" {
		t.Errorf("Query of an index that does not run = %v, want code INDEX_BEHIND", err)
	}
}

func TestUnknownFieldIsInvalid(t *testing.T) {
	n := startNode(t, newMemLog(), t.TempDir(), index.Options{})
	for _, f := range []index.Field{0, index.Country + 1} {
		_, err := n.Query(t.Context(), index.Query{All: [][]index.Term{{{f, "x"}}}})
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("field %d: %v, want an invalid request", f, err)
		}
	}
}

// An address that has been erased from the log is neither found nor counted, though
// the index still has its hash.
func TestErasedAddressIsNotFound(t *testing.T) {
	events := examples()
	for i := range events {
		events[i].IPAddress = "10.0.0.1"
	}
	log := newMemLog()
	log.add(t, events, 0)
	n := startNode(t, log, t.TempDir(), index.Options{})
	q := index.Query{Project: "p", Limit: 3, All: [][]index.Term{{{index.IP, "10.0.0.1"}}}}
	if page := n.query(q); page.Total != 5 || len(page.Records) != 3 {
		t.Fatalf("before: total %d, %d records", page.Total, len(page.Records))
	}
	for _, i := range []int{1, 4} {
		events[i].Erased, events[i].Personal, events[i].Salt = true, eventlog.Personal{}, [16]byte{}
		events[i].Commit = [32]byte{1}
	}
	other := newMemLog()
	other.add(t, events, 0)
	log.mu.Lock()
	log.blocks = other.blocks
	log.mu.Unlock()
	page := n.query(q)
	if page.Total != 3 || len(page.Records) != 3 || page.More || page.Records[0].ID != "e3" {
		t.Errorf("after: total %d, more %v, %d records from %s", page.Total, page.More, len(page.Records), page.Records[0].ID)
	}
}
