package drains

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"

	"dashd/internal/commands"
)

// How often a batch that was not taken is sent again.
var retrySteps = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, // and so on
}

const (
	// giveUpAfter is how long a drain may fail before it is suspended.
	giveUpAfter = 24 * time.Hour
	// tripAfter is how many failures in a row open the circuit. It lets one attempt through
	// each time that the last of the retry steps has passed.
	tripAfter = 20
)

// steps is a backoff.BackOff that goes through retrySteps.
type steps struct{ next int }

// Reset does nothing: a drain that failed before a restart goes on where it was.
func (s *steps) Reset() {}

func (s *steps) NextBackOff() time.Duration {
	step := retrySteps[min(s.next, len(retrySteps)-1)]
	s.next++
	return step
}

// newBreaker makes the circuit breaker of a drain.
func newBreaker() *gobreaker.CircuitBreaker[int] {
	return gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		MaxRequests: 1,
		// A little less than the wait between attempts, so that each finds the circuit half open.
		Timeout:     retrySteps[len(retrySteps)-1] - time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsExcluded:  func(err error) bool { return !errors.As(err, new(*failure)) },
	})
}

// deliver sends a batch until the destination has taken it. It returns nil then, or when the drain
// has been given up, and else when ctx has ended or this node has failed.
func (w *worker) deliver(ctx context.Context, b batch) error {
	w.d.mu.Lock()
	h := w.health
	w.d.mu.Unlock()
	left := giveUpAfter
	if h.failingSince != 0 {
		left = max(1, left-time.Duration(now()-h.failingSince)*time.Millisecond)
	}
	var last *failure
	n, err := backoff.Retry(ctx, func() (int, error) {
		n, err := w.try(ctx, b)
		if err != nil && (!errors.As(err, &last) || last.gone) {
			return 0, backoff.Permanent(err)
		}
		return n, err
	}, backoff.WithBackOff(&steps{next: int(h.attempts)}), backoff.WithMaxElapsedTime(left),
		backoff.WithNotify(func(_ error, wait time.Duration) { w.failed(last.class, wait) }))
	switch {
	case err == nil:
		w.passed(b, n)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &last):
		return err
	}
	w.failed(last.class, 0)
	return w.giveUp(ctx, last.class)
}

// try sends a batch once, if this node leads and the circuit lets it through.
func (w *worker) try(ctx context.Context, b batch) (n int, err error) {
	w.d.mu.Lock()
	failing := w.health.attempts > 0
	w.d.mu.Unlock()
	leave, err := w.d.enter(ctx, failing)
	if err != nil {
		return 0, err
	}
	defer leave()
	if !w.still() {
		return 0, errNotLeading
	}
	n, err = w.breaker.Execute(func() (int, error) { return w.attempt(ctx, b) })
	if errors.Is(err, gobreaker.ErrOpenState) {
		err = &failure{class: "circuit_open"}
	}
	return n, err
}

// giveUp has the drain suspended, and waits until that ends it. If it has been changed meanwhile, that
// ends it also.
func (w *worker) giveUp(ctx context.Context, reason string) error {
	w.d.log.Warn("a drain is given up", "drain", w.id.id, "class", reason)
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, w.d.o.Suspend(ctx, commands.DrainSuspend{Project: w.id.project, Seen: w.row, Reason: reason})
	}, backoff.WithBackOff(&steps{}), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
