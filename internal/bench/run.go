package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"dashd/internal/genevents"
)

// Options of Run.
type Options struct {
	URL, Key  string
	Scenarios []Scenario
	Duration  time.Duration // of each scenario
	Warmup    time.Duration // before each, not counted
	Clients   int           // 0: as the scenario says
	Seed      uint64
	Users     int                  // that the events are about
	People    int                  // users to store first, each with CrowdSessions sessions; then Users does not count
	Preload   int                  // events to store first, behind those of People, rounded up to full batches
	Progress  func(events int)     // called while they are stored; may be nil
	Usage     func() (Usage, bool) // of the node; nil or false: unknown
	Report    func(Result)         // called after each scenario
}

// Result is what a scenario measured.
type Result struct {
	Scenario string        `json:"scenario"`
	Clients  int           `json:"clients"`
	Seconds  float64       `json:"seconds"`
	Requests int64         `json:"requests"`
	Errors   int64         `json:"errors"`
	Events   int64         `json:"events"`
	PerSec   float64       `json:"perSecond"` // events of a write, requests of a read
	P50      time.Duration `json:"p50ns"`
	P95      time.Duration `json:"p95ns"`
	P99      time.Duration `json:"p99ns"`
	Max      time.Duration `json:"maxns"`
	// CPU seconds of the node and bytes it wrote, per event of a write and per
	// request of a read; -1 if unknown.
	CPUPer   time.Duration `json:"cpuPerNs"`
	WrotePer float64       `json:"bytesWrittenPer"`
	PeakRSS  int64         `json:"peakRSS"`        // of the node, bytes; -1 if unknown
	Note     string        `json:"note,omitempty"` // what else was seen
	FirstErr string        `json:"firstError,omitempty"`
}

// CrowdSessions is how many sessions each of Options.People has.
const CrowdSessions = 2

// CrowdEvents is how many events bring so many people.
func CrowdEvents(people int) int { return genevents.CrowdEvents(people, CrowdSessions) }

// kept is the number of different requests of a scenario that are made before
// the clock starts, counted in events.
const kept = 20_000

// Run measures the scenarios one after the other.
func Run(ctx context.Context, o Options) error {
	w := newWorkload(o.Seed, o.Users)
	if o.People > 0 {
		w = newCrowd(o.Seed, o.People, CrowdSessions)
		o.Preload += CrowdEvents(o.People)
	}
	if o.Preload > 0 {
		if err := preload(ctx, o, w); err != nil {
			return fmt.Errorf("preload: %w", err)
		}
	}
	for _, sc := range o.Scenarios {
		if sc.Local != nil {
			r, err := sc.Local(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", sc.Name, err)
			}
			r.Scenario = sc.Name
			o.Report(r)
			continue
		}
		if o.Clients > 0 {
			sc.Clients = o.Clients
		}
		requests := make([]request, max(64, min(2048, kept/max(1, sc.Events))))
		for i := range requests {
			requests[i] = sc.make(w, i)
		}
		l := newLoop(o, sc, requests)
		if err := l.run(ctx, o.Warmup); err != nil {
			return fmt.Errorf("%s: %w", sc.Name, err)
		}
		l.reset()
		before, known := usage(o)
		start := time.Now()
		if err := l.run(ctx, o.Duration); err != nil {
			return fmt.Errorf("%s: %w", sc.Name, err)
		}
		r := l.result(time.Since(start))
		if after, ok := usage(o); ok && known {
			r.add(before, after)
		}
		o.Report(r)
	}
	return nil
}

func usage(o Options) (Usage, bool) {
	if o.Usage == nil {
		return Usage{}, false
	}
	return o.Usage()
}

// add fills in what the node used in between.
func (r *Result) add(before, after Usage) {
	n := r.Events
	if n == 0 {
		n = r.Requests
	}
	n = max(n, 1)
	r.CPUPer = (after.CPU - before.CPU) / time.Duration(n)
	r.WrotePer = float64(after.Written-before.Written) / float64(n)
	r.PeakRSS = after.PeakRSS
}

// loop is one scenario at work.
type loop struct {
	o        Options
	sc       Scenario
	requests []request
	client   *http.Client
	next     atomic.Int64

	mu       sync.Mutex // guards the rest
	latency  *hdrhistogram.Histogram
	done     int64
	errors   int64
	firstErr error
}

func newLoop(o Options, sc Scenario, requests []request) *loop {
	l := &loop{o: o, sc: sc, requests: requests}
	l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: sc.Clients, DisableCompression: true}}
	l.reset()
	return l
}

func (l *loop) reset() {
	l.latency = hdrhistogram.New(1, int64(time.Minute), 3)
	l.done, l.errors, l.firstErr = 0, 0, nil
}

// run lets the clients work for d. It is an error if not one request succeeded, and
// if ctx ends.
func (l *loop) run(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	defer l.client.CloseIdleConnections()
	end := time.Now().Add(d)
	var clients sync.WaitGroup
	for range l.sc.Clients {
		clients.Go(func() {
			own := hdrhistogram.New(1, int64(time.Minute), 3)
			var done, failed int64
			var firstErr error
			for time.Now().Before(end) && ctx.Err() == nil {
				start := time.Now()
				if err := l.send(ctx); err != nil {
					failed++
					firstErr = err
				} else {
					done++
					_ = own.RecordValue(int64(time.Since(start))) // at most a minute: the client's timeout
				}
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.latency.Merge(own)
			l.done += done
			l.errors += failed
			if l.firstErr == nil {
				l.firstErr = firstErr
			}
		})
	}
	clients.Wait()
	if l.done == 0 && l.firstErr != nil {
		return l.firstErr
	}
	return ctx.Err()
}

// send sends the next request and reads its answer.
func (l *loop) send(ctx context.Context) error {
	return send(ctx, l.client, l.o, &l.requests[int(l.next.Add(1))%len(l.requests)])
}

// send sends one request and reads its answer to the end. An answer other than 200,
// and one that says that events were refused, is an error.
func send(ctx context.Context, client *http.Client, o Options, rq *request) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, rq.method, o.URL+rq.path, bytes.NewReader(rq.body))
	if err != nil {
		return err
	}
	for k, v := range rq.header {
		req.Header[k] = v
	}
	req.Header["X-Api-Key"] = []string{o.Key}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
		return fmt.Errorf("HTTP %d: %s", resp.StatusCode, text)
	}
	if rq.events == 0 {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return stored(resp.Body, rq.events)
}

func (l *loop) result(took time.Duration) Result {
	r := Result{
		Scenario: l.sc.Name, Clients: l.sc.Clients, Seconds: took.Seconds(), Requests: l.done, Errors: l.errors,
		Events: l.done * int64(l.sc.Events),
		P50:    time.Duration(l.latency.ValueAtQuantile(50)), P95: time.Duration(l.latency.ValueAtQuantile(95)), P99: time.Duration(l.latency.ValueAtQuantile(99)),
		Max: time.Duration(l.latency.Max()), CPUPer: -1, WrotePer: -1, PeakRSS: -1,
	}
	r.PerSec = float64(r.Events) / took.Seconds()
	if l.sc.Events == 0 {
		r.PerSec = float64(r.Requests) / took.Seconds()
	}
	if l.firstErr != nil {
		r.FirstErr = l.firstErr.Error()
	}
	return r
}
