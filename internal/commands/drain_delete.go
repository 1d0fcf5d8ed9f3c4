package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// DrainDelete asks that a log drain be gone.
type DrainDelete struct{ OrganizationID, ID string }

// DeleteDrain removes a log drain. A request that is on its way may still arrive.
func (c *Commands) DeleteDrain(ctx context.Context, call Call, cmd DrainDelete) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := drain(t, cmd.OrganizationID, cmd.ID)
		if err != nil {
			return nil, err
		}
		return []eventlog.Event{c.aboutDrain(call, eventlog.DashdDrainDeleted, o, d, nil, nil)}, nil
	})
}
