package appender_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/appender"
	"dashd/internal/errs"
)

func TestAppend(t *testing.T) {
	a1, a2, b1 := event("a", "u1"), event("a", "u2"), event("b", "u1")
	tests := []struct {
		name     string
		log      []eventlog.Event // one request each, before
		events   []eventlog.Event
		want     []appender.Result
		wantSize int // of the log
	}{
		{
			"seqs follow the order of the request", nil,
			[]eventlog.Event{event("", "x"), b1, a1},
			[]appender.Result{{Seq: 1}, {Seq: 2}, {Seq: 3}},
			3,
		},
		{
			"an event of the log is a duplicate",
			[]eventlog.Event{b1, a1},
			[]eventlog.Event{a1},
			[]appender.Result{{Seq: 2, Duplicate: true}},
			2,
		},
		{
			"other content under an id of the log is a conflict",
			[]eventlog.Event{a1},
			[]eventlog.Event{a2},
			[]appender.Result{{Seq: 1, Conflict: true}},
			1,
		},
		{
			"the same id in another project is another event",
			[]eventlog.Event{a1},
			[]eventlog.Event{inProject("q", a2)},
			[]appender.Result{{Seq: 2}},
			2,
		},
		{
			"new events beside duplicates are written without a gap",
			[]eventlog.Event{a1},
			[]eventlog.Event{event("n", "x"), a1, event("m", "x"), a2, event("", "x")},
			[]appender.Result{{Seq: 2}, {Seq: 1, Duplicate: true}, {Seq: 3}, {Seq: 1, Conflict: true}, {Seq: 4}},
			4,
		},
		{
			"duplicates and conflicts within a request follow its first event", nil,
			[]eventlog.Event{a1, a1, a2, b1},
			[]appender.Result{{Seq: 1}, {Seq: 1, Duplicate: true}, {Seq: 1, Conflict: true}, {Seq: 2}},
			2,
		},
		{
			"a repeat of a conflict is compared with the log",
			[]eventlog.Event{a1},
			[]eventlog.Event{a2, a1, a2},
			[]appender.Result{{Seq: 1, Conflict: true}, {Seq: 1, Duplicate: true}, {Seq: 1, Conflict: true}},
			1,
		},
		{
			"ids that dashd chose are not looked up",
			[]eventlog.Event{notGiven(a1)},
			[]eventlog.Event{notGiven(a1)},
			[]appender.Result{{Seq: 2}},
			2,
		},
	}
	for _, tt := range tests {
		for _, padding := range []int{0, 2 * appender.EncodeEvents} {
			t.Run(fmt.Sprintf("%s, with %d more", tt.name, padding), func(t *testing.T) {
				c := newCluster()
				a, stop := run(t, c, appender.Options{})
				for _, e := range tt.log {
					if got := <-send(a, e); got.err != nil {
						t.Fatal(got.err)
					}
				}
				got := <-send(a, append(slices.Clone(tt.events), events(padding)...)...)
				stop()
				if got.err != nil {
					t.Fatal(got.err)
				}
				wantResults(t, answer{got.results[:len(tt.events)], nil}, tt.want...)
				if got := len(c.records); got != tt.wantSize+padding {
					t.Errorf("the log holds %d events, want %d", got, tt.wantSize+padding)
				}
				for i, r := range got.results[len(tt.events):] {
					if want := (appender.Result{Seq: uint64(tt.wantSize + i + 1)}); r != want {
						t.Fatalf("result of event %d = %+v, want %+v", i, r, want)
					}
				}
			})
		}
	}
}

func inProject(p string, e eventlog.Event) eventlog.Event {
	e.Project = p
	return e
}

func notGiven(e eventlog.Event) eventlog.Event {
	e.GivenID = false
	return e
}

// noise is incompressible text, 8 times 48 KiB.
var noise = sync.OnceValue(func() (texts [8]string) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range texts {
		text := make([]byte, 48<<10)
		for k := range text {
			text[k] = byte('!' + random.IntN(90))
		}
		texts[i] = string(text)
	}
	return texts
})

// bulk is enough events to be worth a block of its own.
func bulk() (out []eventlog.Event) {
	for _, text := range noise() {
		e := event("", "bulk")
		e.Message = text
		out = append(out, e)
	}
	return out
}

// with returns e followed by bulk, so that it does not wait for the block before it.
func with(e eventlog.Event) []eventlog.Event { return append([]eventlog.Event{e}, bulk()...) }

