package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// RevokeKey ends an API key for ever. When it returns, this node refuses the key;
// the others do once they have folded the event. Revoking a revoked key changes
// nothing and is no error.
func (c *Commands) RevokeKey(ctx context.Context, by projections.Principal, id string) (projections.Key, error) {
	if err := mayUse(by, "keys:*"); err != nil {
		return projections.Key{}, err
	}
	err := c.execute(ctx, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		k, ok := m.Key(id)
		if !ok || !by.In(k.Project) {
			return nil, errs.New(errs.NotFound, "KEY_NOT_FOUND", "no API key %q", id)
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
	k, _ := c.o.Access.Image().Key(id)
	return k, nil
}
