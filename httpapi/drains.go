package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/errs"
	"dashd/internal/wire"
	"dashd/projections"
)

// Drains is the part of internal/drains.Deliverer that is used here.
type Drains interface {
	// Health is how a drain is doing.
	Health(project string, d projections.Drain) destination.Health
	// Test sends a test event, and returns why it was not taken, "" if it was.
	Test(ctx context.Context, organizationID string, config destination.Config) (failure string)
}

// drainHealth is a destination.Health in JSON.
type drainHealth struct {
	Status         string           `json:"status"`
	LastDeliveryAt projections.Time `json:"lastDeliveryAt"`
	LastError      projections.Text `json:"lastError"` // a class: what a destination answers is its own business
	Cursor         uint64           `json:"cursor"`
	Lag            uint64           `json:"lag"`
	Attempts       int              `json:"attempts"`
	NextAttemptAt  projections.Time `json:"nextAttemptAt"`
}

// drainRow is a drain in answers. How it is doing is known of the present only.
type drainRow struct {
	projections.Drain
	*drainHealth
}

func (s *Server) health(r *request, d projections.Drain) drainHealth {
	h := s.Drains.Health(r.principal.Project, d)
	return drainHealth{
		Status: h.Status, LastDeliveryAt: projections.Time(h.LastDelivery), LastError: projections.Text(h.LastError),
		Cursor: h.Cursor, Lag: h.Lag, Attempts: h.Attempts, NextAttemptAt: projections.Time(h.NextAttempt),
	}
}

func (s *Server) drainRow(r *request, d projections.Drain) drainRow {
	if d.EventTypes == nil {
		d.EventTypes = []string{}
	}
	if r.moment != nil {
		return drainRow{Drain: d}
	}
	h := s.health(r, d)
	return drainRow{d, &h}
}

func drainNotFound() error {
	return errs.New(errs.NotFound, "LOG_DRAIN_NOT_FOUND", "Log drain not found")
}

// listDrains serves GET /dash/organization/log-drains.
func (s *Server) listDrains(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organization := in.idOf("organizationId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	rows := []drainRow{}
	for _, d := range t.Drains(organization) {
		rows = append(rows, s.drainRow(r, d))
	}
	return writeJSON(w, http.StatusOK, rows)
}

// drainStatus serves GET /dash/organization/log-drain/status.
func (s *Server) drainStatus(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organization, id := in.id("organizationId"), in.idOf("logDrainId")
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	d, ok := t.Drain(id)
	if !ok || d.OrganizationID != organization {
		return drainNotFound()
	}
	return writeJSON(w, http.StatusOK, s.health(r, d))
}

// createDrain serves POST /dash/organization/log-drain.
func (s *Server) createDrain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.DrainCreate{
		OrganizationID:  in.id("organizationId"),
		Name:            in.text("name", named),
		DestinationType: in.text("destinationType", oneOf(destination.Types...)),
	}
	if in.ok() && !in.given("eventTypes") {
		in.missing("eventTypes", "array")
	}
	cmd.EventTypes = in.texts("eventTypes", eventType)
	cmd.Enabled = in.flag("enabled", true)
	cmd.Config = in.raw("config")
	if err := in.err(); err != nil {
		return err
	}
	done, id, err := s.Commands.CreateDrain(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.drainDone(w, r, done, id)
}

// named refuses an empty name.
func named(text string) string {
	if text == "" {
		return "Name is required"
	}
	return ""
}

// eventType refuses what a drain cannot ask for.
func eventType(name string) string {
	if destination.ValidEventType(name) {
		return ""
	}
	return oneOf(destination.Categories...)(name)
}

// drainDone answers with the row of a drain that was made or changed.
func (s *Server) drainDone(w http.ResponseWriter, r *request, done commands.Done, id string) error {
	d, ok := done.Tables.Drain(id)
	if !ok { // it was deleted after the call that this one repeats
		return drainNotFound()
	}
	return s.done(w, done, s.drainRow(r, d))
}

// updateDrain serves PATCH /dash/organization/log-drain.
func (s *Server) updateDrain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.DrainUpdate{
		OrganizationID:  in.id("organizationId"),
		ID:              in.idOf("logDrainId"),
		Name:            in.optionalText("name", named),
		DestinationType: in.optionalText("destinationType", oneOf(destination.Types...)),
		EventTypes:      in.texts("eventTypes", eventType),
		Enabled:         in.optionalFlag("enabled"),
		Config:          in.raw("config"),
	}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.UpdateDrain(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.drainDone(w, r, done, cmd.ID)
}

// deleteDrain serves DELETE /dash/organization/log-drain.
func (s *Server) deleteDrain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.DrainDelete{OrganizationID: in.id("organizationId"), ID: in.idOf("logDrainId")}
	if err := in.err(); err != nil {
		return err
	}
	done, err := s.Commands.DeleteDrain(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, success)
}