// Two events under one id are decided by the order in which they came, also while
// the first is on its way.
func TestInFlight(t *testing.T) {
	tests := []struct {
		name                      string
		fate                      fate
		first, same, other, after answer
	}{
		{
			"the first is written", written,
			answer{results: []appender.Result{{Seq: 1}}},
			answer{results: []appender.Result{{Seq: 1, Duplicate: true}}},
			answer{results: []appender.Result{{Seq: 1, Conflict: true}}},
			answer{results: []appender.Result{{Seq: 1, Duplicate: true}}},
		},
		{
			"the first is refused", refused,
			answer{err: errRefused},
			answer{err: errRefused},
			answer{err: errRefused},
			answer{results: []appender.Result{{Seq: 17}}},
		},
		{
			"the first is lost", lost,
			answer{err: errUnknown},
			answer{err: errUnknown},
			answer{err: errUnknown},
			answer{results: []appender.Result{{Seq: 17}}},
		},
		{
			"the first is written and nobody knows", writtenQuiet,
			answer{err: errUnknown},
			answer{err: errUnknown},
			answer{err: errUnknown},
			answer{results: []appender.Result{{Seq: 1, Duplicate: true}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster()
				c.gate = make(chan struct{})
				c.fates = func(n int) fate {
					if n == 0 {
						return tt.fate
					}
					return written
				}
				a, stop := run(t, c, appender.Options{})
				defer stop()
				first := send(a, event("a", "u1"))
				synctest.Wait() // the gate holds it
				same := send(a, with(event("a", "u1"))...)
				synctest.Wait() // or the next one might share its block
				other := send(a, with(event("a", "u2"))...)
				synctest.Wait()
				if got := c.proposed(); len(got) != 3 || got[1] != 8 || got[2] != 8 {
					t.Errorf("blocks of %v events were proposed; want 1, 8, 8", got)
				}
				close(c.gate)
				check := func(who string, got, want answer) {
					t.Helper()
					switch {
					case want.err != nil:
						wantError(t, got, want.err)
					case got.err != nil:
						t.Errorf("%s: %v, want %+v", who, got.err, want.results)
					default:
						wantResults(t, answer{got.results[:1], nil}, want.results...)
					}
				}
				check("the first", <-first, tt.first)
				check("the same", <-same, tt.same)
				check("the other", <-other, tt.other)
				check("the same, afterwards", <-send(a, event("a", "u1")), tt.after)
			})
		})
	}
}

// A block whose outcome is unknown fails those who were in it, and nobody else.
func TestFailureOfABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.gate = make(chan struct{})
		c.fates = func(n int) fate { return []fate{written, lost, written}[n] }
		a, stop := run(t, c, appender.Options{})
		defer stop()
		before := send(a, event("", "u"))
		synctest.Wait()
		failing := send(a, with(event("a", "u"))...)
		synctest.Wait()
		after := send(a, with(event("b", "u"))...)
		synctest.Wait()
		close(c.gate)
		if got := <-before; got.err != nil {
			t.Errorf("the block before: %v", got.err)
		}
		wantError(t, <-failing, errUnknown)
		if got := <-after; got.err != nil || got.results[0].Duplicate || got.results[0].Conflict {
			t.Errorf("the block after: %+v, %v", got.results, got.err)
		}
	})
}

func TestCancelStopsTheWaitingOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.gate = make(chan struct{})
		a, stop := run(t, c, appender.Options{})
		ctx, cancel := context.WithCancel(context.Background())
		got := make(chan error, 1)
		go func() {
			_, err := a.Append(ctx, []eventlog.Event{event("a", "u")})
			got <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-got; errs.CodeOf(err) != appender.CodeOutcomeUnknown {
			t.Errorf("Append = %v, want code %s", err, appender.CodeOutcomeUnknown)
		}
		close(c.gate)
		stop()
		if got := c.ids(); len(got) != 1 || got[0] != "a" {
			t.Errorf("the log holds %q, want the event", got)
		}
	})
}

