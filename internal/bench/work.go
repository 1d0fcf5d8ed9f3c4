package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Work is one kind of request, made by a number of clients.
type Work struct {
	Name, About string
	Clients     int
	Events      int // that one request stores; 0: a read
	// Do makes one request and returns when it is answered: of a write, when its events are
	// durable. It is called by many clients at once, by each for one request at a time. client
	// counts from 0 to Clients-1; n counts the requests, those of the warm-up too, from 0, and none twice.
	Do func(ctx context.Context, client, n int) error
	// Least is how many requests are measured, however long they take; Most is how many are made
	// in all, 0: no limit. An open loop does not look at Least.
	Least, Most int
}

// Load says how Drive makes requests.
type Load struct {
	Duration time.Duration // in which requests begin
	Warmup   time.Duration // before it, not counted
	// Rate is how many requests a second are due, in an open loop; 0: a closed loop.
	Rate float64
	// Usage is what the measured processes have used so far; nil or false: unknown.
	Usage func() (Usage, bool)
	// Disk is a file or directory on the disk whose flushes are counted; "": none are.
	Disk string
}

// Drive makes requests and measures how many are answered and how long that takes. The error is that of the
// requests if not one of them succeeded, or that of ctx; single ones that fail are in Result.Errors and not
// in the latencies.
//
// Closed loop: each client makes the next request when it has the answer to the one before. It
// finds the highest rate. When the server stalls, its clients wait with it, and the requests that
// users would have sent meanwhile are not made: a stall of a second is one slow request of each
// client, so high percentiles look better than users would find them. Nothing is corrected for
// that; Result.Rates shows such stalls.
//
// Open loop: request n is due n/Rate seconds after the start, however the server is. Latency
// counts from when a request was due, not from when a client was free to make it, so a stall is in
// the latency of all requests that fell into it, and so is whatever the clients themselves were late. Requests
// that are due and wait for a client when the time is over are made, for as long again; what is left then
// is Result.Unsent.
func Drive(ctx context.Context, w Work, o Load) (Result, error) {
	if w.Clients < 1 || w.Do == nil {
		return Result{}, errors.New("a work needs clients, and what they do")
	}
	if o.Rate < 0 || o.Rate > 1e9 {
		return Result{}, fmt.Errorf("%g requests a second cannot be made", o.Rate)
	}
	l := &loop{work: w, rate: o.Rate}
	watch := startWatch(o.Usage)
	if o.Warmup > 0 {
		l.begin(o.Warmup)
		if err := l.run(ctx, o.Warmup, 0); err != nil {
			return l.result(), err
		}
	}
	l.begin(o.Duration)
	flushes := flushesOf(o.Disk)
	before, known := usage(o.Usage)
	err := l.run(ctx, o.Duration, w.Least)
	r := l.result()
	if after, ok := usage(o.Usage); ok && known {
		r.use(before, after)
	}
	if n := flushesOf(o.Disk); n >= 0 && flushes >= 0 {
		r.FlushesPer = float64(n-flushes) / r.units()
	}
	watch.judge(&r)
	return r, err
}

func usage(read func() (Usage, bool)) (Usage, bool) {
	if read == nil {
		return Usage{}, false
	}
	return read()
}
