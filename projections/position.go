package projections

import (
	"context"
	"sync"
)

// position is how far a follower has come. Others wait for it to move.
type position struct {
	mu    sync.Mutex
	seq   uint64        // guarded by mu
	moved chan struct{} // guarded by mu; closed at the next move; nil if nobody waits
}

func (p *position) get() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seq
}

// advance moves the position forward and wakes those who wait.
func (p *position) advance(seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq = seq
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// wait waits until the position is at least seq.
func (p *position) wait(ctx context.Context, seq uint64) error {
	for {
		p.mu.Lock()
		if p.seq >= seq {
			p.mu.Unlock()
			return nil
		}
		if p.moved == nil {
			p.moved = make(chan struct{})
		}
		moved := p.moved
		p.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
