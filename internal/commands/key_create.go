package commands

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// KeyCreate asks for an API key.
type KeyCreate struct {
	Project        string
	Name           string // for people; may be empty
	Scopes         []string
	Lifetime       time.Duration // 0: DefaultLifetime
	IdempotencyKey string
}

// DefaultLifetime is how long a key is good if nobody says otherwise. Forever is the
// lifetime of a key that does not expire.
const (
	DefaultLifetime = 365 * 24 * time.Hour
	Forever         = time.Duration(-1)
)

// CreatedKey is a new API key. Text is the key itself: this is the only time it is
// there, because only its hash is kept. It is empty in the answer to a repeat.
type CreatedKey struct {
	projections.Key
	Text string
}

// CreateKey makes an API key. Nobody can give a key more than he has: a scope the
// operator lacks is refused, and a project he may not act on does not exist for him.
func (c *Commands) CreateKey(ctx context.Context, by projections.Principal, cmd KeyCreate) (CreatedKey, error) {
	if err := mayUse(by, "keys:*"); err != nil {
		return CreatedKey{}, err
	}
	if err := cmd.check(by); err != nil {
		return CreatedKey{}, err
	}
	request := requestID(by, cmd.IdempotencyKey)
	var id, text string
	err := c.execute(ctx, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		if _, ok := m.Project(cmd.Project); !ok || !by.In(cmd.Project) {
			return nil, noProject(cmd.Project)
		}
		id, text = keyID(request), ""
		if k, exists := m.Key(id); exists && request != "" {
			return nil, cmd.repeats(k, request)
		}
		text = newKeyText(id)
		return []eventlog.Event{c.keyCreated(by, cmd, id, text, request)}, nil
	})
	if err != nil {
		return CreatedKey{}, err
	}
	k, _ := c.o.Access.Image().Key(id)
	return CreatedKey{Key: k, Text: text}, nil
}

func (cmd KeyCreate) check(by projections.Principal) error {
	if err := checkName(cmd.Name); err != nil {
		return err
	}
	if cmd.Lifetime < 0 && cmd.Lifetime != Forever || cmd.Lifetime > 0 && cmd.Lifetime < time.Second {
		return errs.New(errs.Invalid, "INVALID_LIFETIME", "a key lives at least a second")
	}
	if len(cmd.Scopes) == 0 {
		return errs.New(errs.Invalid, "INVALID_SCOPE", "a key needs at least one scope")
	}
	for i, s := range cmd.Scopes {
		switch {
		case !projections.ValidScope(s):
			return errs.New(errs.Invalid, "INVALID_SCOPE", "no scope %q; there are %q", s, projections.Scopes())
		case slices.Contains(cmd.Scopes[:i], s):
			return errs.New(errs.Invalid, "INVALID_SCOPE", "scope %q is given twice", s)
		case !by.Can(s):
			return errs.New(errs.Forbidden, "FORBIDDEN", "a key without the scope %s cannot give it away", s)
		}
	}
	return nil
}

// repeats finds out whether the command made k: then there is nothing to do.
func (cmd KeyCreate) repeats(k projections.Key, request string) error {
	if k.Request != request || k.Project != cmd.Project || k.Name != cmd.Name || !slices.Equal(k.Scopes, cmd.Scopes) {
		return reused()
	}
	return nil
}

func (c *Commands) keyCreated(by projections.Principal, cmd KeyCreate, id, text, request string) eventlog.Event {
	hash := projections.HashKey(text)
	meta := projections.KeyMeta{
		Key:     id,
		Project: cmd.Project,
		Name:    cmd.Name,
		Scopes:  cmd.Scopes,
		Hash:    hex.EncodeToString(hash[:]),
		Request: request,
	}
	switch cmd.Lifetime {
	case Forever:
	case 0:
		meta.ExpiresAt = c.o.Now() + DefaultLifetime.Milliseconds()
	default:
		meta.ExpiresAt = c.o.Now() + cmd.Lifetime.Milliseconds()
	}
	return c.event(eventlog.DashdKeyCreated, by, cmd.Project, meta, id)
}
