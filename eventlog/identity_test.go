package eventlog_test

import (
	"testing"

	"dashd/eventlog"
)

func TestStreamKey(t *testing.T) {
	tests := []struct {
		typ                eventlog.Type
		user, organization string
		want               string
	}{
		{eventlog.UserJoined, "u1", "o1", "u1"},
		{eventlog.UserJoined, "", "o1", "unknown"},
		{eventlog.OrganizationCreated, "u1", "o1", "o1"},
		{eventlog.MemberAdded, "u1", "o1", "o1"},
		{eventlog.TeamMemberAdded, "u1", "o1", "o1"},
		{eventlog.InvitationCreated, "u1", "o1", "o1"},
		{eventlog.OrganizationCreated, "u1", "", "u1"},
		{eventlog.SessionCreated, "u1", "o1", "u1"},
		{eventlog.LoginFailed, "", "", "unknown"},
	}
	for _, tt := range tests {
		e := &eventlog.Event{Type: tt.typ, UserID: tt.user, OrganizationID: tt.organization}
		if got := eventlog.StreamKey(e); got != tt.want {
			t.Errorf("%s of user %q in organization %q is in stream %q, want %q", tt.typ, tt.user, tt.organization, got, tt.want)
		}
	}
}

func TestSameContent(t *testing.T) {
	base := func() *eventlog.Event {
		e := &eventlog.Event{
			ID: "e1", Project: "p", Type: eventlog.UserJoined, Time: 1000, UserID: "u1", SessionID: "s1",
			OrganizationID: "o1", ActorID: "a1", Key: "u1", CountryCode: "DE", GivenID: true, GivenTime: true,
		}
		e.Metadata = []byte(`{"name":"Ada","n":[1,{"a":null,"b":10}]}`)
		e.IPAddress, e.UserAgent = "203.0.113.7", "Mozilla/5.0"
		return e
	}
	tests := []struct {
		name   string
		change func(*eventlog.Event)
		want   bool
	}{
		{"nothing differs", func(*eventlog.Event) {}, true},
		{"the id", func(e *eventlog.Event) { e.ID = "e2" }, false},
		{"the project", func(e *eventlog.Event) { e.Project = "q" }, false},
		{"the type", func(e *eventlog.Event) { e.Type = eventlog.UserDeleted }, false},
		{"the status", func(e *eventlog.Event) { e.Status = eventlog.Failed }, false},
		{"the source", func(e *eventlog.Event) { e.Source = eventlog.SourceAPI }, false},
		{"the user", func(e *eventlog.Event) { e.UserID = "u2" }, false},
		{"the session", func(e *eventlog.Event) { e.SessionID = "" }, false},
		{"the organization", func(e *eventlog.Event) { e.OrganizationID = "o2" }, false},
		{"the actor", func(e *eventlog.Event) { e.ActorID = "" }, false},
		{"the stream", func(e *eventlog.Event) { e.Key = "x" }, false},
		{"the time", func(e *eventlog.Event) { e.Time = 1001 }, false},
		{"the time, which dashd gave", func(e *eventlog.Event) { e.Time, e.GivenTime = 1001, false }, true},
		{"the address", func(e *eventlog.Event) { e.IPAddress = "" }, false},
		{"the user agent", func(e *eventlog.Event) { e.UserAgent = "curl" }, false},
		{"a value of the metadata", func(e *eventlog.Event) { e.Metadata = []byte(`{"name":"Bob","n":[1,{"a":null,"b":10}]}`) }, false},
		{"a value deep in the metadata", func(e *eventlog.Event) { e.Metadata = []byte(`{"name":"Ada","n":[1,{"a":null,"b":11}]}`) }, false},
		{"a field more", func(e *eventlog.Event) { e.Metadata = []byte(`{"name":"Ada","x":1,"n":[1,{"a":null,"b":10}]}`) }, false},
		{"another field with null", func(e *eventlog.Event) { e.Metadata = []byte(`{"name":"Ada","n":[1,{"c":null,"b":10}]}`) }, false},
		{"an element more", func(e *eventlog.Event) { e.Metadata = []byte(`{"name":"Ada","n":[1,{"a":null,"b":10},1]}`) }, false},
		{"text for a number", func(e *eventlog.Event) { e.Metadata = []byte(`{"name":"Ada","n":["1",{"a":null,"b":10}]}`) }, false},
		{"only how the metadata is written", func(e *eventlog.Event) {
			e.Metadata = []byte(`{"n": [1.0, {"b": 1e1, "a": null}], "name": "\u0041da"}`)
		}, true},
		{"the place, the message and the vocabulary", func(e *eventlog.Event) {
			e.CountryCode, e.City, e.Country, e.Message = "", "Berlin", "Germany", "Ada is here"
			e.Shown, e.Salt, e.Sealed = eventlog.SeverityInfo, [16]byte{1}, []byte("box")
			e.Origin = eventlog.Origin{Vocabulary: eventlog.VocabularyImport, Type: "user_created", DisplayName: "x"}
		}, true},
		{"the personal part is erased", func(e *eventlog.Event) { e.Erased, e.Personal = true, eventlog.Personal{} }, true},
		{"the user of an erased one", func(e *eventlog.Event) { e.Erased, e.UserID = true, "u2" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := base(), base()
			tt.change(b)
			if got := eventlog.SameContent(a, b); got != tt.want {
				t.Errorf("SameContent = %v, want %v", got, tt.want)
			}
			if got := eventlog.SameContent(b, a); got != tt.want {
				t.Errorf("SameContent the other way round = %v, want %v", got, tt.want)
			}
		})
	}
}

// Two ids that share a float64 are two ids.
func TestSameContentTellsLargeNumbersApart(t *testing.T) {
	a, b := &eventlog.Event{}, &eventlog.Event{}
	a.Metadata, b.Metadata = []byte(`{"id":12345678901234567890}`), []byte(`{"id":12345678901234567891}`)
	if eventlog.SameContent(a, b) {
		t.Error("SameContent takes two large integers for one")
	}
}
