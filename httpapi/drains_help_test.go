package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	"dashd/internal/outbound"
)

// destinations are where log drains of a test send to. They take everything, unless told
// otherwise.
type destinations struct {
	mu      sync.Mutex
	answers map[string]int // by host
	arrived []outbound.Request
	wake    chan struct{} // closed when a request arrives; nil if nobody waits
}

// Do implements drains.Sender.
func (d *destinations) Do(_ context.Context, req outbound.Request) (outbound.Response, error) {
	u, err := url.Parse(req.URL)
	if err != nil {
		return outbound.Response{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arrived = append(d.arrived, req)
	if d.wake != nil {
		close(d.wake)
		d.wake = nil
	}
	if status := d.answers[u.Host]; status != 0 {
		return outbound.Response{Status: status}, nil
	}
	return outbound.Response{Status: http.StatusOK}, nil
}

// answer makes a host answer with a status.
func (d *destinations) answer(host string, status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answers == nil {
		d.answers = map[string]int{}
	}
	d.answers[host] = status
}

// to are the requests that have arrived at a URL.
func (d *destinations) to(target string) (requests []outbound.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.arrived {
		if r.URL == target {
			requests = append(requests, r)
		}
	}
	return requests
}

// await waits for a request to a URL that satisfies a condition.
func (d *destinations) await(ctx context.Context, target string, is func(outbound.Request) bool) error {
	for {
		for _, r := range d.to(target) {
			if is(r) {
				return nil
			}
		}
		d.mu.Lock()
		if d.wake == nil {
			d.wake = make(chan struct{})
		}
		wake := d.wake
		d.mu.Unlock()
		for _, r := range d.to(target) { // it may have arrived in between
			if is(r) {
				return nil
			}
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
