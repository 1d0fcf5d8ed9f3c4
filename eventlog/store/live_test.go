package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"dashd/eventlog"
	"dashd/eventlog/block"
)

// A log that is installed is read, followed, looked up in and persisted all the while.
func TestInstallWhileTheLogIsUsed(t *testing.T) {
	s := newSender(t, 150, 0)
	h := newHarness(t)
	for _, e := range s.entries[:10] {
		h.append(e)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- h.Run(ctx) }()

	var users sync.WaitGroup
	for n := range 3 {
		users.Go(func() { h.follow(ctx, s, uint64(n)) })
	}
	users.Go(func() { h.lookUp(s) })
	users.Go(func() { h.advance(s) })
	for i, p := range s.smallParts(h.Head(), s.Persisted()) {
		h.install(p)
		if i%40 == 0 { // as if it was ended, and begun again
			p.At.Index = 0
			if err := h.Install(ctx, p); err == nil {
				t.Error("a part was installed twice")
			}
		}
	}
	users.Wait()
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	h.wantSame(s)
}

// follow reads the log as it grows, from the first event to the last, as a projection does.
func (h *harness) follow(ctx context.Context, s *sender, step uint64) {
	for next := uint64(1); next <= uint64(len(s.ids)); {
		if err := h.Wait(ctx, min(next+step, uint64(len(s.ids)))); err != nil {
			h.t.Error(err)
			return
		}
		err := h.Blocks(ctx, next, func(first uint64, _ []byte, b block.Block) error {
			if first != next {
				return fmt.Errorf("block at event %d, want %d", first, next)
			}
			return b.Each(first, func(r *eventlog.Record) error {
				if r.Seq != next || r.ID != s.ids[next-1] {
					return fmt.Errorf("event %d is %q, want %d %q", r.Seq, r.ID, next, s.ids[next-1])
				}
				next++
				return nil
			})
		})
		if err != nil {
			h.t.Error(err)
			return
		}
	}
}

var errNotThere = errors.New("an event that can be looked up cannot be read")

// lookUp finds each id at its place, and none before its event can be read.
func (h *harness) lookUp(s *sender) {
	for i, id := range s.ids {
		want := uint64(i) + 1
		for there := false; !there; {
			seq, ok, err := h.Lookup(block.IDHash("p", id))
			if err == nil && ok && seq != want {
				err = fmt.Errorf("%q is at %d, want %d", id, seq, want)
			}
			if err == nil && ok {
				if r, readErr := h.Read(seq); readErr != nil || r.ID != id {
					err = errors.Join(errNotThere, readErr)
				}
			}
			if err != nil {
				h.t.Error(err)
				return
			}
			if there = ok; !ok {
				_ = h.Wait(context.Background(), want)
			}
		}
		if _, ok := h.ChainAt(want); ok != (i%2 == 1) {
			h.t.Errorf("the chain at event %d: %v", want, ok)
		}
	}
}

// advance says that raft has applied a barrier, as a snapshot of raft's does, after each
// part but the last.
func (h *harness) advance(s *sender) {
	for end := uint64(len(s.ids)); h.Head() < end; {
		p := h.Applied()
		h.Advance(p.Index+1, 1)
		_ = h.Wait(context.Background(), p.Seq+1)
	}
}
