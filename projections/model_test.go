package projections_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dashd/eventlog"
	"dashd/projections"
)

// model is the dashboard's tables of one project, written down as plainly as can be:
// slices in the order in which the rows were made, looked through from the front. What
// the tables of the projection answer must be what it answers.
type model struct {
	users    []projections.User
	accounts []modelAccount
	sessions []modelSession
	factors  []projections.TwoFactor
	// strangers are those of whom nothing is known but when they were active.
	strangers map[string]projections.Time
	clock     projections.Time // of the newest session
	heard     []string         // the ids of users, in the order in which they were heard of

	organizations []projections.Organization
	members       []projections.Member
	teams         []projections.Team
	teamMembers   []projections.TeamMember
	invitations   []projections.Invitation

	providers   []projections.SSOProvider
	directories []projections.Directory
	drains      []projections.Drain
	positions   []projections.DrainPosition

	deeds []modelDeed
	today int64 // the day on which the newest of them was received
}

func newModel() *model { return &model{strangers: map[string]projections.Time{}} }

// fold applies one event.
func (m *model) fold(rec eventlog.Record) {
	e := &modelEvent{Record: rec, at: projections.Time(rec.Time), meta: readObject(rec.Metadata)}
	e.set = readObject(e.meta["set"])
	e.ours = rec.Origin.Vocabulary == eventlog.VocabularyDashd
	if rec.Status == eventlog.Failed || rec.Project == eventlog.ReservedProject {
		return
	}
	m.foldPeople(e)
	m.foldGroups(e)
	m.foldSettings(e)
	m.foldPresence(e)
}

// modelEvent is an event with its metadata read in the ordinary way.
type modelEvent struct {
	eventlog.Record
	at   projections.Time
	meta modelObject
	set  modelObject
	ours bool
}

type modelObject map[string]json.RawMessage

func readObject(text []byte) modelObject {
	var o modelObject
	if len(text) == 0 || json.Unmarshal(text, &o) != nil {
		return nil
	}
	return o
}

func (o modelObject) has(key string) bool { _, ok := o[key]; return ok }

func (o modelObject) isNull(key string) bool { return string(o[key]) == "null" }

// text is the text under the first of the keys that has any: that of a string, or the digits of a
// number other than 0.
func (o modelObject) text(keys ...string) string {
	for _, key := range keys {
		d := json.NewDecoder(bytes.NewReader(o[key]))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			continue
		}
		switch v := v.(type) {
		case string:
			if v != "" {
				return v
			}
		case json.Number:
			if text, ok := eventlog.AppendText(nil, []byte(v)); ok {
				return string(text)
			}
		}
	}
	return ""
}

// name is text for names: "unknown" is none.
func (o modelObject) name(keys ...string) string {
	for _, key := range keys {
		if text := o.text(key); text != "" && text != "unknown" {
			return text
		}
	}
	return ""
}

// putText, putTime, putFlag and putObject change a column if there is a value that
// fits; null empties it.
func (o modelObject) putText(key string, to *string) {
	var s string
	switch {
	case !o.has(key):
	case o.isNull(key):
		*to = ""
	case json.Unmarshal(o[key], &s) == nil:
		*to = s
	case o.text(key) != "":
		*to = o.text(key)
	}
}

func (o modelObject) putNullable(key string, to *projections.Text) {
	text := string(*to)
	o.putText(key, &text)
	*to = projections.Text(text)
}

func (o modelObject) putTime(key string, to *projections.Time) {
	var text string
	var ms float64
	switch {
	case !o.has(key):
	case o.isNull(key):
		*to = 0
	case json.Unmarshal(o[key], &text) == nil:
		if at, err := time.Parse(time.RFC3339, text); err == nil && at.Year() >= 1 && at.Year() <= 9999 {
			*to = projections.Time(at.UnixMilli())
		}
	case json.Unmarshal(o[key], &ms) == nil:
		if at := time.UnixMilli(int64(ms)).UTC(); at.Year() >= 1 && at.Year() <= 9999 && ms < 1e15 && ms > -1e15 {
			*to = projections.Time(ms)
		}
	}
}

