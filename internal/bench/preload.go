package bench

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A preload sends batches of so many events from so many clients.
const (
	preloadBatch   = 1000
	preloadClients = 8
)

// preload stores events, no two of them alike, so that reads meet a log of that size
// whose times run as they would have.
func preload(ctx context.Context, o Options, w *workload) error {
	conns, err := o.conns(preloadClients)
	if err != nil {
		return err
	}
	defer closeAll(conns)
	var mu sync.Mutex // guards the rest
	left := (o.Preload + preloadBatch - 1) / preloadBatch
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
				if err := conns[c].send(ctx, &rq); err != nil {
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
	return g.Wait()
}
