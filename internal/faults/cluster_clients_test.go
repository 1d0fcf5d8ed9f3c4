package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"dashd/internal/dashdtest"
)

// writers are clients of a cluster, until they are ended.
type writers struct {
	stop    context.CancelFunc
	running sync.WaitGroup
}

// write starts clients of all nodes. label tells their events from those of others.
func (c *cluster) write(label string) *writers {
	ctx, stop := context.WithCancel(context.Background())
	w := &writers{stop: stop}
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, n.URL)
	}
	for i := range c.crowd {
		r := c.roamer(fmt.Sprintf("%s.%d", label, i), urls)
		if i%2 == 0 { // the others have more patience than a node
			r.http.Timeout = time.Second
		}
		w.running.Go(func() { r.run(ctx) })
	}
	// A client that stays at its node tells how long the cluster takes nothing: the others
	// may all be waiting for a node that hangs.
	for i, url := range urls {
		r := c.roamer(fmt.Sprintf("%s.s%d", label, i), []string{url})
		r.http.Timeout = 500 * time.Millisecond
		w.running.Go(func() { r.stay(ctx) })
	}
	return w
}

// end lets the clients finish their requests.
func (w *writers) end() {
	w.stop()
	w.running.Wait()
}

// roamer is a producer that sends a request again, with the same ids and to any
// node, until it is taken.
type roamer struct {
	*client
	urls []string
}

func (c *cluster) roamer(who string, urls []string) *roamer {
	r := &roamer{newClient(c.h, "", choices("roamer "+c.s.Name+who)), urls}
	r.who = who
	r.http = &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}
	return r
}

// think is about how long a client waits between two requests: the tests are about
// faults, not about a machine that has no time for heartbeats.
const think = 20 * time.Millisecond

func (r *roamer) run(ctx context.Context) {
	defer r.http.CloseIdleConnections()
	for ctx.Err() == nil {
		switch r.rng.IntN(8) {
		case 0: // without an id a repeat would be another event
			name := r.name(formTrack)
			r.send(func(ctx context.Context) error { return r.track(ctx, name) })
		case 1: // nor does everybody try again
			names := r.batch(formNative, 20)
			r.send(func(ctx context.Context) error { return r.native(ctx, names) })
		case 2, 3:
			names := r.batch(formStudio, 20)
			r.insist(func(ctx context.Context) error { return r.studio(ctx, names) })
		default:
			names := r.batch(formNative, 20)
			r.insist(func(ctx context.Context) error { return r.native(ctx, names) })
		}
		pause(ctx, between(r.rng, 0, 2*think))
	}
}

// stay sends single events to one node, each until it is taken.
func (r *roamer) stay(ctx context.Context) {
	defer r.http.CloseIdleConnections()
	for ctx.Err() == nil {
		names := []string{r.name(formNative)}
		for ctx.Err() == nil && !r.send(func(ctx context.Context) error { return r.native(ctx, names) }) {
			pause(ctx, think)
		}
		pause(ctx, think)
	}
}

// send sends a request once. A request that has begun is finished whatever becomes
// of the clients: its outcome counts.
func (r *roamer) send(request func(context.Context) error) bool {
	r.url = r.urls[r.rng.IntN(len(r.urls))]
	return request(context.Background()) == nil
}

// insist sends a request until it is taken. That none of the nodes takes it, for
// much longer than any fault lasts, is an error that a user would see.
func (r *roamer) insist(request func(context.Context) error) {
	giveUp := time.Now().Add(dashdtest.Patience)
	for wait := 10 * time.Millisecond; !r.send(request); wait = min(2*wait, 500*time.Millisecond) {
		if time.Now().After(giveUp) {
			r.wrong("a request of %s was not taken by any node for %s", r.who, dashdtest.Patience)
			return
		}
		time.Sleep(between(r.rng, wait/2, wait))
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
