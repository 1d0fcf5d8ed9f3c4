package commands

import (
	"bytes"
	"encoding/json"

	"dashd/eventlog"
	"dashd/projections"
)

// data is a JSON object: names and values in turn.
type data []any

// json is the text of d. A value is anything encoding/json takes.
func (d data) json() []byte {
	var text bytes.Buffer
	values := json.NewEncoder(&text)
	values.SetEscapeHTML(false) // it is for programs, and may be large
	text.WriteByte('{')
	for i, v := range d {
		if err := values.Encode(v); err != nil {
			panic(err) // values are strings, numbers, flags, and lists and maps of them
		}
		text.Truncate(text.Len() - 1) // the line break
		text.WriteByte(",:"[(i+1)%2])
	}
	text.Truncate(max(text.Len()-1, 1))
	text.WriteByte('}')
	return text.Bytes()
}

// MarshalJSON makes a value of another object of d.
func (d data) MarshalJSON() ([]byte, error) { return d.json(), nil }

// nullable is a text as a value of d that takes away what was there if it is empty.
func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// fact makes an event of a project's log, about what the caller names in it. more is
// what its readers see, in the words of the dash plugin; set is what it changes in
// the row it is about, by the row's own names: null takes a value away.
func (c *Commands) fact(call Call, t eventlog.Type, more, set data) eventlog.Event {
	more = append(more, "triggeredBy", call.Actor, "triggerContext", "dashboard")
	if len(set) > 0 {
		more = append(more, "set", set)
	}
	return eventlog.Event{
		Project: call.Project,
		Type:    t,
		Time:    c.o.Now(),
		Status:  eventlog.Success,
		Source:  eventlog.SourceAPI,
		ActorID: call.Actor,
		Personal: eventlog.Personal{
			Metadata: more.json(),
			Origin:   eventlog.Origin{Vocabulary: eventlog.VocabularyDashd},
		},
	}
}

// aboutUser makes an event of a user's stream.
func (c *Commands) aboutUser(call Call, t eventlog.Type, u projections.User, more, set data) eventlog.Event {
	e := c.fact(call, t, append(data{"userId", u.ID, "userName", u.Name, "userEmail", u.Email}, more...), set)
	e.UserID, e.Key = u.ID, u.ID
	return e
}

// aboutOrganization makes an event of an organization's stream.
func (c *Commands) aboutOrganization(call Call, t eventlog.Type, o projections.Organization, more, set data) eventlog.Event {
	head := data{"organizationId", o.ID, "organizationSlug", o.Slug, "organizationName", o.Name}
	e := c.fact(call, t, append(head, more...), set)
	e.OrganizationID, e.Key = o.ID, o.ID
	return e
}
