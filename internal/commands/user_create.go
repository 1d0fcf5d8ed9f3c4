package commands

import (
	"context"
	"strings"

	"dashd/eventlog"
	"dashd/internal/credential"
	"dashd/internal/errs"
	"dashd/projections"
)

// defaultRole is the role of a user, not of a member.
const defaultRole = "user"

// UserCreate asks for a user.
type UserCreate struct {
	Name, Email   string
	Image         string // may be empty
	EmailVerified bool
	// Password is the one the user can sign in with. Blank: none, unless
	// GeneratePassword asks for one.
	Password         string
	GeneratePassword bool
	// OrganizationID is that of an organization he becomes a member of, with a role;
	// the default is member. Empty: none.
	OrganizationID, OrganizationRole string
}

// CreatedUser is a new user.
type CreatedUser struct {
	ID string
	// Password is the one that was generated: this is the only time it is there,
	// because only its hash is kept. It is empty in the answer to a repeat.
	Password string
}

// CreateUser makes a user, with what was asked for besides.
func (c *Commands) CreateUser(ctx context.Context, call Call, cmd UserCreate) (done Done, made CreatedUser, err error) {
	if cmd.Name == "" {
		return done, made, noName()
	}
	password := ""
	switch {
	case strings.TrimSpace(cmd.Password) != "":
		password = cmd.Password
	case cmd.GeneratePassword:
		password = credential.NewPassword()
		made.Password = password
	}
	var hash string
	if password != "" {
		if hash, err = c.hashPassword(ctx, password); err != nil {
			return done, made, err
		}
	}
	u := projections.User{ID: call.newID("user"), Name: cmd.Name, Email: strings.ToLower(cmd.Email)}
	account, member := call.newID("account"), call.newID("member")
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		if err := freeEmail(t, u.Email, ""); err != nil {
			return nil, err
		}
		events := []eventlog.Event{c.aboutUser(call, eventlog.UserJoined, u, nil, data{
			"name", u.Name, "email", u.Email, "emailVerified", cmd.EmailVerified,
			"image", projections.Text(cmd.Image), "role", defaultRole,
		})}
		if hash != "" {
			events = append(events, c.passwordLinked(call, u, account, hash))
		}
		if cmd.OrganizationID == "" {
			return events, nil
		}
		added, err := c.firstMembership(call, t, cmd, u, member)
		return append(events, added), err
	})
	if err == nil && done.Repeat {
		made.Password = ""
	}
	made.ID = u.ID
	return done, made, err
}

// noName is the refusal of an empty name. The reference looks at it after the rest of a
// request, and says so.
func noName() error { return refuse(errs.Invalid, "Too small: expected string to have >=1 characters") }

// firstMembership makes a new user a member of the organization that was asked for.
func (c *Commands) firstMembership(call Call, t *projections.Tables, cmd UserCreate, u projections.User, id string) (eventlog.Event, error) {
	role := cmd.OrganizationRole
	if role == "" {
		role = roleMember
	}
	if err := c.o.Organizations.checkRole(role); err != nil {
		return eventlog.Event{}, err
	}
	o, ok := t.Organization(cmd.OrganizationID)
	if !ok {
		return eventlog.Event{}, refuse(errs.Invalid, "Organization not found")
	}
	return c.memberAdded(call, o, u, id, role), nil
}
