package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// DrainSuspend says that the deliverer gives a log drain up.
type DrainSuspend struct {
	Project string
	Seen    projections.Drain // the row that it has acted on
	Reason  string            // a class of errors, such as "http_410"
}

// SuspendDrain switches a log drain off until an operator resumes it. If the drain has been changed
// since it was seen, nothing happens: what was wrong may have been put right.
func (c *Commands) SuspendDrain(ctx context.Context, cmd DrainSuspend) error {
	call := Call{By: projections.Operator("log-drains"), Project: cmd.Project, Actor: "log-drains"}
	_, err := c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := drain(t, cmd.Seen.OrganizationID, cmd.Seen.ID)
		if err != nil || !d.Enabled || d.UpdatedAt != cmd.Seen.UpdatedAt || d.Epoch != cmd.Seen.Epoch {
			return nil, nil //nolint:nilerr // a drain that is gone need not be given up
		}
		return []eventlog.Event{c.aboutDrain(call, eventlog.DashdDrainSuspended, o, d, data{"reason", cmd.Reason},
			data{"enabled", false, "suspended", cmd.Reason, "updatedAt", projections.Time(c.o.Now())})}, nil
	})
	return err
}
