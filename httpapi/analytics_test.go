package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dashd/eventlog"
)

// Ada, a member of acme, joined and was there long ago; edsger, who is nowhere, came back once.
func visited(t *testing.T) *office {
	o := openOffice(t)
	set := func(at string) string { return fmt.Sprintf(`{"set":{"createdAt":%q,"lastActiveAt":%q}}`, at, at) }
	begin := func(user, session, at, country, city string) eventlog.Event {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		return o.event(eventlog.Event{
			Type: "session_created", UserID: user, SessionID: session, Time: when.UnixMilli(), GivenTime: true,
			CountryCode: country, Personal: eventlog.Personal{City: city},
		}, `{}`)
	}
	o.tellAll(
		o.event(eventlog.Event{Type: "profile_updated", UserID: "ada"}, set("2024-02-28T12:00:00.000Z")),
		o.event(eventlog.Event{Type: "profile_updated", UserID: "edsger"}, set("2024-02-29T00:00:00.000Z")),
		begin("ada", "a1", "2024-02-28T12:00:00Z", "DE", "Berlin"),
		begin("ada", "a2", "2024-02-29T23:59:59Z", "FR", "Paris"),
		begin("edsger", "e1", "2024-02-29T12:00:00Z", "NL", "Delft"),
		begin("edsger", "e2", "2024-03-01T12:00:00Z", "DE", "Berlin"),
	)
	return o
}

// part walks to a value in an answer.
func part(v any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			v = v.(map[string]any)[key]
		case int:
			v = v.([]any)[key]
		}
	}
	return v
}

func TestFiguresOfATimeAnOrganizationAndASource(t *testing.T) {
	o := visited(t)
	for _, tt := range []struct {
		name, query string
		path        []any
		want        string
	}{
		{
			"stats of a range, compared with the one before it",
			"/dash/stats?period=daily&source=sessions&since=2024-02-29T00:00:00Z&until=2024-03-01T00:00:00Z", nil,
			`{"daily":{"signUps":1,"percentage":0},"total":2,"activeUsers":{"daily":{"active":2,"percentage":100}},
			"range":{"since":"2024-02-29T00:00:00.000Z","until":"2024-03-01T00:00:00.000Z","signUps":1,"percentage":0,"active":2,"activePercentage":100}}`,
		},
		{
			"stats of an organization",
			"/dash/stats?period=daily&until=2024-03-01T00:00:00Z&organizationId={acme}", nil,
			`{"daily":{"signUps":0,"percentage":-100},"total":1,"activeUsers":{"daily":{"active":1,"percentage":0}}}`,
		},
		{
			"as many points as fit behind since",
			"/dash/graph?source=sessions&since=2024-02-27T23:59:59.999Z&until=2024-03-01T00:00:00Z",
			[]any{"data"},
			`[{"date":"2024-02-29T00:00:00.000Z","label":"Thu","totalUsers":2,"newUsers":2,"activeUsers":1},
			{"date":"2024-03-01T00:00:00.000Z","label":"Fri","totalUsers":2,"newUsers":0,"activeUsers":2}]`,
		},
		{
			"none fits",
			"/dash/graph?since=2024-02-29T00:00:00.001Z&until=2024-03-01T00:00:00Z",
			[]any{"data"},
			`[]`,
		},
		{
			"events of a user who has no session any more",
			"/dash/graph?source=events&since=1709164800000&until=1709251200000",
			[]any{"data", 0, "activeUsers"},
			`2`,
		},
		{
			"cohorts that begin at since or later",
			"/dash/retention?period=daily&source=sessions&since=2024-02-28&until=2024-02-29T10:00:00Z",
			[]any{"data"},
			`[{"n":1,"label":"D1","cohortStart":"2024-02-28T00:00:00.000Z","cohortEnd":"2024-02-29T00:00:00.000Z",
			"activeStart":"2024-02-29T00:00:00.000Z","activeEnd":"2024-03-01T00:00:00.000Z","cohortSize":1,"retained":1,"retentionRate":100}]`,
		},
		{
			"lastActiveAt, of which there is one",
			"/dash/retention?period=daily&source=lastActiveAt&since=2024-02-28&until=2024-02-29T10:00:00Z",
			[]any{"data", 0, "retained"},
			`1`,
		},
		{"the map of all", "/dash/map", []any{"total"}, `4`},
		{"the map of a time", "/dash/map?since=2024-02-29T12:00:00Z&until=2024-03-01T12:00:00Z", []any{"total"}, `2`},
		{"the map of an organization", "/dash/map?organizationId={acme}", []any{"total"}, `2`},
		{"the map of an organization that is not there", "/dash/map?organizationId=nowhere", []any{"users"}, `0`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := part(decode[any](t, o.ask("GET", tt.query, ""), http.StatusOK), tt.path...)
			var want any
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) { // maps are printed in the order of their keys
				t.Errorf("%s\n got %v\nwant %v", tt.query, got, want)
			}
		})
	}
}

func TestFiguresThatAreRefused(t *testing.T) {
	o := openOffice(t)
	tooMany := func(what string) string {
		return "[query.since] there would be more than 1000 " + what + ": choose a later time or a longer period"
	}
	early := "[query.since] expected a time before that of until, or before now"
	var tests []refused
	for _, tt := range []struct{ name, path, message string }{
		{"no time", "/dash/graph?since=soon", "[query.since] expected an ISO 8601 time or milliseconds since 1970"},
		{"a time without a form", "/dash/stats?until=999999999999999", "[query.until] expected a time of the years 1 to 9999"},
		{"since at until", "/dash/stats?since=1000&until=1000", early},
		{"since after now", "/dash/retention?since=2100-01-01", early},
		{"too many points", "/dash/graph?period=daily&since=0&until=2026-01-01", tooMany("points")},
		{"too many cohorts", "/dash/retention?period=daily&since=0&until=2026-01-01", tooMany("cohorts")},
		{"no such source", "/dash/graph?source=rumours", `[query.source] Invalid option: expected one of "sessions"|"lastActiveAt"|"events"`},
		{"no such period", "/dash/stats?period=hourly", `[query.period] Invalid option: expected one of "daily"|"weekly"|"monthly"`},
		{"an id that is too long", "/dash/map?organizationId=" + strings.Repeat("x", 256), "[query.organizationId] " + tooLong},
	} {
		tests = append(tests, refused{tt.name, "GET", tt.path, "", http.StatusBadRequest, tt.message, ""})
	}
	o.wantRefusals(t, tests)
}
