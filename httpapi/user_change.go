package httpapi

import (
	"net/http"
	"strings"

	"dashd/internal/commands"
	"dashd/internal/wire"
	"dashd/projections"
)

// The length of passwords, and of what is said about a ban, in characters.
const (
	minPassword = 8
	maxPassword = 128
	maxReason   = 1000
)

// createUser serves POST /dash/user. Keys that are no columns, or that nobody may
// choose, are ignored.
func (s *Server) createUser(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.UserCreate{
		Name:             in.text("name", atMost(maxTitle)),
		Email:            in.text("email", email),
		Image:            optional(in.nullableText("image"), ""),
		EmailVerified:    in.flag("emailVerified", false),
		Password:         optional(in.nullableText("password", blankOr(atLeast(minPassword)), atMost(maxPassword)), ""),
		GeneratePassword: in.flag("generatePassword", false),
		OrganizationID:   in.optionalID("organizationId"),
		OrganizationRole: optional(in.optionalText("organizationRole", atMost(maxTitle)), ""),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, made, err := s.Commands.CreateUser(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	u, ok := done.Tables.User(made.ID)
	if !ok { // a repeat, and somebody has deleted him since
		return userNotFound()
	}
	return s.done(w, done, struct {
		shownUser
		Password string `json:"generatedPassword,omitempty"`
	}{s.showUser(r, u), made.Password})
}

// blankOr checks a text that is not blank.
func blankOr(wrong check) check {
	return func(text string) string {
		if strings.TrimSpace(text) == "" {
			return ""
		}
		return wrong(text)
	}
}

// updateUser serves PATCH /dash/user.
func (s *Server) updateUser(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.UserUpdate{
		ID:            in.userID(),
		Name:          in.optionalText("name", atMost(maxTitle)),
		Email:         in.optionalText("email", email),
		Image:         in.nullableText("image"),
		EmailVerified: in.optionalFlag("emailVerified"),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UpdateUser(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	u, ok := done.Tables.User(cmd.ID)
	if !ok {
		return userNotFound()
	}
	return s.done(w, done, s.showUser(r, u))
}

// deleteUser serves DELETE /dash/user.
func (s *Server) deleteUser(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.UserDelete{ID: in.userID(), Force: in.flag("force", false)}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.DeleteUser(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// banUser serves POST /dash/user/ban.
func (s *Server) banUser(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id, ban := in.userID(), in.ban()
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.BanUser(r.Context(), r.call(), id, ban)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// ban reads how somebody is to be banned.
func (in *input) ban() commands.Ban {
	return commands.Ban{
		Reason:       optional(in.nullableText("banReason", atMost(maxReason)), ""),
		Expires:      in.expiry("banExpires"),
		KeepSessions: !in.flag("deleteAllSessions", true),
	}
}

// lastInstant is the last ms that a date can be in JavaScript.
const lastInstant = 8_640_000_000_000_000

// expiry reads an instant that may be absent: milliseconds since 1970, or ISO 8601. 0
// and null are none.
func (in *input) expiry(name string) projections.Time {
	if text := in.raw(name); kindOf(text) == "string" {
		if ms, ok := wire.ParseTime([]byte(*in.optionalText(name))); ok {
			return projections.Time(ms)
		}
	}
	ms := in.optionalNumber(name)
	switch {
	case ms == nil:
		return 0
	case *ms > lastInstant:
		in.refuse(name, "Too big: expected number to be <=8640000000000000")
	case *ms < -lastInstant:
		in.refuse(name, "Too small: expected number to be >=-8640000000000000")
	}
	return projections.Time(*ms)
}

// unbanUser serves POST /dash/user/unban.
func (s *Server) unbanUser(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	id := in.userID()
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UnbanUser(r.Context(), r.call(), id)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// setPassword serves POST /dash/user/password.
func (s *Server) setPassword(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.UserPassword{
		ID:             in.userID(),
		Password:       in.text("password", atLeast(minPassword), atMost(maxPassword)),
		RevokeSessions: in.flag("revokeSessions", false),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.SetPassword(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// unlinkAccount serves POST /dash/unlink-account.
func (s *Server) unlinkAccount(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.AccountUnlink{
		UserID:     in.id("userId"),
		ProviderID: in.text("providerId", atMost(maxID)),
		AccountID:  in.text("accountId", atMost(maxID)),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UnlinkAccount(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}
