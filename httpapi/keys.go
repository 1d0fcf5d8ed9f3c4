package httpapi

import (
	"net/http"
	"time"

	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// projectJSON is a project in answers.
type projectJSON struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
}

func projectOf(p projections.Project) projectJSON {
	return projectJSON{ID: p.ID, Name: p.Name, CreatedAt: at(p.CreatedAt), CreatedBy: p.CreatedBy}
}

// keyJSON is an API key in answers. Key, the text, is only in the one that made it.
type keyJSON struct {
	ID        string     `json:"id"`
	Project   string     `json:"project"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	CreatedAt time.Time  `json:"createdAt"`
	CreatedBy string     `json:"createdBy"`
	ExpiresAt *time.Time `json:"expiresAt"`
	RevokedAt *time.Time `json:"revokedAt"`
	Key       string     `json:"key,omitempty"`
}

func keyOf(k projections.Key) keyJSON {
	return keyJSON{
		ID: k.ID, Project: k.Project, Name: k.Name, Scopes: k.Scopes, CreatedAt: at(k.CreatedAt), CreatedBy: k.CreatedBy,
		ExpiresAt: optional(k.ExpiresAt), RevokedAt: optional(k.RevokedAt),
	}
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func optional(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := at(ms)
	return &t
}

// listProjects serves GET /v1/projects: all, or the caller's own.
func (s *Server) listProjects(w http.ResponseWriter, r *request) error {
	list := []projectJSON{}
	for _, p := range s.Access.Image().Projects() {
		if r.principal.In(p.ID) {
			list = append(list, projectOf(p))
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"projects": list})
}

// createProject serves POST /v1/projects.
func (s *Server) createProject(w http.ResponseWriter, r *request) error {
	var ask struct{ ID, Name string }
	if err := readJSON(w, r, &ask); err != nil {
		return err
	}
	project, err := s.Commands.CreateProject(r.Context(), r.principal, commands.ProjectCreate{
		ID: ask.ID, Name: ask.Name, IdempotencyKey: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, projectOf(project))
}

// listKeys serves GET /v1/keys. No answer ever holds a key's text.
func (s *Server) listKeys(w http.ResponseWriter, r *request) error {
	list := []keyJSON{}
	for _, k := range s.Access.Image().Keys(r.principal.Project) {
		list = append(list, keyOf(k))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"keys": list})
}

// createKey serves POST /v1/keys. Its answer is the only place where the key
// stands.
func (s *Server) createKey(w http.ResponseWriter, r *request) error {
	var ask struct {
		Project       string
		Name          string
		Scopes        []string
		ExpiresInDays *int // absent: the default; 0: never
	}
	if err := readJSON(w, r, &ask); err != nil {
		return err
	}
	cmd := commands.KeyCreate{
		Project: ask.Project, Name: ask.Name, Scopes: ask.Scopes, IdempotencyKey: r.Header.Get("Idempotency-Key"),
	}
	if cmd.Project == "" {
		cmd.Project = r.principal.Project
	}
	if d := ask.ExpiresInDays; d != nil {
		if *d < 0 || *d > maxKeyDays {
			return errs.New(errs.Invalid, "VALIDATION_ERROR", "[body.expiresInDays] expected 0 (never) to %d", maxKeyDays)
		}
		cmd.Lifetime = time.Duration(*d) * 24 * time.Hour
		if *d == 0 {
			cmd.Lifetime = commands.Forever
		}
	}
	created, err := s.Commands.CreateKey(r.Context(), r.principal, cmd)
	if err != nil {
		return err
	}
	answer := keyOf(created.Key)
	answer.Key = created.Text
	return writeJSON(w, http.StatusOK, answer)
}

// maxKeyDays is a hundred years: what a time.Duration can hold, and nobody needs
// more.
const maxKeyDays = 36_500

// revokeKey serves DELETE /v1/keys/:id. When it answers, the key opens nothing.
func (s *Server) revokeKey(w http.ResponseWriter, r *request) error {
	key, err := s.Commands.RevokeKey(r.Context(), r.principal, r.params.ByName("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, keyOf(key))
}
