package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"dashd/internal/genevents"
)

// Options of Run.
type Options struct {
	URLs      []string // of the nodes; client c sends to number c
	Nodes     []string // URLs of all nodes of their cluster, which Run waits for; nil: those of URLs
	Key       string
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
	Rate      float64              // requests a second of an open loop; 0: a closed one, see Drive
	Usage     func() (Usage, bool) // of the node; nil or false: unknown
	Disk      string               // a directory on the node's disk, for Load; "": unknown
	Following func(behind uint64)  // called while the nodes follow their log, at the end with 0; may be nil
	Unsettled func(why error)      // called once, if the nodes do not say how far they are; may be nil
	Report    func(Result)         // called after the preload and each scenario
}

// CrowdSessions is how many sessions each of Options.People has.
const CrowdSessions = 2

// CrowdEvents is how many events bring so many people.
func CrowdEvents(people int) int { return genevents.CrowdEvents(people, CrowdSessions) }

// kept is the number of different requests of a scenario that are made before
// the clock starts, counted in events.
const kept = 20_000

// Run measures the scenarios one after the other, each when the nodes have followed their log to where it ended before. A scenario
// that fails is reported, with its error in FirstErr and no figure, and is in the error that Run returns at its end; the others are
// measured all the same. Nodes that do not answer when they are asked how far they are, or get no further, end it.
func Run(ctx context.Context, o Options) error {
	w := workloadOf(&o)
	w.preloaded = o.Preload
	s := settler{o: &o}
	if o.Preload > 0 {
		r, err := preload(ctx, o, w, &s)
		if err != nil {
			return fmt.Errorf("preload: %w", err)
		}
		o.Report(r)
	} else if _, err := s.settle(ctx); err != nil {
		return err
	}
	var failed error
	for _, sc := range o.Scenarios {
		r, err := measure(ctx, o, sc, w)
		if ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", sc.Name, err))
			n := max(r.Errors, 1)
			r = Unknown()
			r.Clients, r.Errors, r.FirstErr = sc.Clients, n, err.Error()
		}
		r.Scenario, r.Goal = sc.Name, sc.Goal
		r.Settled, err = s.settle(ctx)
		if err != nil {
			r.Note = strings.TrimPrefix(r.Note+"; then "+err.Error(), "; ")
		}
		o.Report(r)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("after %s: %w", sc.Name, err))
		}
	}
	return failed
}

// workloadOf is what the scenarios make their requests of.
func workloadOf(o *Options) *workload {
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
		watch := startWatch(o.Usage)
		r, err := sc.Local(ctx)
		watch.judge(&r)
		return r, err
	}
	if o.Clients > 0 {
		sc.Clients = o.Clients
	}
	requests := make([]request, max(64, min(2048, kept/max(1, sc.Events))))
	for i := range requests {
		requests[i] = sc.make(w, i)
	}
	id := rand.Uint32()
	conns, err := connsTo(o.URLs, o.Key, sc.Clients)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(conns)
	load := Load{Duration: o.Duration, Warmup: o.Warmup, Rate: o.Rate, Usage: o.Usage, Disk: o.Disk}
	work := Work{Name: sc.Name, About: sc.About, Clients: sc.Clients, Events: sc.Events, Least: sc.Least}
	if sc.Once {
		load.Warmup, work.Most = 0, len(requests)
	}
	work.Do = func(ctx context.Context, c, n int) error {
		rq := requests[n%len(requests)]
		rq.giveIDs(id, n)
		return conns[c].send(ctx, &rq)
	}
	return Drive(ctx, work, load)
}
