package commands

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/projections"
)

// Bootstrap is what a new cluster starts with.
type Bootstrap struct {
	// Key is the text of the first API key, if the operator chose it: 16 to 256
	// visible ASCII characters. Empty: one is made.
	Key string
	// Save, if set, is called with the first key before its event is proposed. A
	// crash in between leaves a saved key that opens nothing, and the next
	// start saves another: never a key that opens everything and that nobody has.
	Save func(key string) error
}

// Bootstrap gives a cluster what it cannot do without, in one block: the project
// "default" with one API key of all scopes, which does not expire, and a key to sign
// with. What is there already stays: on every later start it does nothing, and
// returns "". Else it returns the key, for the operator to see once.
func (c *Commands) Bootstrap(ctx context.Context, b Bootstrap) (key string, err error) {
	if err := checkFirstKey(b.Key); err != nil {
		return "", err
	}
	by := projections.Operator("bootstrap")
	err = c.execute(ctx, by, func(m *projections.AccessImage) ([]eventlog.Event, error) {
		var events []eventlog.Event
		key = ""
		if len(m.Projects()) == 0 {
			id := keyID("")
			if key = b.Key; key == "" {
				key = newKeyText(id)
			}
			if b.Save != nil {
				if err := b.Save(key); err != nil {
					return nil, fmt.Errorf("save the first API key: %w", err)
				}
			}
			first := KeyCreate{
				Project:  projections.DefaultProject,
				Name:     "first key",
				Scopes:   []string{projections.ScopeAll},
				Lifetime: Forever,
			}
			events = append(events,
				c.projectCreated(by, ProjectCreate{ID: projections.DefaultProject}, ""),
				c.keyCreated(by, first, id, key, ""))
		}
		if len(m.SigningKeys()) == 0 {
			e, err := c.signingKeyCreated(by)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
		return events, nil
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// signingKeyCreated makes a signing key. Its private part leaves this function in
// a box only.
func (c *Commands) signingKeyCreated(by projections.Principal) (eventlog.Event, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return eventlog.Event{}, fmt.Errorf("make a signing key: %w", err)
	}
	defer clear(private)
	meta, box, err := projections.SealSigningKey(c.o.Sealer, private)
	if err != nil {
		return eventlog.Event{}, fmt.Errorf("seal a signing key: %w", err)
	}
	e := c.event(eventlog.DashdSigningKeyCreated, by, eventlog.ReservedProject, meta, meta.Key)
	e.Sealed = box
	return e, nil
}

// checkFirstKey refuses a chosen key that a header cannot carry or that could be
// guessed from its hash. It does not repeat the key in the error.
func checkFirstKey(key string) error {
	if key == "" {
		return nil
	}
	fits := len(key) >= 16 && len(key) <= 256
	for _, c := range []byte(key) {
		fits = fits && c > ' ' && c < 0x7f
	}
	if !fits {
		return errs.Stop(errs.ExitIdentity, errs.New(errs.Invalid, "INVALID_KEY",
			"the first API key must be 16 to 256 visible ASCII characters without spaces"))
	}
	return nil
}
