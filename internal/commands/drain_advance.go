package commands

import (
	"context"
	"slices"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/projections"
)

// DrainAdvanced says how far a log drain has come.
type DrainAdvanced struct {
	Project string
	Drain   projections.Drain // with the epoch in which that is so
	Seq     uint64            // everything up to it is delivered, or none of the drain's business
}

// AdvanceDrains writes down how far log drains have come, so that another node can go on there. This
// node leads in term, or nothing is written. There is nothing to decide: what has been delivered
// stays delivered, and the fold takes the last position of the drain's epoch.
func (c *Commands) AdvanceDrains(ctx context.Context, term uint64, list []DrainAdvanced) error {
	for chunk := range slices.Chunk(list, block.GroupEvents) {
		events := make([]eventlog.Event, len(chunk))
		for i, d := range chunk {
			call := Call{Project: d.Project, Actor: "log-drains"}
			events[i] = c.fact(call, eventlog.DashdDrainAdvanced, data{"drainId", d.Drain.ID, "drainName", d.Drain.Name},
				data{"epoch", d.Drain.Epoch, "seq", d.Seq})
			events[i].Key = d.Drain.ID // of no organization's stream: they have nothing to do with it
		}
		if _, err := c.o.Appender.AppendIn(ctx, term, events); err != nil {
			return waiting(err)
		}
	}
	return nil
}
