package commands

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// KeyCreate asks for an API key.
type KeyCreate struct {
	Project        string   `json:"project"`
	Name           string   `json:"name"` // for people; may be empty
	Scopes         []string `json:"scopes"`
	Lifetime       int64    `json:"expiresIn"` // s; 0: DefaultLifetime, Forever: it does not expire
	IdempotencyKey string   `json:"-"`
}

// Lifetimes of a key, in seconds.
const (
	DefaultLifetime = 365 * 24 * 3600
	Forever         = -1

	maxLifetime = 100 * DefaultLifetime
)

// CreatedKey is a new API key. Text is the key itself: this is the only time it is
// there, because only its hash is kept. It is empty in the answer to a repeat.
type CreatedKey struct {
	projections.Key
	Text string `json:"key,omitempty"`
}

// CreateKey makes an API key. Nobody can give a key more than he has: a scope the
// operator lacks is refused, and a project he does not manage does not exist for him.
func (c *Commands) CreateKey(ctx context.Context, by projections.Principal, cmd KeyCreate) (CreatedKey, error) {
	if err := mayUse(by, projections.ScopeKeys); err != nil {
		return CreatedKey{}, err
	}
	if err := cmd.check(by); err != nil {
		return CreatedKey{}, err
	}
	request := requestID(by, cmd.IdempotencyKey, cmd.asked()...)
	var id, text string
	err := c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		if _, ok := m.Project(cmd.Project); !ok || !by.Manages(cmd.Project) {
			return nil, noProject(cmd.Project)
		}
		id, text = keyID(requestID(by, cmd.IdempotencyKey)), ""
		if k, exists := m.Key(id); exists && request != "" {
			if k.Request != request {
				return nil, errs.New(errs.Conflict, "IDEMPOTENCY_KEY_REUSED",
					"this Idempotency-Key was used for another request")
			}
			return nil, nil
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
	if cmd.Lifetime < Forever || cmd.Lifetime > maxLifetime {
		return errs.New(errs.Invalid, "INVALID_LIFETIME",
			"a key expires in 1 to %d seconds, or never (%d)", int64(maxLifetime), int64(Forever))
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
		case projections.Spans(s) && cmd.Project != projections.DefaultProject:
			return errs.New(errs.Invalid, "INVALID_SCOPE", "only keys of the project %s can have the scope %s", projections.DefaultProject, s)
		case !by.Can(s):
			return errs.New(errs.Forbidden, "FORBIDDEN", "a key without the scope %s cannot give it away", s)
		}
	}
	return nil
}

// asked is what the command asks for: a repeat asks for the same.
func (cmd KeyCreate) asked() []string {
	return append([]string{cmd.Project, cmd.Name, strconv.FormatInt(cmd.Lifetime, 10)}, cmd.Scopes...)
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
		meta.ExpiresAt = c.o.Now() + DefaultLifetime*1000
	default:
		meta.ExpiresAt = c.o.Now() + cmd.Lifetime*1000
	}
	return c.event(eventlog.DashdKeyCreated, by, cmd.Project, meta, id)
}
