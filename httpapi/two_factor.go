package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/internal/errs"
)

// enableTwoFactor serves POST /dash/user/2fa/enable.
func (s *Server) enableTwoFactor(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.TwoFactorEnable{UserID: in.userID(), KeepCodes: s.Settings.BackupCodesViewable}
	if err := in.err(); err != nil {
		return err
	}
	done, made, err := s.Commands.EnableTwoFactor(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success      bool     `json:"success"`
		TOTPURI      string   `json:"totpURI"`
		Secret       string   `json:"secret"`
		SecretBase32 string   `json:"secretBase32"`
		BackupCodes  []string `json:"backupCodes"`
	}{true, made.URI, made.Secret, made.SecretBase32, append([]string{}, made.BackupCodes...)})
}

// disableTwoFactor serves POST /dash/user/2fa/disable.
func (s *Server) disableTwoFactor(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.userID()
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.DisableTwoFactor(r.Context(), r.call(), id)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// completeTwoFactor serves POST /dash/complete-two-factor-setup.
func (s *Server) completeTwoFactor(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.userID()
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.CompleteTwoFactor(r.Context(), r.call(), id)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// totpURI serves GET /dash/user/2fa/totp-uri.
func (s *Server) totpURI(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.userID()
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	totp, err := s.Commands.TOTP(t, r.principal.Project, id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		TOTPURI string `json:"totpURI"`
	}{totp.URI})
}

// backupCodes is an answer that shows the backup codes of a user.
type backupCodes struct {
	BackupCodes []string `json:"backupCodes"`
}

// viewBackupCodes serves GET /dash/user/2fa/backup-codes. Unless the operator has chosen
// otherwise, codes are shown when they are made and never again.
func (s *Server) viewBackupCodes(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.userID()
	if err := in.err(); err != nil {
		return err
	}
	hidden := errs.New(errs.Forbidden, "BACKUP_CODES_NOT_VIEWABLE",
		"Backup codes cannot be viewed after initial setup. Generate new codes instead.")
	if !s.Settings.BackupCodesViewable {
		return hidden
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	codes, err := s.Commands.BackupCodes(t, r.principal.Project, id)
	if err != nil {
		return err
	}
	if codes == nil { // they were made before that was chosen
		return hidden
	}
	return writeJSON(w, http.StatusOK, backupCodes{codes})
}

// generateBackupCodes serves POST /dash/user/2fa/backup-codes/generate.
func (s *Server) generateBackupCodes(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.BackupCodesGenerate{UserID: in.userID(), KeepCodes: s.Settings.BackupCodesViewable}
	if err := in.err(); err != nil {
		return err
	}
	done, codes, err := s.Commands.GenerateBackupCodes(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, backupCodes{append([]string{}, codes...)})
}
