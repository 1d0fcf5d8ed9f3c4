package commands

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// Lifetimes of a join token.
const (
	DefaultJoinLifetime = 15 * time.Minute
	minJoinLifetime     = time.Second
	maxJoinLifetime     = 24 * time.Hour
)

// CreateJoinToken makes what lets one node join the cluster, once: an id, and a secret of
// which only the hash is kept, so this is the only time it is there. lifetime 0 is
// DefaultJoinLifetime. A repeat makes another; one that nobody uses expires.
func (c *Commands) CreateJoinToken(ctx context.Context, by projections.Principal, lifetime time.Duration) (id string, secret [sha256.Size]byte, expires time.Time, err error) {
	if err := mayUse(by, projections.ScopeAdmin); err != nil {
		return "", secret, expires, err
	}
	if lifetime == 0 {
		lifetime = DefaultJoinLifetime
	}
	if lifetime < minJoinLifetime || lifetime > maxJoinLifetime {
		return "", secret, expires, errs.New(errs.Invalid, "INVALID_LIFETIME",
			"a join token expires in %d to %d seconds", int(minJoinLifetime.Seconds()), int(maxJoinLifetime.Seconds()))
	}
	rand.Read(secret[:]) // never fails: the program ends instead
	hash := sha256.Sum256(secret[:])
	var random [8]byte
	rand.Read(random[:])
	id = hex.EncodeToString(random[:])
	err = c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		if _, ok := m.CA(); !ok {
			return nil, errs.New(errs.Conflict, "NO_CLUSTER", "this node has no cluster port, so no other can join it; start it with --cluster")
		}
		expires = time.UnixMilli(c.o.Now()).Add(lifetime).UTC()
		meta := projections.JoinTokenMeta{Token: id, Hash: hex.EncodeToString(hash[:]), ExpiresAt: expires.UnixMilli()}
		return []eventlog.Event{c.event(eventlog.DashdJoinTokenCreated, by, eventlog.ReservedProject, meta, id)}, nil
	})
	if err != nil {
		return "", [sha256.Size]byte{}, time.Time{}, err
	}
	return id, secret, expires, nil
}
