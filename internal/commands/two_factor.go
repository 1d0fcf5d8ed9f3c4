package commands

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"dashd/internal/credential"
	"dashd/internal/errs"
	"dashd/internal/seal"
	"dashd/projections"
)

// factor is what the box of a second factor holds. Its format is on disk: members are
// added, never renamed.
type factor struct {
	Secret      string   `json:"secret"`
	BackupCodes []string `json:"backupCodes"` // hashes: see backupCodeHash
	// Viewable are the codes themselves, if the operator has chosen that they can be
	// looked at again.
	Viewable []string `json:"viewable,omitempty"`
}

func factorObject(project, userID string) seal.Object {
	return seal.Object{Class: seal.TwoFactor, Project: project, ID: userID}
}

// backupCodeHash stands for a backup code. It is a MAC under the cluster key: a code has
// 60 bits, and whoever has only the disk cannot try them out.
func (c *Commands) backupCodeHash(project, userID, code string) string {
	sum := c.o.Sealer.MAC(factorObject(project, userID), []byte(code))
	return hex.EncodeToString(sum[:])
}

// newBackupCodes gives f a new set of backup codes and returns them.
func (c *Commands) newBackupCodes(f *factor, project, userID string, viewable bool) []string {
	codes := credential.NewBackupCodes()
	f.BackupCodes, f.Viewable = nil, nil
	for _, code := range codes {
		f.BackupCodes = append(f.BackupCodes, c.backupCodeHash(project, userID, code))
	}
	if viewable {
		f.Viewable = codes
	}
	return codes
}

func (c *Commands) sealFactor(project, userID string, f factor) []byte {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // it is texts
	}
	defer clear(text)
	return c.o.Sealer.Box(factorObject(project, userID), text)
}

func notSetUp() error {
	return refuse(errs.NotFound, "Two-factor authentication not set up for this user")
}

// openFactor opens the second factor of a user. One that his application keeps is not
// there.
func (c *Commands) openFactor(t *projections.Tables, project, userID string) (f factor, err error) {
	row, ok := t.TwoFactor(userID)
	if !ok || len(row.Sealed) == 0 {
		return f, notSetUp()
	}
	text, err := c.o.Sealer.Open(factorObject(project, userID), row.Sealed)
	if err != nil {
		return f, fmt.Errorf("second factor of a user: %w", err)
	}
	defer clear(text)
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("second factor of a user: %w", err)
	}
	return f, nil
}

// TOTP is what a user's authenticator needs.
type TOTP struct {
	URI          string
	Secret       string // the key of the codes, as it is
	SecretBase32 string // as a person types it into an authenticator
}

// totp shows the authenticator's part of f.
func (c *Commands) totp(t *projections.Tables, project, userID string, f factor) TOTP {
	p, _ := c.o.Access.Image().Project(project)
	u, _ := t.User(userID)
	issuer, account := cmp.Or(p.Name, project), cmp.Or(u.Email, userID)
	return TOTP{
		URI:          credential.TOTPURI(f.Secret, issuer, account),
		Secret:       f.Secret,
		SecretBase32: credential.Base32(f.Secret),
	}
}

// TOTP opens what a user's authenticator needs, also while his second factor is pending.
func (c *Commands) TOTP(t *projections.Tables, project, userID string) (TOTP, error) {
	f, err := c.openFactor(t, project, userID)
	if err != nil {
		return TOTP{}, err
	}
	return c.totp(t, project, userID, f), nil
}

// BackupCodes opens the backup codes of a user, nil if they were not kept to be looked
// at.
func (c *Commands) BackupCodes(t *projections.Tables, project, userID string) ([]string, error) {
	f, err := c.openFactor(t, project, userID)
	return f.Viewable, err
}
