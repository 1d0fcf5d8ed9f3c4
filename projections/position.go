package projections

import (
	"context"
	"sync"
)

// position is how far a follower has come. Others wait for it to move.
type position struct {
	// asked, if not nil, has a token when somebody has begun to wait who is in a hurry.
	// Its capacity is 1; immutable.
	asked chan struct{}

	mu     sync.Mutex
	seq    uint64        // guarded by mu
	moved  chan struct{} // guarded by mu; closed at the next move; nil if nobody waits
	wanted uint64        // guarded by mu; the least seq that is waited for in a hurry since the last move; 0: none
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
	p.seq, p.wanted = seq, 0
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// wait waits until the position is at least seq.
func (p *position) wait(ctx context.Context, seq uint64) error { return p.reach(ctx, seq, false) }

// hurry is wait for somebody whom the follower should not let wait.
func (p *position) hurry(ctx context.Context, seq uint64) error { return p.reach(ctx, seq, true) }

func (p *position) reach(ctx context.Context, seq uint64, hurry bool) error {
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
		if hurry && (p.wanted == 0 || seq < p.wanted) {
			p.wanted = seq
			select {
			case p.asked <- struct{}{}:
			default: // there is a token
			}
		}
		p.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaited reports whether somebody in a hurry waits for seq, or for less.
func (p *position) awaited(seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted != 0 && p.wanted <= seq
}
