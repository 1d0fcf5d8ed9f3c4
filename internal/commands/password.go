package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/credential"
	"dashd/internal/errs"
	"dashd/internal/seal"
	"dashd/projections"
)

// Hashing takes 32 MiB and 100 ms of a core each, so few hash at a time, and of those
// who wait there is an end.
const (
	hashers = 2
	hashees = 64
)

// hashPassword returns the stored form of a password. It is called before the turn is
// taken: hashing makes nobody wait who does not hash.
func (c *Commands) hashPassword(ctx context.Context, password string) (string, error) {
	if c.hashees.Add(1) > hashees {
		c.hashees.Add(-1)
		return "", errs.New(errs.Busy, "BUSY", "too many passwords are being set; try again later")
	}
	defer c.hashees.Add(-1)
	select {
	case c.hashers <- struct{}{}:
		defer func() { <-c.hashers }()
		return credential.HashPassword(password), nil
	case <-ctx.Done():
		return "", errs.Wrap(ctx.Err(), errs.Unavailable, "TIMEOUT", "the request ended before its password was hashed")
	}
}

// passwordLinked says that a user has got a password. hash is its stored form, which
// leaves this function in a box only.
func (c *Commands) passwordLinked(call Call, u projections.User, accountID, hash string) eventlog.Event {
	a := projections.Account{ID: accountID, ProviderID: credentialProvider}
	e := c.aboutAccount(call, eventlog.AccountLinked, eventlog.OAuthLinked, u, a, data{"accountId", u.ID})
	e.Sealed = c.passwordBox(call, accountID, hash)
	return e
}

func (c *Commands) passwordBox(call Call, accountID, hash string) []byte {
	return c.o.Sealer.Box(seal.Object{Class: seal.Password, Project: call.Project, ID: accountID}, []byte(hash))
}
