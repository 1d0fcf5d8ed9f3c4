package cluster

import (
	"context"
	"sync"

	"dashd/internal/errs"
)

// rounds lets any number of callers share a question to the cluster. A call is answered
// by a round that began after it; while one runs, those who come wait for the next.
type rounds struct {
	run func() error // ends at shutdown at the latest

	mu   sync.Mutex
	next *round // the one that later calls share; nil: none waits
	busy bool   // a goroutine works on rounds
}

type round struct {
	done chan struct{}
	err  error // set before done is closed
}

func (r *rounds) wait(ctx context.Context) error {
	r.mu.Lock()
	mine := r.next
	if mine == nil {
		mine = &round{done: make(chan struct{})}
		r.next = mine
		if !r.busy {
			r.busy = true
			go r.work() // ends when nobody waits
		}
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return errs.Wrap(ctx.Err(), errs.Unavailable, CodeBusy, "the request ended before the leader was confirmed")
	}
}

func (r *rounds) work() {
	for {
		r.mu.Lock()
		now := r.next
		r.next = nil
		if now == nil {
			r.busy = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		if err := r.run(); err != nil {
			// Nothing was to be written: whatever happened, the answer is "not now".
			now.err = notLeader(err)
		}
		close(now.done)
	}
}
