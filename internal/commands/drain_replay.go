package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// DrainReplay asks that a log drain deliver again, from a seq or from the first event that
// was received at a time (ms) or later. One of them is given.
type DrainReplay struct {
	OrganizationID, ID string
	FromSeq            uint64
	Since              *int64
}

// ReplayDrain sets a log drain back. From is where it begins. What was delivered before comes again;
// a batch that is on its way may come in between.
func (c *Commands) ReplayDrain(ctx context.Context, call Call, cmd DrainReplay) (done Done, from uint64, err error) {
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := drain(t, cmd.OrganizationID, cmd.ID)
		if err != nil {
			return nil, err
		}
		from = cmd.FromSeq
		if cmd.Since != nil {
			if from, err = c.o.Log.ReceivedSince(*cmd.Since); err != nil {
				return nil, err
			}
		}
		if next := c.o.Dash.Image().Seq() + 1; from > next {
			return nil, errs.New(errs.Invalid, "VALIDATION_ERROR", "[body.fromSeq] There is no such event yet: the next one is %d", next)
		}
		return []eventlog.Event{c.aboutDrain(call, eventlog.DashdDrainReplayed, o, d, data{"fromSeq", from},
			data{"fromSeq", from, "epoch", d.Epoch + 1, "updatedAt", projections.Time(c.o.Now())})}, nil
	})
	return done, from, err
}
