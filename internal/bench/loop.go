package bench

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept to three digits, up to ten minutes. Longer ones count as that.
const (
	shortest = 100 // ns that are told apart
	longest  = 10 * time.Minute
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, int64(longest), 3) }

// hopeless is after how many failures a client whom nothing has succeeded gives up.
const hopeless = 20

// loop makes the requests of one Work.
type loop struct {
	work Work
	rate float64      // requests a second; 0: closed
	next atomic.Int64 // the number of the next request

	start time.Time // of this run
	first int64     // the number of the first request of this run
	every time.Duration
	took  time.Duration // from the start to the last answer

	mu  sync.Mutex // guards sum
	sum tally
}

// tally is what clients counted.
type tally struct {
	latency  *hdrhistogram.Histogram
	done     int64
	errors   int64
	unsent   int64
	periods  []int64 // requests answered in each loop.every
	firstErr error
}

// begin forgets what was counted.
func (l *loop) begin(d time.Duration) {
	l.sum = tally{latency: newHistogram()}
	l.every = rateEvery(d)
}

// run lets the clients begin requests for d, and until they have begun so many, and returns when all are
// answered.
func (l *loop) run(ctx context.Context, d time.Duration, least int) error {
	if d <= 0 && least == 0 {
		return ctx.Err()
	}
	l.start, l.first = time.Now(), l.next.Load()
	p := pace{end: l.start.Add(d), enough: l.first + int64(least), last: math.MaxInt64}
	if l.rate > 0 {
		// All requests that are due before the end, and none for longer than twice the time.
		p = pace{end: p.end.Add(d), last: l.first + int64(math.Ceil(d.Seconds()*l.rate))}
	}
	if l.work.Most > 0 {
		p.last = min(p.last, int64(l.work.Most))
	}
	var clients sync.WaitGroup
	for c := range l.work.Clients {
		clients.Go(func() {
			t := l.client(ctx, c, p)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.sum.add(t)
		})
	}
	clients.Wait()
	l.took = time.Since(l.start)
	if l.rate > 0 {
		l.took = max(l.took, d) // the last request is due before the end
		l.sum.unsent = max(0, p.last-l.next.Load())
	}
	if l.sum.done == 0 && l.sum.firstErr != nil {
		return l.sum.firstErr
	}
	return ctx.Err()
}

// pace is for how long clients begin requests: until the end, and until enough are begun, and none
// from last on.
type pace struct {
	end          time.Time
	enough, last int64
}

// client makes requests. Each client makes one at least, however busy the machine is.
func (l *loop) client(ctx context.Context, c int, p pace) *tally {
	t := &tally{latency: newHistogram()}
	for first := true; ctx.Err() == nil; first = false {
		if !first && !time.Now().Before(p.end) && l.next.Load() >= p.enough {
			break
		}
		n := l.next.Add(1) - 1
		if n >= p.last {
			l.next.Add(-1)
			break
		}
		begin := time.Now()
		if l.rate > 0 {
			if begin = l.due(n); !wait(ctx, begin) {
				break
			}
		}
		if err := l.work.Do(ctx, c, int(n)); err != nil {
			if ctx.Err() != nil {
				break // the request did not fail: it was given up
			}
			t.errors++
			if t.firstErr == nil {
				t.firstErr = err
			}
			if t.errors >= hopeless && t.done == 0 {
				break
			}
			continue
		}
		t.answered(time.Since(begin), int(time.Since(l.start)/l.every))
	}
	return t
}

// due is when request n has to be made.
func (l *loop) due(n int64) time.Time {
	return l.start.Add(time.Duration(float64(n-l.first) / l.rate * float64(time.Second)))
}

// wait returns at a time, or with false when ctx ends.
func wait(ctx context.Context, until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answered counts a request that took so long and was answered in a period of the run.
func (t *tally) answered(took time.Duration, period int) {
	t.done++
	_ = t.latency.RecordValue(int64(min(took, longest))) // in range
	for len(t.periods) <= period {
		t.periods = append(t.periods, 0)
	}
	t.periods[period]++
}

func (t *tally) add(u *tally) {
	t.latency.Merge(u.latency)
	t.done += u.done
	t.errors += u.errors
	for i, n := range u.periods {
		if i == len(t.periods) {
			t.periods = append(t.periods, 0)
		}
		t.periods[i] += n
	}
	if t.firstErr == nil {
		t.firstErr = u.firstErr
	}
}
