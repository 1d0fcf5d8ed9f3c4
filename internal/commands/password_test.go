package commands_test

import (
	"context"
	"testing"
	"testing/synctest"

	"dashd/internal/commands"
	"dashd/internal/errs"
)

// However many passwords are to be set, a few are hashed at once, some wait, and the rest
// is told to come back.
func TestFewPasswordsAreHashedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := commands.New(commands.Options{}) // hashing comes before anything else
		commands.HoldHashers(c)
		ctx, cancel := context.WithCancel(t.Context())
		set := func() error {
			_, err := c.SetPassword(ctx, inShop, commands.UserPassword{ID: "u", Password: "long enough"})
			return err
		}
		waiting := make(chan error)
		for range commands.MaxHashees {
			go func() { waiting <- set() }()
		}
		synctest.Wait()
		if err := set(); errs.KindOf(err) != errs.Busy {
			t.Errorf("one more: %v", err)
		}
		cancel()
		for range commands.MaxHashees {
			if err := <-waiting; errs.KindOf(err) != errs.Unavailable {
				t.Errorf("one that gave up: %v", err)
			}
		}
		// Their places are free again.
		if err := set(); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("afterwards: %v", err)
		}
	})
}
