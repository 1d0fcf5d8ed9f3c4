package bench_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/bench"
)

// takes is work of which each request takes so long, on the fake clock.
func takes(clients int, d time.Duration) bench.Work {
	return bench.Work{Name: "work", Clients: clients, Events: 10, Do: func(context.Context, int, int) error {
		time.Sleep(d)
		return nil
	}}
}

func near(got, want time.Duration) bool {
	return math.Abs(float64(got-want)) <= float64(want)/500 // the histogram has three digits
}

func TestClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := bench.Drive(t.Context(), takes(4, 20*time.Millisecond), bench.Load{Duration: time.Second, Warmup: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.Loop != "closed" || r.Offered != 0 || r.Requests != 200 || r.Events != 2000 || r.PerSec != 2000 || r.Seconds != 1 || r.Clients != 4 {
			t.Errorf("%+v", r)
		}
		if !near(r.P50, 20*time.Millisecond) || !near(r.P999, 20*time.Millisecond) || !near(r.Max, 20*time.Millisecond) {
			t.Errorf("latencies %v %v %v, want 20ms", r.P50, r.P999, r.Max)
		}
		if len(r.Rates) != 10 || r.RateEvery != 100*time.Millisecond {
			t.Errorf("%d rates, each of %v: %v", len(r.Rates), r.RateEvery, r.Rates)
		}
	})
}

// A server that stalls for a second: a closed loop sees one slow request of each client; an open one
// sees all requests that fell into it, each with what is left of the stall.
func TestStallIsSeenByOpenLoopOnly(t *testing.T) {
	stalls := func() bench.Work {
		var end atomic.Pointer[time.Time]
		return bench.Work{Name: "stall", Clients: 2, Do: func(_ context.Context, _, n int) error {
			if n == 1000 {
				t := time.Now().Add(time.Second)
				end.Store(&t)
			}
			if t := end.Load(); t != nil {
				time.Sleep(time.Until(*t))
			}
			time.Sleep(100 * time.Microsecond)
			return nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		closed, err := bench.Drive(t.Context(), stalls(), bench.Load{Duration: 4 * time.Second})
		if err != nil || closed.Max < 900*time.Millisecond || closed.P999 > time.Millisecond {
			t.Errorf("closed: %v, %v %v", err, closed.P999, closed.Max)
		}
		open, err := bench.Drive(t.Context(), stalls(), bench.Load{Duration: 4 * time.Second, Rate: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if open.Loop != "open" || open.Offered != 1000 || open.Requests != 4000 || open.Unsent != 0 || open.PerSec != 1000 {
			t.Errorf("open: %+v", open)
		}
		// A quarter of the requests are due in the second of the stall: half of those, an eighth, waited half
		// a second and more.
		if open.P99 < 900*time.Millisecond || open.P95 < 700*time.Millisecond || open.P50 > time.Millisecond || open.Max < 990*time.Millisecond {
			t.Errorf("open: p50 %v, p95 %v, p99 %v, max %v", open.P50, open.P95, open.P99, open.Max)
		}
	})
}

// A server that cannot keep up with what is offered: the wait is in the latencies, and what was not
// even sent is told.
func TestOpenLoopBeyondCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := bench.Drive(t.Context(), takes(1, 10*time.Millisecond), bench.Load{Duration: time.Second, Rate: 400})
		if err != nil {
			t.Fatal(err)
		}
		if r.Requests != 200 || r.Unsent != 200 || r.Seconds != 2 || r.PerSec != 1000 {
			t.Errorf("%+v", r)
		}
		// Request n was due at 2.5n ms and answered at 10(n+1) ms.
		if want := 2000*time.Millisecond - 199*2500*time.Microsecond; !near(r.Max, want) {
			t.Errorf("max %v, want %v", r.Max, want)
		}
	})
}

func TestNoRequestIsMadeTwice(t *testing.T) {
	for _, o := range []bench.Load{
		{Duration: 5 * time.Millisecond, Warmup: 5 * time.Millisecond},
		{Duration: 5 * time.Millisecond, Warmup: 5 * time.Millisecond, Rate: 20_000},
	} {
		var mu sync.Mutex
		seen := map[int]bool{}
		w := bench.Work{Clients: 4, Do: func(_ context.Context, client, n int) error {
			mu.Lock()
			defer mu.Unlock()
			if seen[n] || client < 0 || client > 3 {
				t.Errorf("request %d of client %d was made before", n, client)
			}
			seen[n] = true
			return nil
		}}
		r, err := bench.Drive(t.Context(), w, o)
		if err != nil || r.Requests == 0 || int(r.Requests) >= len(seen) {
			t.Errorf("%+v, %v; %d requests in all", r, err, len(seen))
		}
		for n := range len(seen) {
			if !seen[n] {
				t.Errorf("rate %g: request %d of %d was never made", o.Rate, n, len(seen))
			}
		}
	}
}

func TestLeastAndMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := takes(2, time.Second)
		w.Least = 7
		if r, err := bench.Drive(t.Context(), w, bench.Load{Duration: time.Millisecond}); err != nil || r.Requests < 7 || r.Requests > 8 {
			t.Errorf("least 7: %d, %v", r.Requests, err)
		}
		w.Least, w.Most = 0, 3
		if r, err := bench.Drive(t.Context(), w, bench.Load{Duration: time.Hour}); err != nil || r.Requests != 3 {
			t.Errorf("most 3: %d, %v", r.Requests, err)
		}
	})
}

func TestDriveFails(t *testing.T) {
	broken := errors.New("broken")
	bad := bench.Work{Clients: 2, Do: func(context.Context, int, int) error { return broken }}
	r, err := bench.Drive(t.Context(), bad, bench.Load{Duration: time.Second})
	if !errors.Is(err, broken) || r.Requests != 0 || r.Errors == 0 || r.PerSec != 0 {
		t.Errorf("where nothing succeeds: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stops := bench.Work{Clients: 2, Do: func(ctx context.Context, _, n int) error {
		if n == 100 {
			cancel()
		}
		return ctx.Err()
	}}
	if r, err := bench.Drive(ctx, stops, bench.Load{Duration: time.Hour}); !errors.Is(err, context.Canceled) || r.Errors != 0 {
		t.Errorf("where the context ends: %+v, %v", r, err)
	}
	for _, w := range []bench.Work{{}, {Clients: 1}, {Do: bad.Do}} {
		if _, err := bench.Drive(t.Context(), w, bench.Load{}); err == nil {
			t.Errorf("Drive(%+v) = nil", w)
		}
	}
	if _, err := bench.Drive(t.Context(), bad, bench.Load{Rate: -1}); err == nil {
		t.Error("a negative rate is accepted")
	}
}