func (o modelObject) putFlag(key string, to *bool) {
	var v any
	if o.has(key) && json.Unmarshal(o[key], &v) == nil {
		if v == nil {
			*to = false
		} else if flag, ok := v.(bool); ok {
			*to = flag
		}
	}
}

func (o modelObject) putObject(key string, to *json.RawMessage) {
	switch {
	case !o.has(key):
	case o.isNull(key):
		*to = nil
	case readObject(o[key]) != nil:
		*to = o[key]
	}
}

func (o modelObject) putTexts(key string, to *[]string) {
	var list []json.RawMessage
	switch {
	case !o.has(key):
	case o.isNull(key):
		*to = nil
	case json.Unmarshal(o[key], &list) == nil:
		*to = nil
		for _, v := range list {
			if text := (modelObject{"v": v}).text("v"); text != "" {
				*to = append(*to, text)
			}
		}
	}
}

func (o modelObject) putNumber(key string, to *uint64) {
	var n uint64
	if o.has(key) && !o.isNull(key) && json.Unmarshal(o[key], &n) == nil {
		*to = n
	}
}

func (o modelObject) objects(key string) []modelObject {
	var list []json.RawMessage
	if json.Unmarshal(o[key], &list) != nil {
		return nil
	}
	var objects []modelObject
	for _, v := range list {
		objects = append(objects, readObject(v))
	}
	return objects
}

// hear notes that there is a user with an id.
func (m *model) hear(id string) {
	if !slices.Contains(m.heard, id) {
		m.heard = append(m.heard, id)
	}
}

// know makes rows for the user and the organization that an event names.
func (m *model) know(e *modelEvent, id, name, email string) {
	if id != "" && m.user(id) == nil && (name != "" || email != "") {
		m.hear(id)
		m.users = append(m.users, projections.User{
			ID: id, Name: name, Email: strings.ToLower(email), CreatedAt: e.at, UpdatedAt: e.at,
			LastActiveAt: m.strangers[id],
		})
	}
	if e.OrganizationID == "" || m.organization(e.OrganizationID) != nil {
		return
	}
	title, slug := e.meta.name("organizationName"), e.meta.name("organizationSlug")
	if title != "" || slug != "" {
		m.organizations = append(m.organizations, projections.Organization{
			ID: e.OrganizationID, Name: title, Slug: slug, CreatedAt: e.at,
		})
	}
}

// whom is the user an event is about: the one that its metadata names, or its own.
func (e *modelEvent) whom(keys ...string) string {
	if id := e.meta.name(keys...); id != "" {
		return id
	}
	if e.UserID == "unknown" {
		return ""
	}
	return e.UserID
}

// find returns the first row that is says is meant, nil if there is none.
func find[R any](rows []R, is func(R) bool) *R {
	for i := range rows {
		if is(rows[i]) {
			return &rows[i]
		}
	}
	return nil
}

// without returns the rows but for those that gone says are gone.
func without[R any](rows []R, gone func(R) bool) []R {
	return slices.DeleteFunc(slices.Clone(rows), gone)
}

// dump writes all tables down, row by row.
func (m *model) dump() string {
	var b strings.Builder
	dumpRows(&b, "user", slices.SortedFunc(slices.Values(m.users), func(a, b projections.User) int {
		return strings.Compare(a.ID, b.ID)
	}))
	dumpRows(&b, "account", m.accounts)
	for _, s := range m.sessions {
		if !s.ended {
			fmt.Fprintf(&b, "session %+v\n", s.Session)
		}
	}
	dumpRows(&b, "factor", m.factors)
	dumpRows(&b, "organization", m.organizations)
	dumpRows(&b, "member", m.members)
	dumpRows(&b, "team", m.teams)
	dumpRows(&b, "place", m.teamMembers)
	dumpRows(&b, "invitation", m.invitations)
	dumpRows(&b, "provider", m.providers)
	dumpRows(&b, "directory", m.directories)
	dumpRows(&b, "drain", m.drains)
	dumpRows(&b, "drain position", m.positions)
	return b.String()
}

func dumpRows[R any](b *strings.Builder, name string, rows []R) {
	for _, r := range rows {
		fmt.Fprintf(b, "%s %+v\n", name, r)
	}
}
