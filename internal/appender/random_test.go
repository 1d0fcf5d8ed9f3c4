package appender_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/appender"
)

// randomRequest is events with few ids and few contents, so that they meet.
func randomRequest(r *rand.Rand) []eventlog.Event {
	n := 1 + r.IntN(6)
	if r.IntN(4) == 0 {
		n += appender.EncodeEvents
	}
	var out []eventlog.Event
	for range n {
		id := ""
		if r.IntN(3) > 0 {
			id = fmt.Sprintf("id-%d", r.IntN(60))
		}
		out = append(out, event(id, fmt.Sprintf("user-%d", r.IntN(3)/2)))
	}
	if r.IntN(8) == 0 {
		out = append(out, bulk()...) // worth a block of its own
	}
	return out
}

// One request after the other must give what a map of ids gives.
func TestSequentialModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := newCluster()
		a, stop := run(t, c, appender.Options{})
		type known struct {
			seq  uint64
			user string
		}
		model, next := map[string]known{}, uint64(1)
		for k := range 60 {
			if r.IntN(10) == 0 { // a restart
				stop()
				a, stop = run(t, c, appender.Options{})
			}
			request := randomRequest(r)
			var want []appender.Result
			for _, e := range request {
				was, ok := model[e.ID]
				switch {
				case e.GivenID && ok:
					want = append(want, appender.Result{Seq: was.seq, Duplicate: was.user == e.UserID, Conflict: was.user != e.UserID})
				default:
					if e.GivenID {
						model[e.ID] = known{next, e.UserID}
					}
					want = append(want, appender.Result{Seq: next})
					next++
				}
			}
			got, err := a.Append(context.Background(), request)
			if err != nil {
				t.Fatalf("seed %d: request %d: %v", seed, k, err)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("seed %d: request %d: result %d = %+v, want %+v", seed, k, i, got[i], want[i])
				}
			}
		}
		stop()
		if got := uint64(len(c.records)) + 1; got != next {
			t.Fatalf("seed %d: the log holds %d events, want %d", seed, got-1, next-1)
		}
	}
}

// Many callers at once, blocks that fail in every way, and restarts: whatever the
// interleaving, every answer must be true of the log.
func TestConcurrentAnswersAreTrue(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster()
			fates := rand.New(rand.NewPCG(seed, 2))
			c.fates = func(int) fate { return []fate{written, written, written, refused, lost, writtenQuiet}[fates.IntN(6)] }
			delays := rand.New(rand.NewPCG(seed, 3))
			var delayMu sync.Mutex
			c.delay = func() {
				delayMu.Lock()
				d := time.Duration(delays.IntN(1000)) * time.Microsecond
				delayMu.Unlock()
				time.Sleep(d) // the bubble's time
			}
			var calls []call
			for range 3 {
				calls = append(calls, oneLife(t, c, seed)...)
			}
			if err := check(c, calls); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		})
	}
}

// call is what was asked and answered.
type call struct {
	request []eventlog.Event
	answer
}

// oneLife runs an appender under callers, and stops it under them.
func oneLife(t *testing.T, c *cluster, seed uint64) []call {
	a, stop := run(t, c, appender.Options{})
	var mu sync.Mutex
	var calls []call
	var wg sync.WaitGroup
	for k := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 100*uint64(len(c.ids()))+k))
			for range 15 {
				request := randomRequest(r)
				results, err := a.Append(context.Background(), request)
				mu.Lock()
				calls = append(calls, call{request, answer{results, err}})
				mu.Unlock()
				time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
			}
		})
	}
	time.Sleep(7 * time.Millisecond)
	stop()
	wg.Wait()
	return calls
}

// check compares every answer with the log.
func check(c *cluster, calls []call) error {
	given := map[string]uint64{}
	for _, r := range c.records {
		if r.GivenID {
			if given[r.ID] != 0 {
				return fmt.Errorf("%s is at %d and at %d", r.ID, given[r.ID], r.Seq)
			}
			given[r.ID] = r.Seq
		}
	}
	if c.unsorted {
		return errors.New("the time of receipt ran backwards")
	}
	owner := map[uint64]int{} // seq to call that wrote it
	unknown := 0
	for k, call := range calls {
		if call.err != nil {
			if errors.Is(call.err, errUnknown) {
				unknown += len(call.request)
			}
			continue
		}
		last := uint64(0)
		for i, got := range call.results {
			if got.Seq == 0 || got.Seq > uint64(len(c.records)) {
				return fmt.Errorf("call %d: result %d = %+v, the log holds %d", k, i, got, len(c.records))
			}
			rec, e := &c.records[got.Seq-1], &call.request[i]
			same := rec.ID == e.ID && eventlog.SameContent(&rec.Event, e)
			switch {
			case rec.ID != e.ID, got.Conflict == same, got.Duplicate && !e.GivenID:
				return fmt.Errorf("call %d: event %s of %s: %+v; the log holds %s of %s there", k, e.ID, e.UserID, got, rec.ID, rec.UserID)
			case got.Duplicate || got.Conflict:
			case last != 0 && got.Seq != last+1:
				return fmt.Errorf("call %d: event %d is at %d, the one before it at %d", k, i, got.Seq, last)
			default:
				if by, ok := owner[got.Seq]; ok {
					return fmt.Errorf("calls %d and %d both wrote seq %d", by, k, got.Seq)
				}
				owner[got.Seq], last = k, got.Seq
			}
		}
	}
	if missing := len(c.records) - len(owner); missing > unknown {
		return fmt.Errorf("%d events of the log were not answered for, and only %d had an unknown outcome", missing, unknown)
	}
	return nil
}

// What a block is taken to need is never less than what it needs.
func TestBound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	text := func(most int) string {
		var s strings.Builder
		for range r.IntN(most + 1) {
			s.WriteByte(byte(' ' + r.IntN(95)))
		}
		return s.String()
	}
	for round := range 400 {
		most := []int{0, 3, 40, 200}[round%4]
		list := make([]eventlog.Event, 1+r.IntN(200))
		for i := range list {
			e := &list[i]
			e.ID, e.Project, e.Type, e.Time = text(most), text(most), eventlog.Type(text(most)), r.Int64()
			e.UserID, e.SessionID, e.OrganizationID, e.ActorID = text(most), text(most), text(most), text(most)
			e.Key, e.CountryCode, e.GivenID, e.GivenTime = text(most), text(2), r.IntN(2) == 0, r.IntN(2) == 0
			e.Metadata, e.IPAddress, e.UserAgent = []byte(text(most)), text(most), text(most)
			e.City, e.Region, e.Country, e.Message = text(most), text(most), text(most), text(most)
			e.Origin = eventlog.Origin{Type: text(most), DisplayName: text(most), RawIP: text(most)}
			e.Sealed = []byte(text(most))
			for k := range e.Salt {
				e.Salt[k] = byte(r.Uint32())
			}
		}
		group, err := block.AppendGroup(nil, list)
		if err != nil {
			t.Fatal(err)
		}
		if got, bound := len(group), appender.Bound(list); got > bound {
			t.Fatalf("round %d: %d events take %d bytes, taken to need at most %d", round, len(list), got, bound)
		}
	}
}
