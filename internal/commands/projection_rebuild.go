package commands

import (
	"context"
	"crypto/rand"
	"fmt"

	"dashd/eventlog"
	"dashd/projections"
)

// Rebuilder folds the log anew on this node: a *projections.DashFollower.
type Rebuilder interface {
	// Rebuilding returns nil if a rebuild can begin, and else why not.
	Rebuilding() error
	BeginRebuild(ctx context.Context) (number uint64, err error)
}

// projectionRebuild is the metadata of a DashdProjectionRebuild event.
type projectionRebuild struct {
	Projection string `json:"projection"`
}

// RebuildProjection begins to fold the log anew for the projection dash of this node, whichever leads. That it was
// asked for is in the trail before it begins. It needs no Idempotency-Key: while one is under way
// there is no other.
func (c *Commands) RebuildProjection(ctx context.Context, by projections.Principal, on Rebuilder) (number uint64, err error) {
	if err := mayUse(by, projections.ScopeAdmin); err != nil {
		return 0, err
	}
	if err := c.o.Access.Image().Recheck(by, c.o.Now()); err != nil {
		return 0, err
	}
	if err := on.Rebuilding(); err != nil {
		return 0, err
	}
	e := c.event(eventlog.DashdProjectionRebuild, by, "", projectionRebuild{"dash"}, rand.Text()) // each is another
	e.Key = eventlog.NoKey
	if _, err := c.o.Reports.Append(ctx, []eventlog.Event{e}); err != nil {
		return 0, fmt.Errorf("append: %w", waiting(err))
	}
	return on.BeginRebuild(ctx)
}
