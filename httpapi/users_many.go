package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/projections"
)

// deleteUsers serves POST /dash/delete-many-users.
func (s *Server) deleteUsers(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.UsersDelete{IDs: in.ids("userIds"), Force: in.flag("force", false)}
	if err := in.err(); err != nil {
		return err
	}
	done, did, err := s.Commands.DeleteUsers(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool     `json:"success"`
		Skipped []string `json:"skippedUserIds"`
		Deleted []string `json:"deletedUserIds"`
	}{len(did.Done) > 0, did.Skipped, did.Done})
}

// banUsers serves POST /dash/ban-many-users.
func (s *Server) banUsers(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	ids, ban := in.ids("userIds"), in.ban()
	if err := in.err(); err != nil {
		return err
	}
	done, did, err := s.Commands.BanUsers(r.Context(), r.call(), ids, ban)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool     `json:"success"`
		Banned  []string `json:"bannedUserIds"`
		Skipped []string `json:"skippedUserIds"`
	}{len(did.Done) > 0, did.Done, did.Skipped})
}

// exportUsers serves GET /dash/export-users.
func (s *Server) exportUsers(w http.ResponseWriter, r *request) error {
	q, err := s.exportQuery(w, r, projections.UserColumns)
	if err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	return export(s, w, func(emit func(shownUser) error) error {
		return t.EachUser(q, func(u projections.User) error { return emit(s.showUser(r, u)) })
	})
}

// checkUserExists serves POST /dash/check-user-exists.
func (s *Server) checkUserExists(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	address := in.text("email", email)
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	u, exists := t.UserByEmail(address)
	return writeJSON(w, http.StatusOK, struct {
		Exists bool             `json:"exists"`
		UserID projections.Text `json:"userId"`
	}{exists, projections.Text(u.ID)})
}
