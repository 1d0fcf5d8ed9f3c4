package commands

import (
	"context"
	"encoding/json"

	"dashd/eventlog"
	"dashd/projections"
)

// DrainUpdate asks for other values of a log drain's columns. What is nil stays as it is.
type DrainUpdate struct {
	OrganizationID, ID string
	Name               *string
	Enabled            *bool // false: pause; true: resume where it was, also after it was suspended
	DestinationType    *string
	EventTypes         []string
	Config             json.RawMessage // the whole; masked secrets stand for the stored ones
}

// UpdateDrain changes a log drain. What it has delivered so far stays delivered.
func (c *Commands) UpdateDrain(ctx context.Context, call Call, cmd DrainUpdate) (Done, error) {
	if cmd.Name != nil {
		if err := checkDrainName(*cmd.Name); err != nil {
			return Done{}, err
		}
	}
	if err := checkEventTypes(cmd.EventTypes); err != nil {
		return Done{}, err
	}
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, d, err := drain(t, cmd.OrganizationID, cmd.ID)
		if err != nil {
			return nil, err
		}
		var set data
		if cmd.Name != nil {
			d.Name, set = *cmd.Name, append(set, "name", *cmd.Name)
		}
		if cmd.Enabled != nil {
			set = append(set, "enabled", *cmd.Enabled, "suspended", nil)
		}
		if cmd.EventTypes != nil {
			set = append(set, "eventTypes", cmd.EventTypes)
		}
		sealed, set, err := c.reconfigure(call, &d, cmd, set)
		if err != nil || len(set) == 0 {
			return nil, err
		}
		set = append(set, "updatedAt", projections.Time(c.o.Now()))
		e := c.aboutDrain(call, eventlog.DashdDrainUpdated, o, d, nil, set)
		e.Sealed = sealed
		return []eventlog.Event{e}, nil
	})
}

// reconfigure gives d another type or config, if these were asked for. A stored config is checked
// against a new type like any other.
func (c *Commands) reconfigure(call Call, d *projections.Drain, cmd DrainUpdate, set data) (sealed []byte, _ data, err error) {
	stored := *d
	if cmd.DestinationType != nil && *cmd.DestinationType != d.DestinationType {
		d.DestinationType, set = *cmd.DestinationType, append(set, "destinationType", *cmd.DestinationType)
		if cmd.Config == nil {
			cmd.Config = stored.Config
		}
	}
	if cmd.Config == nil {
		return nil, set, nil
	}
	config, err := c.DrainConfig(call.Project, d.DestinationType, cmd.Config, &stored)
	if err != nil {
		return nil, nil, err
	}
	return c.o.Sealer.Box(drainObject(call.Project, d.ID), config.Encode()), append(set, "config", config.Masked()), nil
}
