package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// OrganizationCreate asks for an organization with an owner.
type OrganizationCreate struct {
	OwnerID        string
	Name, Slug     string
	Logo, Metadata string // may be empty; Metadata is JSON text
	// DefaultTeam is the name of the team that is made with it, and that the owner is
	// in. Empty: that of the organization.
	DefaultTeam     string
	SkipDefaultTeam bool
}

// CreateOrganization makes an organization, its owner and, unless told otherwise, its
// first team. The id is that of the organization, also for a repeat.
func (c *Commands) CreateOrganization(ctx context.Context, call Call, cmd OrganizationCreate) (done Done, id string, err error) {
	o := projections.Organization{ID: call.newID("organization"), Name: cmd.Name, Slug: cmd.Slug}
	owner, team := call.newID("member"), call.newID("team")
	place := call.newID("team member")
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, ok := t.User(cmd.OwnerID)
		if !ok {
			return nil, userNotFound(errs.Invalid)
		}
		if cmd.Name == "" {
			return nil, refuse(errs.Invalid, "Too small: expected string to have >=1 characters")
		}
		if _, taken := t.OrganizationBySlug(cmd.Slug); taken {
			return nil, refuse(errs.Invalid, "Organization already exists")
		}
		// The order is that in which the plugin tells the same.
		events := []eventlog.Event{c.memberAdded(call, o, u, owner, roleOwner)}
		if !cmd.SkipDefaultTeam {
			name := cmd.DefaultTeam
			if name == "" {
				name = cmd.Name
			}
			first := projections.Team{ID: team, Name: name}
			events = append(events, c.aboutTeam(call, eventlog.TeamCreated, o, first,
				data{"name", name, "members", []data{{"id", place, "userId", u.ID}}}))
		}
		return append(events, c.aboutOrganization(call, eventlog.OrganizationCreated, o, nil, data{
			"name", o.Name, "slug", o.Slug,
			"logo", nullable(cmd.Logo), "metadata", nullable(cmd.Metadata),
		})), nil
	})
	return done, o.ID, err
}
