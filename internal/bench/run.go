package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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
	History   *History             // what the node was filled with; may be nil. Then People does not count
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
	PeakRSS  int64         `json:"peakRSS"`          // of the node, bytes; -1 if unknown
	Goal     time.Duration `json:"goalns,omitempty"` // of P95
	Note     string        `json:"note,omitempty"`   // what else was seen
	FirstErr string        `json:"firstError,omitempty"`
}

// CrowdSessions is how many sessions each of Options.People has.
const CrowdSessions = 2

// CrowdEvents is how many events bring so many people.
func CrowdEvents(people int) int { return genevents.CrowdEvents(people, CrowdSessions) }

// kept is the number of different requests of a scenario that are made before
// the clock starts, counted in events.
const kept = 20_000

// Run measures the scenarios one after the other. One that fails is reported, with its error in
// FirstErr and no figure, and is in the error that Run returns at its end; the others are measured all the same.
func Run(ctx context.Context, o Options) error {
	w := load(&o)
	if o.Preload > 0 {
		if err := preload(ctx, o, w); err != nil {
			return fmt.Errorf("preload: %w", err)
		}
	}
	var failed error
	for _, sc := range o.Scenarios {
		r, err := measure(ctx, o, sc, w)
		if ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", sc.Name, err))
			r = Result{Clients: sc.Clients, Errors: max(r.Errors, 1), FirstErr: err.Error(), CPUPer: -1, WrotePer: -1, PeakRSS: -1}
		}
		r.Scenario, r.Goal = sc.Name, sc.Goal
		o.Report(r)
	}
	return failed
}

// load is what the scenarios make their requests of.
func load(o *Options) *workload {
	switch {
	case o.History != nil:
		return newPast(*o)
	case o.People > 0:
		o.Preload += CrowdEvents(o.People)
		return newCrowd(o.Seed, o.People, CrowdSessions)
	}
	return newWorkload(o.Seed, o.Users)
}

// measure measures one scenario.
func measure(ctx context.Context, o Options, sc Scenario, w *workload) (Result, error) {
	if sc.Local != nil {
		return sc.Local(ctx)
	}
	if o.Clients > 0 {
		sc.Clients = o.Clients
	}
	requests := make([]request, max(64, min(2048, kept/max(1, sc.Events))))
	for i := range requests {
		requests[i] = sc.make(w, i)
	}
	l := newLoop(o, sc, requests)
	if !sc.Once {
		if err := l.run(ctx, o.Warmup, 0); err != nil {
			return l.result(o.Warmup), err
		}
	}
	l.reset()
	before, known := usage(o)
	start := time.Now()
	err := l.run(ctx, o.Duration, sc.Least)
	r := l.result(time.Since(start))
	if after, ok := usage(o); ok && known {
		r.add(before, after)
	}
	return r, err
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
	next     atomic.Int64 // requests that were begun

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

// run lets the clients work for d, and until so many requests were begun. It is an error if not
// one request succeeded, and if ctx ends.
func (l *loop) run(ctx context.Context, d time.Duration, least int) error {
	if d <= 0 && least == 0 {
		return ctx.Err()
	}
	enough := l.next.Load() + int64(least)
	last := int64(math.MaxInt64)
	if l.sc.Once {
		last = int64(len(l.requests))
	}
	defer l.client.CloseIdleConnections()
	end := time.Now().Add(d)
	var clients sync.WaitGroup
	for range l.sc.Clients {
		clients.Go(func() {
			own := hdrhistogram.New(1, int64(time.Minute), 3)
			var done, failed int64
			var firstErr error
			// Each sends one request at least, however busy the machine is.
			for first := true; (first || time.Now().Before(end) || l.next.Load() < enough) && ctx.Err() == nil; first = false {
				n := l.next.Add(1) - 1
				if n >= last {
					break
				}
				start := time.Now()
				if err := send(ctx, l.client, l.o, &l.requests[n%int64(len(l.requests))]); err != nil {
					failed++
					if firstErr = err; failed >= hopeless && done == 0 {
						break
					}
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

// hopeless is after how many failures a client whom nothing has succeeded gives up.
const hopeless = 20

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
