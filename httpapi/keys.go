package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/projections"
)

// listProjects serves GET /v1/projects.
func (s *Server) listProjects(w http.ResponseWriter, r *request) error {
	image, err := s.accessOf(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string][]projections.Project{"projects": image.Projects()})
}

// createProject serves POST /v1/projects.
func (s *Server) createProject(w http.ResponseWriter, r *request) error {
	var cmd commands.ProjectCreate
	if err := s.readJSON(w, r, &cmd); err != nil {
		return err
	}
	cmd.IdempotencyKey = r.Header.Get("Idempotency-Key")
	project, err := s.Commands.CreateProject(r.Context(), r.principal, cmd)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, project)
}

// listKeys serves GET /v1/keys. No answer ever holds a key's text.
func (s *Server) listKeys(w http.ResponseWriter, r *request) error {
	image, err := s.accessOf(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string][]projections.Key{"keys": image.Keys(r.principal.Project)})
}

// createKey serves POST /v1/keys. Its answer is the only place where the key
// stands.
func (s *Server) createKey(w http.ResponseWriter, r *request) error {
	var cmd commands.KeyCreate
	if err := s.readJSON(w, r, &cmd); err != nil {
		return err
	}
	if cmd.Project == "" {
		cmd.Project = r.principal.Project
	}
	cmd.IdempotencyKey = r.Header.Get("Idempotency-Key")
	key, err := s.Commands.CreateKey(r.Context(), r.principal, cmd)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, key)
}

// revokeKey serves DELETE /v1/keys/:id. When it answers, the key opens nothing.
func (s *Server) revokeKey(w http.ResponseWriter, r *request) error {
	key, err := s.Commands.RevokeKey(r.Context(), r.principal, commands.KeyRevoke{ID: r.params.ByName("id")})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, key)
}
