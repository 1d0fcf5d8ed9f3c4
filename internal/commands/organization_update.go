package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// OrganizationUpdate asks for other values of an organization's columns. A nil field
// stays as it is; an empty Logo or Metadata is taken away.
type OrganizationUpdate struct {
	ID                         string
	Name, Slug, Logo, Metadata *string
}

// UpdateOrganization changes an organization.
func (c *Commands) UpdateOrganization(ctx context.Context, call Call, cmd OrganizationUpdate) (Done, error) {
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		o, err := organization(t, cmd.ID)
		if err != nil {
			return nil, err
		}
		var set data
		if cmd.Name != nil {
			if *cmd.Name == "" {
				return nil, refuse(errs.Invalid, "Too small: expected string to have >=1 characters")
			}
			o.Name, set = *cmd.Name, append(set, "name", *cmd.Name)
		}
		if cmd.Slug != nil {
			if other, taken := t.OrganizationBySlug(*cmd.Slug); taken && other.ID != o.ID {
				return nil, refuse(errs.Invalid, "Slug already exists")
			}
			o.Slug, set = *cmd.Slug, append(set, "slug", *cmd.Slug)
		}
		if cmd.Logo != nil {
			set = append(set, "logo", nullable(*cmd.Logo))
		}
		if cmd.Metadata != nil {
			set = append(set, "metadata", nullable(*cmd.Metadata))
		}
		if len(set) == 0 {
			return nil, refuse(errs.Invalid, "No valid fields to update")
		}
		return []eventlog.Event{c.aboutOrganization(call, eventlog.OrganizationUpdated, o, nil, set)}, nil
	})
}
