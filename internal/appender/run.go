package appender

import (
	"context"
	"slices"
	"time"

	"dashd/eventlog/block"
)

const (
	// slots is the number of blocks on their way at once: one being encoded, one
	// being written, one being applied.
	slots = 3
	// A block that would be smaller than this waits for the one before it: it
	// gathers more events meanwhile, and each block costs a write to disk.
	worthSlot = block.MaxBytes / 4
	// While the log holds too much that is not persisted, it is asked this often.
	pendingPoll = 2 * time.Millisecond
)

// Run works until ctx ends; then it refuses new events, and returns when those
// that waited or were in flight have their outcome.
func (a *Appender) Run(ctx context.Context) error {
	stop := ctx.Done()
	for {
		var poll <-chan time.Time
		for a.roomForBlock() {
			if a.mustHoldBack() {
				poll = time.After(pendingPoll)
				break
			}
			a.start(a.take())
		}
		if stop == nil && a.inFlight == 0 && poll == nil {
			return nil
		}
		select {
		case <-a.wake:
		case <-a.finished:
			a.inFlight--
		case <-poll:
		case <-stop:
			stop = nil
			a.refuse(errShuttingDown)
		}
	}
}

// mustHoldBack reports whether the log has too much to persist. A node that does
// not lead holds nothing back: it has an answer for what waits.
func (a *Appender) mustHoldBack() bool {
	if a.log.Pending() <= a.opts.MaxPending {
		return false
	}
	_, err := a.proposer.Term()
	return err == nil
}

// roomForBlock reports whether what waits should become a block now.
func (a *Appender) roomForBlock() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.queue) == 0:
		return false
	case a.inFlight == 0:
		return true
	default:
		return a.inFlight < slots && a.bytes >= worthSlot
	}
}

// take removes from the queue the requests of one block.
func (a *Appender) take() []*request {
	size := block.SealedSize(block.Header{Proposer: a.opts.NodeID}, 0, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for ; n < len(a.queue); n++ {
		r := a.queue[n]
		if n > 0 && size+r.bytes > block.MaxBytes {
			break
		}
		size += r.bytes
		a.held -= r.memory
		a.bytes -= r.bytes
	}
	taken := a.queue[:n:n]
	if a.queue = a.queue[n:]; len(a.queue) == 0 {
		a.queue = nil
	}
	return taken
}

// inTerm settles the requests that are for another term, and returns the others.
func inTerm(requests []*request, term uint64) []*request {
	return slices.DeleteFunc(requests, func(r *request) bool {
		other := r.term != 0 && r.term != term
		if other {
			r.settle(errOtherTerm)
		}
		return other
	})
}

// start fixes the order of the block and leaves the rest to a goroutine, whose
// end Run waits for.
func (a *Appender) start(requests []*request) {
	for _, r := range requests {
		r.expect()
	}
	term, err := a.proposer.Term()
	if err != nil {
		for _, r := range requests {
			r.settle(err)
		}
		return
	}
	requests = inTerm(requests, term)
	for _, r := range requests {
		a.ids.enter(r)
	}
	b := &pending{
		a:        a,
		requests: requests,
		term:     term,
		header:   block.Header{Proposer: a.opts.NodeID, ReceivedAt: a.Now()},
		turn:     a.turn,
		passed:   make(chan struct{}),
	}
	a.turn = b.passed
	a.inFlight++
	go func() {
		b.write()
		a.finished <- struct{}{}
	}()
}
