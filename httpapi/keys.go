package httpapi

import (
	"net/http"

	"dashd/internal/commands"
	"dashd/internal/errs"
)

// listProjects serves GET /v1/projects.
func (s *Server) listProjects(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, map[string]any{"projects": s.Access.Image().Projects()})
}

// createProject serves POST /v1/projects.
func (s *Server) createProject(w http.ResponseWriter, r *request) error {
	var c commands.ProjectCreate
	if err := readJSON(w, r, &c); err != nil {
		return err
	}
	c.IdempotencyKey = r.Header.Get("Idempotency-Key")
	project, err := s.Commands.CreateProject(r.Context(), r.principal, c)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, project)
}

// listKeys serves GET /v1/keys: the keys of the caller's project, or of the one
// it names if the caller may manage projects. No answer ever holds a key's text.
func (s *Server) listKeys(w http.ResponseWriter, r *request) error {
	project, err := keyProject(r, r.URL.Query().Get("project"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"keys": s.Access.Image().Keys(project)})
}

// createKey serves POST /v1/keys. Its answer is the only place where the key
// stands.
func (s *Server) createKey(w http.ResponseWriter, r *request) error {
	var c commands.KeyCreate
	if err := readJSON(w, r, &c); err != nil {
		return err
	}
	var err error
	if c.Project, err = keyProject(r, c.Project); err != nil {
		return err
	}
	c.IdempotencyKey = r.Header.Get("Idempotency-Key")
	created, err := s.Commands.CreateKey(r.Context(), r.principal, c)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, created)
}

// revokeKey serves DELETE /v1/keys/:id. When it answers, the key opens nothing.
func (s *Server) revokeKey(w http.ResponseWriter, r *request) error {
	c := commands.KeyRevoke{ID: r.params.ByName("id"), IdempotencyKey: r.Header.Get("Idempotency-Key")}
	if !r.principal.Can(string(projectsAll)) {
		c.Project = r.principal.Project
	}
	key, err := s.Commands.RevokeKey(r.Context(), r.principal, c)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, key)
}

// keyProject is the project whose keys a request is about: the caller's own
// unless he may manage all.
func keyProject(r *request, asked string) (string, error) {
	switch {
	case asked == "" || asked == r.principal.Project:
		return r.principal.Project, nil
	case r.principal.Can(string(projectsAll)):
		return asked, nil
	}
	return "", errs.New(errs.Forbidden, "FORBIDDEN", "this key may not manage the keys of another project")
}