// A block that would be small waits for the one before it; one that is worth a
// write does not, as long as there is room in the pipeline.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.gate = make(chan struct{})
		a, stop := run(t, c, appender.Options{})
		defer stop()
		var answers []<-chan answer
		want := func(blocks ...int) {
			t.Helper()
			synctest.Wait()
			if got := c.proposed(); !slices.Equal(got, blocks) {
				t.Errorf("blocks of %v events were proposed, want %v", got, blocks)
			}
		}
		answers = append(answers, send(a, event("", "u")))
		want(1)
		for range 5 {
			answers = append(answers, send(a, event("", "u")))
		}
		want(1)
		answers = append(answers, send(a, bulk()...))
		want(1, 13)
		answers = append(answers, send(a, bulk()...))
		want(1, 13, 8)
		answers = append(answers, send(a, bulk()...))
		answers = append(answers, send(a, bulk()...))
		want(1, 13, 8) // there are three slots
		c.gate <- struct{}{}
		want(1, 13, 8, 16)
		close(c.gate)
		for _, got := range answers {
			if got := <-got; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

func TestRequestIsNotSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.gate = make(chan struct{})
		a, stop := run(t, c, appender.Options{})
		defer stop()
		first := send(a, event("", "u"))
		synctest.Wait()
		// Five times 8 events of 48 KiB: two requests fit in a block, a third does not.
		var answers []<-chan answer
		for range 5 {
			answers = append(answers, send(a, bulk()...))
		}
		synctest.Wait()
		close(c.gate)
		<-first
		for _, got := range answers {
			got := <-got
			if got.err != nil {
				t.Fatal(got.err)
			}
			for i, r := range got.results {
				if r.Seq != got.results[0].Seq+uint64(i) {
					t.Errorf("event %d of a request has seq %d, its first has %d", i, r.Seq, got.results[0].Seq)
				}
			}
		}
		for _, n := range c.proposed()[1:] {
			if n%8 != 0 {
				t.Errorf("a block holds %d events; requests had 8", n)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Run("a request that no block can hold is too large", func(t *testing.T) {
		a, stop := run(t, newCluster(), appender.Options{})
		defer stop()
		got := <-send(a, slices.Concat(bulk(), bulk(), bulk(), bulk())...)
		if errs.KindOf(got.err) != errs.TooLarge {
			t.Errorf("Append = %v, want kind TooLarge", got.err)
		}
	})
	t.Run("more events than a group holds are too many", func(t *testing.T) {
		a, stop := run(t, newCluster(), appender.Options{})
		defer stop()
		if got := <-send(a, events(block.GroupEvents+1)...); errs.KindOf(got.err) != errs.TooLarge {
			t.Errorf("Append = %v, want kind TooLarge", got.err)
		}
		if got := <-send(a, events(block.GroupEvents)...); got.err != nil {
			t.Errorf("Append of as many as a group holds: %v", got.err)
		}
	})
	t.Run("an event that cannot be encoded fails its request alone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster()
			c.gate = make(chan struct{})
			a, stop := run(t, c, appender.Options{})
			defer stop()
			first := send(a, event("", "u"))
			synctest.Wait()
			bad := event("bad", "u")
			bad.Status = 77
			good, wrong, repeat := send(a, event("good", "u")), send(a, bad), send(a, bad)
			synctest.Wait()
			close(c.gate)
			<-first
			wantResults(t, <-good, appender.Result{Seq: 2})
			for _, got := range []<-chan answer{wrong, repeat} {
				if got := <-got; got.err == nil {
					t.Errorf("Append of an event with status 77 = %+v, want an error", got.results)
				}
			}
		})
	})
	t.Run("a follower refuses", func(t *testing.T) {
		c := newCluster()
		c.term = 0
		a, stop := run(t, c, appender.Options{})
		defer stop()
		wantError(t, <-send(a, event("a", "u")), errFollows)
		c.set(func() { c.term = 5 })
		wantResults(t, <-send(a, event("a", "u")), appender.Result{Seq: 1})
	})
	t.Run("a block formed in another term is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster()
			a, stop := run(t, c, appender.Options{})
			defer stop()
			c.lookingUp = func() { c.set(func() { c.term++ }) }
			wantError(t, <-send(a, event("a", "u")), errFollows)
			c.lookingUp = nil
			wantResults(t, <-send(a, event("a", "u")), appender.Result{Seq: 1})
		})
	})
	t.Run("too much waiting is busy, and a lone request is taken whatever its size", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster()
			c.gate = make(chan struct{})
			a, stop := run(t, c, appender.Options{MaxWaiting: 500})
			defer stop()
			var taken []<-chan answer
			taken = append(taken, send(a, event("a", "u"))) // in flight
			synctest.Wait()
			taken = append(taken, send(a, events(3)...)) // waits
			synctest.Wait()
			if got := <-send(a, event("b", "u")); errs.KindOf(got.err) != errs.Busy || errs.CodeOf(got.err) != appender.CodeBusy {
				t.Errorf("Append = %v, want kind and code BUSY", got.err)
			}
			close(c.gate)
			for _, got := range taken {
				if got := <-got; got.err != nil {
					t.Error(got.err)
				}
			}
			wantResults(t, <-send(a, event("b", "u")), appender.Result{Seq: 5})
		})
	})
	t.Run("a log that is behind with its disk holds requests back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster()
			c.pending = 101
			a, stop := run(t, c, appender.Options{MaxPending: 100})
			defer stop()
			got := send(a, event("a", "u"))
			synctest.Wait()
			if n := len(c.proposed()); n != 0 {
				t.Errorf("%d blocks were proposed", n)
			}
			c.set(func() { c.pending = 100 })
			wantResults(t, <-got, appender.Result{Seq: 1})

			c.set(func() { c.pending = 101 })
			got = send(a, event("b", "u"))
			synctest.Wait()
			c.set(func() { c.term = 0 }) // nobody waits for the disk of a follower
			wantError(t, <-got, errFollows)
		})
	})
}

