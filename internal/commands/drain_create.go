package commands

import (
	"context"
	"encoding/json"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// DrainCreate asks for a log drain.
type DrainCreate struct {
	OrganizationID  string
	Name            string
	Enabled         bool
	DestinationType string   // one of destination.Types
	EventTypes      []string // as destination.ValidEventType has them; none: nothing is delivered
	Config          json.RawMessage
}

// CreateDrain makes a log drain, which gets the events that come after it. The id is that
// of the drain, also for a repeat.
func (c *Commands) CreateDrain(ctx context.Context, call Call, cmd DrainCreate) (done Done, id string, err error) {
	if err := checkDrainName(cmd.Name); err != nil {
		return Done{}, "", err
	}
	if err := checkEventTypes(cmd.EventTypes); err != nil {
		return Done{}, "", err
	}
	config, err := c.DrainConfig(call.Project, cmd.DestinationType, cmd.Config, nil)
	if err != nil {
		return Done{}, "", err
	}
	d := projections.Drain{ID: call.newID("drain"), Name: cmd.Name, DestinationType: cmd.DestinationType}
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, err := organization(t, cmd.OrganizationID)
		if err != nil {
			return nil, err
		}
		if len(t.Drains(o.ID)) >= maxDrains {
			return nil, refuse(errs.Invalid, "Maximum number of log drains (%d) reached for this organization", maxDrains)
		}
		at := projections.Time(c.o.Now())
		e := c.aboutDrain(call, eventlog.DashdDrainCreated, o, d, nil, data{
			"id", d.ID, "organizationId", o.ID, "name", d.Name, "enabled", cmd.Enabled,
			"destinationType", d.DestinationType, "eventTypes", listed(cmd.EventTypes), "config", config.Masked(),
			"createdAt", at, "updatedAt", at,
			// Everything that was acknowledged before is at or before the image's seq.
			"fromSeq", c.o.Dash.Image().Seq() + 1, "epoch", 1,
		})
		e.Sealed = c.o.Sealer.Box(drainObject(call.Project, d.ID), config.Encode())
		return []eventlog.Event{e}, nil
	})
	return done, d.ID, err
}

// listed is a list that is never null in JSON.
func listed(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
