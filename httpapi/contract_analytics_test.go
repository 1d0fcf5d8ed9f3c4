package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"dashd/httpapi"
)

var analyticsContracts = []contract{
	{file: "get-dash-stats", build: figures, settings: tracking},
	{file: "get-dash-graph", build: figures, settings: tracking},
	{file: "get-dash-retention", build: figures, settings: tracking},
	{file: "get-dash-map", build: travels},
}

var analyticsDeviations = []exception{
	{"get-dash-stats", 2, "body.activeUsers.*.*: number, captured null", "analytics 7: a count of tables in memory cannot fail"},
	{"get-dash-stats", 2, "body.degraded: missing", "analytics 7: a count of tables in memory cannot fail"},
	{"get-dash-map", every, "body.users: added", "analytics 5"},
	{"get-dash-map", every, "body.countries[].latitude: added", "dashd: where its label stands"},
	{"get-dash-map", every, "body.countries[].longitude: added", "dashd: where its label stands"},
}

// tracking switches the tracking of activity on for those that were recorded so.
func tracking(x *exchange) []with {
	if !strings.Contains(x.Case, "lastActiveAt") {
		return nil
	}
	return []with{func(o *httpapi.Options, _ *http.Server) { o.Settings.ActivityTracking = true }}
}

// figures makes the users and sessions of a recorded data set.
func figures(s *scene, x *exchange) {
	if x.Dataset == "" {
		return
	}
	text, err := os.ReadFile(filepath.Join("testdata", "analytics", x.Dataset))
	if err != nil {
		s.t.Fatal(err)
	}
	var data struct {
		Users []struct {
			ID           string
			CreatedAt    string
			LastActiveAt *string
		}
		Sessions []struct{ UserID, UpdatedAt string }
	}
	if err := json.Unmarshal(text, &data); err != nil {
		s.t.Fatal(err)
	}
	var events []any
	for i, session := range data.Sessions {
		events = append(events, told{"type": "session.created", "userId": session.UserID, "sessionId": fmt.Sprint("s", i), "timestamp": session.UpdatedAt})
	}
	for _, u := range data.Users {
		events = append(events, told{"type": "user.joined", "userId": u.ID, "timestamp": u.CreatedAt, "metadata": told{
			"userId": u.ID, "userEmail": u.ID + "@example.com", "set": told{"lastActiveAt": u.LastActiveAt},
		}})
	}
	s.tell(events...)
}

// travels makes the sessions that the recorded map was drawn from.
func travels(s *scene, x *exchange) {
	if !strings.Contains(x.Note, "Berlin") {
		return
	}
	_, list, _ := strings.Cut(x.Note, ": ")
	for i, entry := range strings.Split(list, ", ") {
		user, place, _ := strings.Cut(entry, " ")
		country, city, _ := strings.Cut(place, "/")
		event := told{"eventType": "session_created", "eventKey": user, "eventDisplayName": "Session created", "eventData": told{
			"userId": user, "userName": user, "userEmail": user + "@example.com", "sessionId": fmt.Sprint("s", i),
		}}
		for name, v := range map[string]string{"countryCode": country, "city": city} {
			if v != "-" {
				event[name] = v
			}
		}
		s.must("POST", "/events/track", jsonOf(event))
	}
	s.folded()
}
