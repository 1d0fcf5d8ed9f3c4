package bench

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A preload sends batches of so many events from so many clients.
const (
	preloadBatch   = 1000
	preloadClients = 8
)

// preload is store, and waits until the nodes have followed. Its result is of both together, from the first request
// on, and has no latencies. If the nodes do not say how far they are, it is of storing alone.
func preload(ctx context.Context, o Options, w *workload, s *settler) (Result, error) {
	watch := startWatch(o.Usage)
	before, known := usage(o.Usage)
	begin := time.Now()
	requests, err := store(ctx, o, w)
	if err != nil {
		return Result{}, err
	}
	r := Unknown()
	if r.Settled, err = s.settle(ctx); err != nil {
		return r, err
	}
	r.Scenario, r.Clients, r.Seconds = "preload", preloadClients, time.Since(begin).Seconds()
	r.Requests, r.Events = int64(requests), int64(requests)*preloadBatch
	r.PerSec = float64(r.Events) / r.Seconds
	if after, ok := usage(o.Usage); ok && known {
		r.use(before, after)
	}
	watch.judge(&r)
	return r, nil
}

// store stores events, no two of them alike, so that reads meet a log of that size
// whose times run as they would have. It returns by how many requests.
func store(ctx context.Context, o Options, w *workload) (requests int, err error) {
	conns, err := connsTo(o.URLs, o.Key, preloadClients)
	if err != nil {
		return 0, err
	}
	defer closeAll(conns)
	requests = (o.Preload + preloadBatch - 1) / preloadBatch
	var mu sync.Mutex // guards the rest
	left := requests
	made := batchRequest(preloadBatch)
	done := 0
	next := func() (rq request, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			return rq, false
		}
		left--
		return made(w, 0), true
	}
	g, ctx := errgroup.WithContext(ctx)
	for c := range preloadClients {
		g.Go(func() error {
			for {
				rq, ok := next()
				if !ok {
					return nil
				}
				if err := conns[c].sendWhenTaken(ctx, &rq); err != nil {
					return err
				}
				mu.Lock()
				done += preloadBatch
				if o.Progress != nil {
					o.Progress(done)
				}
				mu.Unlock()
			}
		})
	}
	return requests, g.Wait()
}

// busyPause is how long a client waits whom the node has asked to come later.
const busyPause = 200 * time.Millisecond

// sendWhenTaken is send, again and again while the node answers that it is busy and has stored nothing: events are
// stored faster than the tables follow, and at some point the node lets them catch up.
func (c *conn) sendWhenTaken(ctx context.Context, rq *request) error {
	for {
		err := c.send(ctx, rq)
		var refused *statusError
		if !errors.As(err, &refused) || refused.status != http.StatusTooManyRequests {
			return err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
