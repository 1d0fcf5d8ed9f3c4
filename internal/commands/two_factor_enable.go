package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/internal/credential"
	"dashd/internal/errs"
	"dashd/projections"
)

// TwoFactorEnable asks for a second factor of a user.
type TwoFactorEnable struct {
	UserID string
	// KeepCodes keeps the backup codes so that they can be looked at again.
	KeepCodes bool
}

// EnabledTwoFactor is a new second factor.
type EnabledTwoFactor struct {
	TOTP
	// BackupCodes are there this once, because only hashes are kept: not in the answer
	// to a repeat, unless they can be looked at.
	BackupCodes []string
}

// EnableTwoFactor makes a second factor for a user, who needs it from now on. One that
// was set up and not finished is replaced.
func (c *Commands) EnableTwoFactor(ctx context.Context, call Call, cmd TwoFactorEnable) (done Done, made EnabledTwoFactor, err error) {
	f := factor{Secret: credential.NewTOTPSecret()}
	made.BackupCodes = c.newBackupCodes(&f, call.Project, cmd.UserID, cmd.KeepCodes)
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		u, err := user(t, cmd.UserID)
		if err != nil {
			return nil, err
		}
		if u.TwoFactorEnabled {
			return nil, alreadyEnabled()
		}
		e := c.aboutUser(call, eventlog.TwoFactorEnabled, u, nil, data{"pending", false})
		e.Sealed = c.sealFactor(call.Project, u.ID, f)
		return []eventlog.Event{e}, nil
	})
	if err == nil && done.Repeat {
		f, err = c.openFactor(done.Tables, call.Project, cmd.UserID)
		made.BackupCodes = f.Viewable
	}
	if err != nil {
		return done, EnabledTwoFactor{}, err
	}
	made.TOTP = c.totp(done.Tables, call.Project, cmd.UserID, f)
	return done, made, nil
}

func alreadyEnabled() error {
	return refuse(errs.Invalid, "Two-factor authentication is already enabled for this user")
}
