package commands

import (
	"context"

	"dashd/eventlog"
	"dashd/projections"
)

// BackupCodesGenerate asks for new backup codes of a user.
type BackupCodesGenerate struct {
	UserID    string
	KeepCodes bool // so that they can be looked at again
}

// GenerateBackupCodes makes new backup codes; the old ones are good no more. The answer to
// a repeat has them only if they can be looked at.
func (c *Commands) GenerateBackupCodes(ctx context.Context, call Call, cmd BackupCodesGenerate) (done Done, codes []string, err error) {
	done, err = c.change(ctx, call, func(t *projections.Tables) ([]eventlog.Event, error) {
		f, err := c.openFactor(t, call.Project, cmd.UserID)
		if err != nil {
			return nil, err
		}
		u, ok := t.User(cmd.UserID)
		if !ok {
			return nil, notSetUp()
		}
		codes = c.newBackupCodes(&f, call.Project, u.ID, cmd.KeepCodes)
		e := c.aboutUser(call, eventlog.TwoFactorBackupCodesGenerated, u, nil, nil)
		e.Sealed = c.sealFactor(call.Project, u.ID, f)
		return []eventlog.Event{e}, nil
	})
	if err == nil && done.Repeat {
		codes, err = c.BackupCodes(done.Tables, call.Project, cmd.UserID)
	}
	return done, codes, err
}
