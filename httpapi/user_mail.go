package httpapi

import (
	"net/http"

	"dashd/internal/errs"
	"dashd/projections"
)

// dashd sends no mail to users: their application does. So these requests are checked,
// and then refused as the reference refuses them where no sender is configured.

// mailing reads a request for mail with a link, and finds its recipient.
func (s *Server) mailing(w http.ResponseWriter, r *request) (u projections.User, err error) {
	in := s.read(w, r)
	id, link := in.userID(), in.text("callbackUrl", httpURL)
	if err := in.err(); err != nil {
		return u, err
	}
	if err := s.checkCallback(link); err != nil {
		return u, err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return u, err
	}
	u, ok := t.User(id)
	if !ok {
		return u, userNotFound()
	}
	return u, nil
}

func (s *Server) checkCallback(link string) error {
	if s.trusts(link) {
		return nil
	}
	const message = "Callback URL must use http(s) and match the auth base URL or a trusted origin."
	return errs.New(errs.Invalid, codeOf(message), "%s", message)
}

// addressless refuses to write to a user of whom no address is known.
func addressless(u projections.User) error {
	if u.Email != "" {
		return nil
	}
	const message = "User has no associated email address"
	return errs.New(errs.Invalid, codeOf(message), "%s", message)
}

func noVerification() error {
	return errs.New(errs.Invalid, "EMAIL_VERIFICATION_IS_NOT_ENABLED", "Email verification is not enabled")
}

// sendVerificationEmail serves POST /dash/send-verification-email.
func (s *Server) sendVerificationEmail(w http.ResponseWriter, r *request) error {
	u, err := s.mailing(w, r)
	if err != nil {
		return err
	}
	if u.EmailVerified {
		return errs.New(errs.Invalid, "EMAIL_IS_ALREADY_VERIFIED", "Email is already verified")
	}
	if err := addressless(u); err != nil {
		return err
	}
	return noVerification()
}

// sendVerificationEmails serves POST /dash/send-many-verification-emails.
func (s *Server) sendVerificationEmails(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	in.ids("userIds")
	link := in.text("callbackUrl", httpURL)
	if err := in.err(); err != nil {
		return err
	}
	if err := s.checkCallback(link); err != nil {
		return err
	}
	return noVerification()
}

// sendResetEmail serves POST /dash/send-reset-password-email.
func (s *Server) sendResetEmail(w http.ResponseWriter, r *request) error {
	u, err := s.mailing(w, r)
	if err != nil {
		return err
	}
	if err := addressless(u); err != nil {
		return err
	}
	return errs.New(errs.Invalid, "RESET_PASSWORD_DISABLED", "Reset password isn't enabled")
}