// What is behind with the events there are holds up new ones, at the leader.
func TestAFollowerThatIsBehindHasRequestsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		var behind atomic.Bool
		a, stop := run(t, c, appender.Options{Behind: behind.Load})
		defer stop()
		wantResults(t, <-send(a, event("a", "u")), appender.Result{Seq: 1})
		behind.Store(true)
		if got := <-send(a, event("b", "u")); errs.KindOf(got.err) != errs.Busy || errs.CodeOf(got.err) != appender.CodeBusy {
			t.Errorf("Append = %v, want kind and code BUSY", got.err)
		}
		c.set(func() { c.term = 0 })
		wantError(t, <-send(a, event("b", "u")), errFollows)
		c.set(func() { c.term = 1 })
		behind.Store(false)
		wantResults(t, <-send(a, event("b", "u")), appender.Result{Seq: 2})
	})
}

// A stop refuses what comes and finishes what came.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.gate = make(chan struct{})
		a, stop := run(t, c, appender.Options{})
		flying := send(a, event("a", "u"))
		synctest.Wait()
		waiting := send(a, event("b", "u"))
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		synctest.Wait()
		if got := <-send(a, event("c", "u")); errs.CodeOf(got.err) != appender.CodeShuttingDown {
			t.Errorf("Append after the stop = %v, want code %s", got.err, appender.CodeShuttingDown)
		}
		close(c.gate)
		wantResults(t, <-flying, appender.Result{Seq: 1})
		wantResults(t, <-waiting, appender.Result{Seq: 2})
		<-stopped
	})
}

func TestIdentify(t *testing.T) {
	c := newCluster()
	now := day
	a, stop := run(t, c, appender.Options{Now: func() int64 { return now }})
	given := event("mine", "u")
	given.Salt = [16]byte{1}
	erased := event("erased", "u")
	erased.Erased, erased.Personal, erased.Commit = true, eventlog.Personal{}, [32]byte{2}
	if got := <-send(a, event("", "u"), event("", "u"), given, erased); got.err != nil {
		t.Fatal(got.err)
	}
	now -= 5_000 // the clock is set back
	if got := <-send(a, event("", "u")); got.err != nil {
		t.Fatal(got.err)
	}
	stop()
	seen := map[string]bool{}
	for _, r := range []eventlog.Record{c.records[0], c.records[1], c.records[4]} {
		u, err := uuid.Parse(r.ID)
		if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Errorf("id %q is not a UUIDv7 (%v)", r.ID, err)
		}
		if sec, nsec := u.Time().UnixTime(); sec*1000+nsec/1e6 != day || r.ReceivedAt != day {
			t.Errorf("id %q and receivedAt %d are not of %d", r.ID, r.ReceivedAt, day)
		}
		if r.GivenID || r.Salt == [16]byte{} || seen[r.ID] || seen[string(r.Salt[:])] {
			t.Errorf("id %q, salt %x, given %v: want a new id and a new salt", r.ID, r.Salt, r.GivenID)
		}
		seen[r.ID], seen[string(r.Salt[:])] = true, true
	}
	if r := c.records[2]; r.ID != "mine" || !r.GivenID || r.Salt != given.Salt {
		t.Errorf("an event with id and salt became %q, %x", r.ID, r.Salt)
	}
	if r := c.records[3]; r.Salt != [16]byte{} {
		t.Errorf("an erased event got the salt %x", r.Salt)
	}
}
