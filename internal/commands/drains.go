package commands

import (
	"encoding/json"
	"fmt"
	"strconv"

	"dashd/eventlog"
	"dashd/internal/destination"
	"dashd/internal/errs"
	"dashd/internal/seal"
	"dashd/projections"
)

const (
	// maxDrains is how many log drains an organization may have. Each costs a goroutine and
	// a place in the queue for the network.
	maxDrains     = 50
	maxDrainName  = 200
	maxEventTypes = 200
)

// drain finds the organization and the drain a command is about.
func drain(t *projections.Tables, organizationID, id string) (projections.Organization, projections.Drain, error) {
	o, known := t.Organization(organizationID)
	d, ok := t.Drain(id)
	if !known || !ok || d.OrganizationID != o.ID {
		return o, d, refuse(errs.NotFound, "Log drain not found")
	}
	return o, d, nil
}

// aboutDrain makes an event of an organization's stream about one of its drains.
func (c *Commands) aboutDrain(call Call, t eventlog.Type, o projections.Organization, d projections.Drain, more, set data) eventlog.Event {
	return c.aboutOrganization(call, t, o, append(data{"drainId", d.ID, "drainName", d.Name, "destinationType", d.DestinationType}, more...), set)
}

func drainObject(project, id string) seal.Object {
	return seal.Object{Class: seal.Drain, Project: project, ID: id}
}

// OpenDrain returns the whole config of a drain.
func (c *Commands) OpenDrain(project string, d projections.Drain) (destination.Config, error) {
	return OpenDrain(c.o.Sealer, project, d)
}

// OpenDrain returns the whole config of a drain of a project.
func OpenDrain(s *seal.Sealer, project string, d projections.Drain) (destination.Config, error) {
	text, err := s.Open(drainObject(project, d.ID), d.Sealed)
	if err != nil {
		return destination.Config{}, fmt.Errorf("config of drain %s: %w", d.ID, err)
	}
	return destination.Decode(d.DestinationType, text)
}

// DrainConfig reads the config of a drain as a request has it. Masked secrets stand for those
// of the stored drain, which may be nil.
func (c *Commands) DrainConfig(project, destinationType string, text json.RawMessage, stored *projections.Drain) (destination.Config, error) {
	var known *destination.Config
	if stored != nil {
		config, err := c.OpenDrain(project, *stored)
		if err != nil {
			return config, err
		}
		known = &config
	}
	config, wrong, ok := destination.Parse(destinationType, text, known)
	if ok {
		return config, nil
	}
	path := "body.config"
	if wrong.Path != "" {
		path += "." + wrong.Path
	}
	return config, errs.New(errs.Invalid, "VALIDATION_ERROR", "[%s] %s", path, wrong.Reason)
}

// checkEventTypes refuses what a drain cannot ask for.
func checkEventTypes(names []string) error {
	if len(names) > maxEventTypes {
		return errs.New(errs.Invalid, "VALIDATION_ERROR", "[body.eventTypes] Too big: expected array to have <=%d items", maxEventTypes)
	}
	for i, name := range names {
		if !destination.ValidEventType(name) {
			return errs.New(errs.Invalid, "VALIDATION_ERROR", `[body.eventTypes.%s] Invalid option: expected one of "auth"|"security"|"email"|"all"`, strconv.Itoa(i))
		}
	}
	return nil
}

func checkDrainName(name string) error {
	if name == "" {
		return errs.New(errs.Invalid, "VALIDATION_ERROR", "[body.name] Name is required")
	}
	if len(name) > maxDrainName {
		return errs.New(errs.Invalid, "VALIDATION_ERROR", "[body.name] Too big: expected string to have <=%d characters", maxDrainName)
	}
	return nil
}
