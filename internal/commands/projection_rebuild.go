package commands

import (
	"context"

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

// RebuildProjection begins to fold the log anew for the projection dash of this node. That it was asked
// for is in the trail before it begins. It needs no Idempotency-Key: while one is under way
// there is no other.
func (c *Commands) RebuildProjection(ctx context.Context, by projections.Principal, on Rebuilder) (number uint64, err error) {
	if err := mayUse(by, projections.ScopeAdmin); err != nil {
		return 0, err
	}
	err = c.execute(ctx, by, func(*projections.AccessImage) ([]eventlog.Event, error) {
		if err := on.Rebuilding(); err != nil {
			return nil, err
		}
		e := c.event(eventlog.DashdProjectionRebuild, by, "", projectionRebuild{"dash"})
		e.ID, e.GivenID, e.Key = "", false, eventlog.NoKey // each is another
		return []eventlog.Event{e}, nil
	})
	if err != nil {
		return 0, err
	}
	return on.BeginRebuild(ctx)
}
