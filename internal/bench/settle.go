package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// settlePatience is how long nodes may take to get any further.
	settlePatience = 10 * time.Minute
	// settlePoll is how often they are asked how far they are.
	settlePoll = 50 * time.Millisecond
)

// position is how far a node is, by its own status: last seqs.
type position struct {
	Head      uint64 `json:"head"`
	Persisted uint64 `json:"persisted"`
	Indexed   uint64 `json:"indexed"`
	Access    uint64 `json:"access"`
	Dash      struct {
		Seq uint64 `json:"seq"`
	} `json:"dash"`
}

// behind is how many events up to head are missing where most are: on the disk, in the index or in a projection.
func (p *position) behind(head uint64) uint64 {
	return head - min(head, p.Persisted, p.Indexed, p.Access, p.Dash.Seq)
}

// settler waits until the nodes have followed their log.
type settler struct {
	o   *Options
	off bool // they do not say how far they are
}

// settle returns when each node has persisted, indexed and folded the log as far as it goes when settle begins, and says how
// long that took; -1: the nodes do not say, which is told once.
func (s *settler) settle(ctx context.Context) (time.Duration, error) {
	if s.off {
		return -1, nil
	}
	urls := s.o.Nodes
	if urls == nil {
		urls = s.o.URLs
	}
	conns, err := connsTo(urls, s.o.Key, len(urls))
	if err != nil {
		return -1, err
	}
	defer closeAll(conns)
	took, err := follow(ctx, func(ctx context.Context) ([]position, error) { return positions(ctx, conns) }, s.o.Following)
	var refused *statusError
	if errors.As(err, &refused) && refused.status/100 == 4 {
		s.off = true
		if s.o.Unsettled != nil {
			s.o.Unsettled(err)
		}
		return -1, nil
	}
	return took, err
}

// positions asks each node how far it is.
func positions(ctx context.Context, conns []*conn) ([]position, error) {
	list := make([]position, len(conns))
	for i, c := range conns {
		rq := request{method: http.MethodGet, path: "/v1/status", into: &list[i]}
		if err := c.send(ctx, &rq); err != nil {
			return nil, fmt.Errorf("ask %s how far it is: %w", c.node.Host, err)
		}
	}
	return list, nil
}

// follow asks until every node is where the furthest of their logs ended at the first answer, and returns how long that took: 0 if
// the first answer says so. It is an error if the one that is last gets no further for settlePatience.
func follow(ctx context.Context, ask func(context.Context) ([]position, error), following func(behind uint64)) (time.Duration, error) {
	begin := time.Now()
	nodes, err := ask(ctx)
	if err != nil {
		return -1, err
	}
	head := uint64(0)
	for _, p := range nodes {
		head = max(head, p.Head)
	}
	behind := furthest(nodes, head)
	if behind == 0 {
		return 0, nil
	}
	for moved := time.Now(); ; {
		if following != nil {
			following(behind)
		}
		if behind == 0 {
			return time.Since(begin), nil
		}
		if !wait(ctx, time.Now().Add(settlePoll)) {
			return -1, ctx.Err()
		}
		if nodes, err = ask(ctx); err != nil {
			return -1, err
		}
		if now := furthest(nodes, head); now < behind {
			behind, moved = now, time.Now()
		} else if time.Since(moved) >= settlePatience {
			return -1, fmt.Errorf("a node is %d of %d events behind its log and has got no further for %v", behind, head, settlePatience)
		}
	}
}

// furthest is how far the node is behind that is furthest behind.
func furthest(nodes []position, head uint64) (behind uint64) {
	for _, p := range nodes {
		behind = max(behind, p.behind(head))
	}
	return behind
}
