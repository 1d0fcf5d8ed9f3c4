package commands

import (
	"context"
	"strings"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// UserUpdate asks for other values of a user's columns. What is nil stays.
type UserUpdate struct {
	ID            string
	Name, Email   *string
	Image         *string // "" takes it away
	EmailVerified *bool
}

// UpdateUser changes a user's columns. Another e-mail address counts as not verified,
// unless the same command says that it is.
func (c *Commands) UpdateUser(ctx context.Context, call Call, cmd UserUpdate) (Done, error) {
	if cmd.Name == nil && cmd.Email == nil && cmd.Image == nil && cmd.EmailVerified == nil {
		return Done{}, refuse(errs.Invalid, "No valid fields to update")
	}
	if cmd.Name != nil && *cmd.Name == "" {
		return Done{}, noName()
	}
	return c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, cmd.ID)
		if err != nil {
			return nil, err
		}
		if cmd.Email != nil {
			if err := freeEmail(t, *cmd.Email, u.ID); err != nil {
				return nil, err
			}
		}
		return c.userUpdated(call, cmd, u), nil
	})
}

// userUpdated says what was changed in u. Which event it is depends on what was asked
// for, as it does in the dash plugin; what it does not report is an update as well.
func (c *Commands) userUpdated(call Call, cmd UserUpdate, u projections.User) []eventlog.Event {
	before := u
	var fields []string
	var set data
	put := func(name string, value any) { fields, set = append(fields, name), append(set, name, value) }
	if cmd.Name != nil {
		u.Name = *cmd.Name
		put("name", u.Name)
	}
	if cmd.Email != nil {
		u.Email = strings.ToLower(*cmd.Email)
		put("email", u.Email)
	}
	if cmd.Image != nil {
		u.Image = projections.Text(*cmd.Image)
		put("image", u.Image)
	}
	if cmd.EmailVerified != nil {
		u.EmailVerified = *cmd.EmailVerified
		put("emailVerified", u.EmailVerified)
	}
	moved := u.Email != before.Email
	if moved && cmd.EmailVerified == nil {
		set = append(set, "emailVerified", false)
	}
	verified := cmd.EmailVerified != nil && *cmd.EmailVerified

	main := eventlog.UserUpdated
	switch {
	case len(fields) == 1 && cmd.Image != nil && u.Image != "":
		main = eventlog.UserImageUpdated
	case len(fields) == 1 && verified:
		main = eventlog.UserEmailVerified
	}
	events := []eventlog.Event{c.aboutUser(call, main, u, data{"updatedFields", fields}, set)}
	if moved {
		events = append(events, c.aboutUser(call, eventlog.UserEmailChanged, u, data{"oldEmail", before.Email, "newEmail", u.Email}, nil))
	}
	if verified && main != eventlog.UserEmailVerified {
		events = append(events, c.aboutUser(call, eventlog.UserEmailVerified, u, nil, data{"emailVerified", true}))
	}
	return events
}
