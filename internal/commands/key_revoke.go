package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// KeyRevoke asks for the end of an API key. It needs no Idempotency-Key: a key is
// revoked once.
type KeyRevoke struct {
	ID      string `json:"id"`
	Project string `json:"project"` // if set, the key must be of this project
}

// RevokeKey ends an API key for ever. When it returns, this node refuses the key;
// the others do once they have folded the event. Revoking a revoked key changes
// nothing and is no error.
func (c *Commands) RevokeKey(ctx context.Context, by projections.Principal, cmd KeyRevoke) (projections.Key, error) {
	if err := mayUse(by, projections.ScopeKeys); err != nil {
		return projections.Key{}, err
	}
	err := c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		k, ok := m.Key(cmd.ID)
		if !ok || !by.Manages(k.Project) || cmd.Project != "" && cmd.Project != k.Project {
			return nil, errs.New(errs.NotFound, "KEY_NOT_FOUND", "no API key %q", cmd.ID)
		}
		if k.Revoked() {
			return nil, nil
		}
		meta := projections.RevocationMeta{Key: k.ID, Project: k.Project}
		return []eventlog.Event{c.event(eventlog.DashdKeyRevoked, by, k.Project, meta, k.ID)}, nil
	})
	if err != nil {
		return projections.Key{}, err
	}
	k, _ := c.o.Access.Image().Key(cmd.ID)
	return k, nil
}
