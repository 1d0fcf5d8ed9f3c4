package httpapi

import (
	"net/http"

	"dashd/internal/errs"
	"dashd/projections"
)

// userDetail is the answer of GET /dash/user.
type userDetail struct {
	projections.User
	LastActiveAt    projections.Time      `json:"lastActiveAt"`
	Account         []projections.Account `json:"account"`
	Session         []projections.Session `json:"session"`
	TwoFactorStatus string                `json:"twoFactorStatus,omitempty"`
}

// showUserDetail serves GET /dash/user.
func (s *Server) showUserDetail(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.idOf("userId")
	onlySessions, onlyAccounts := in.flag("sessionOnly", false), in.flag("accountOnly", false)
	if err := in.err(); err != nil {
		return err
	}
	if onlySessions && onlyAccounts {
		const message = "Cannot use sessionOnly and accountOnly together"
		return errs.New(errs.Invalid, codeOf(message), "%s", message)
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	u, ok := t.User(id)
	if !ok {
		return userNotFound()
	}
	u = s.present(r, u)
	minimal := r.query.Get("minimal") == "true"
	d := userDetail{User: u, Account: []projections.Account{}, Session: []projections.Session{}}
	if !minimal && !onlySessions {
		d.Account = append(d.Account, t.Accounts(id)...)
	}
	if !minimal && !onlyAccounts {
		d.Session = append(d.Session, t.Sessions(id)...)
	}
	if !onlySessions && !onlyAccounts && s.on(TwoFactor) {
		d.TwoFactorStatus = twoFactorStatus(t, u)
	}
	if s.Settings.ActivityTracking {
		d.LastActiveAt = lastActive(u, d.Session)
	}
	return writeJSON(w, http.StatusOK, d)
}

// lastActive is when a user was last seen: if nothing says so, when the newest of his
// sessions was.
func lastActive(u projections.User, sessions []projections.Session) projections.Time {
	last := u.LastActiveAt
	for _, session := range sessions {
		if u.LastActiveAt == 0 {
			last = max(last, session.UpdatedAt)
		}
	}
	return last
}

// twoFactorStatus says how far a user's second factor is set up.
func twoFactorStatus(t *projections.Tables, u projections.User) string {
	if u.TwoFactorEnabled {
		return "enabled"
	}
	if _, begun := t.TwoFactor(u.ID); begun {
		return "pending"
	}
	return "disabled"
}
