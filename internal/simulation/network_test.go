package simulation_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// network carries messages between machines, as connections would: a message that the
// network loses comes later, and one for a machine that cannot be reached waits, until
// the connection is given up.
type network struct {
	mu       sync.Mutex
	rng      *rand.Rand
	machines map[string]*machine // by address
	links    map[direction]*link
	carried  int // messages
}

// direction is a way from one machine to another.
type direction struct{ from, to *machine }

// link is how a direction is. The zero value is good.
type link struct {
	cuts  int           // how many faults cut it now
	delay time.Duration // added to each message, up to twice of it
	loss  float64       // share of messages that are sent again
	mends chan struct{} // closed when it is no longer cut; nil: it is not
}

const (
	// A connection of which nothing is acknowledged is given up, and later messages are lost.
	giveUpAfter = 15 * time.Second
	// What was lost is sent again after so long, and after twice that the next time.
	resendAfter = 200 * time.Millisecond
	leastDelay  = 100 * time.Microsecond
	mostDelay   = 2 * time.Millisecond
)

var (
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset")
	errTimeout = errors.New("i/o timeout")
)

func newNetwork(rng *rand.Rand) *network {
	return &network{rng: rng, machines: map[string]*machine{}, links: map[direction]*link{}}
}

// link returns the link of a direction. n.mu is held.
func (n *network) link(d direction) *link {
	l := n.links[d]
	if l == nil {
		l = new(link)
		n.links[d] = l
	}
	return l
}

// cut cuts directions until the returned function is called.
func (n *network) cut(ds ...direction) (mend func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range ds {
		l := n.link(d)
		if l.cuts++; l.cuts == 1 {
			l.mends = make(chan struct{})
		}
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, d := range ds {
			l := n.link(d)
			if l.cuts--; l.cuts == 0 {
				close(l.mends)
				l.mends = nil
			}
		}
	}
}

// slow delays messages of directions, and loses a share of them, until the returned
// function is called.
func (n *network) slow(delay time.Duration, loss float64, ds ...direction) (mend func()) {
	set := func(delay time.Duration, loss float64) {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, d := range ds {
			l := n.link(d)
			l.delay, l.loss = delay, loss
		}
	}
	set(delay, loss)
	return func() { set(0, 0) }
}

// all are the directions between each of some machines and each of others, both ways.
func all(some, others []*machine) (ds []direction) {
	for _, a := range some {
		for _, b := range others {
			ds = append(ds, direction{a, b}, direction{b, a})
		}
	}
	return ds
}

// takes is how long a message is on its way, and if the way is cut, what must end before it can
// begin.
func (n *network) takes(d direction) (time.Duration, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.carried++
	l := n.link(d)
	took := leastDelay + time.Duration(n.rng.Int64N(int64(mostDelay-leastDelay)))
	if l.delay > 0 {
		took += l.delay + time.Duration(n.rng.Int64N(int64(l.delay)))
	}
	for again := resendAfter; l.loss > 0 && n.rng.Float64() < l.loss; again *= 2 {
		took += again
	}
	return took, l.mends
}

func (n *network) isCut(d direction) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link(d).cuts > 0
}

// carry returns when a message has come to the other end, or never will. One that is on its
// way when that is cut has to be sent again.
func (n *network) carry(ctx context.Context, d direction) error {
	for givesUp := time.Now().Add(giveUpAfter); ; {
		took, mends := n.takes(d)
		left := time.Until(givesUp)
		arrives := mends == nil && took < left
		if !arrives {
			took = left
		}
		timer := time.NewTimer(took)
		select {
		case <-mends: // nil: never
			timer.Stop()
			continue
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		switch {
		case !arrives:
			return errTimeout
		case !n.isCut(d):
			return nil
		}
	}
}