// replayDrain serves POST /dash/organization/log-drain/replay.
func (s *Server) replayDrain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	cmd := commands.DrainReplay{OrganizationID: in.id("organizationId"), ID: in.idOf("logDrainId")}
	from := in.optionalNumber("fromSeq")
	if from != nil {
		if *from < 1 || *from > maxOffset || *from != float64(uint64(*from)) {
			in.refuse("fromSeq", "expected a whole number of at least 1")
		} else {
			cmd.FromSeq = uint64(*from)
		}
	}
	cmd.Since = in.time("since")
	if (from == nil) == (cmd.Since == nil) {
		in.refuse("", "Provide one of fromSeq and since")
	}
	if err := in.err(); err != nil {
		return err
	}
	done, seq, err := s.Commands.ReplayDrain(r.Context(), r.call(), cmd)
	if err != nil {
		return err
	}
	return s.done(w, done, struct {
		Success bool   `json:"success"`
		FromSeq uint64 `json:"fromSeq"`
	}{true, seq})
}

// time returns an instant, ISO 8601 or ms since 1970, nil if the field is absent.
func (in *input) time(name string) *int64 {
	text, at, ok := in.optional(name, "date")
	if !ok {
		return nil
	}
	kind := kindOf(text)
	if ms, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return &ms
	}
	ms, ok := wire.ParseTime([]byte(strings.Trim(string(text), `"`)))
	if !ok || kind != "string" {
		in.mistyped(at, "date", kind)
		return nil
	}
	return &ms
}

// testDrain serves POST /dash/organization/log-drain/test: of a config, of a stored drain, or of
// a config whose masks stand for what is stored.
func (s *Server) testDrain(w http.ResponseWriter, r *request) error {
	in := s.read(w, r)
	organization, id := in.id("organizationId"), in.optionalID("logDrainId")
	destinationType, config := in.optionalText("destinationType", oneOf(destination.Types...)), in.raw("config")
	if in.ok() && id == "" && destinationType == nil {
		in.missing("destinationType", "string")
	}
	if err := in.err(); err != nil {
		return err
	}
	t, err := s.tables(w, r)
	if err != nil {
		return err
	}
	target, err := s.testTarget(r, t, organization, id, destinationType, config)
	if err != nil {
		return err
	}
	failure := s.Drains.Test(r.Context(), organization, target)
	return writeJSON(w, http.StatusOK, struct {
		Success bool   `json:"success"`
		Error   string `json:"error,omitempty"`
	}{failure == "", failure})
}

// testTarget is the config that a test is about.
func (s *Server) testTarget(r *request, t *projections.Tables, organization, id string, destinationType *string, config []byte) (destination.Config, error) {
	project := r.principal.Project
	if id == "" {
		return s.Commands.DrainConfig(project, *destinationType, config, nil)
	}
	d, ok := t.Drain(id)
	if !ok || d.OrganizationID != organization {
		return destination.Config{}, drainNotFound()
	}
	if destinationType == nil {
		destinationType = &d.DestinationType
	}
	if config == nil {
		return s.Commands.OpenDrain(project, d)
	}
	return s.Commands.DrainConfig(project, *destinationType, config, &d)
}
