package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// ProjectCreate asks for a project.
type ProjectCreate struct {
	ID             string `json:"id"`   // projections.ValidProjectID; it can never be used again
	Name           string `json:"name"` // for people; empty: ID
	IdempotencyKey string `json:"-"`
}

// CreateProject makes a project, which has no keys yet. It refuses with
// PROJECT_EXISTS if there is one with that id, unless the same request made it.
func (c *Commands) CreateProject(ctx context.Context, by projections.Principal, cmd ProjectCreate) (projections.Project, error) {
	if err := mayUse(by, projections.ScopeProjects); err != nil {
		return projections.Project{}, err
	}
	if !projections.ValidProjectID(cmd.ID) {
		return projections.Project{}, errs.New(errs.Invalid, "INVALID_PROJECT_ID",
			"a project id is 1 to 63 lower-case letters, digits and hyphens, and does not begin with a hyphen")
	}
	if err := checkName(cmd.Name); err != nil {
		return projections.Project{}, err
	}
	request := requestID(by, cmd.IdempotencyKey, cmd.ID, cmd.Name)
	err := c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		p, exists := m.Project(cmd.ID)
		if !exists {
			return []eventlog.Event{c.projectCreated(by, cmd, request)}, nil
		}
		if request != "" && p.Request == request {
			return nil, nil
		}
		return nil, errs.New(errs.Conflict, "PROJECT_EXISTS", "project %q exists", cmd.ID)
	})
	if err != nil {
		return projections.Project{}, err
	}
	p, _ := c.o.Access.Image().Project(cmd.ID)
	return p, nil
}

func (c *Commands) projectCreated(by projections.Principal, cmd ProjectCreate, request string) eventlog.Event {
	name := cmd.Name
	if name == "" {
		name = cmd.ID
	}
	return c.event(eventlog.DashdProjectCreated, by, cmd.ID,
		projections.ProjectMeta{Project: cmd.ID, Name: name, Request: request}, cmd.ID)
}
