package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// dashItem is an event as the plugin reads it.
type dashItem struct {
	Type        string          `json:"eventType"`
	Key         string          `json:"eventKey"`
	DisplayName string          `json:"eventDisplayName"`
	Data        json.RawMessage `json:"eventData"`
	Project     string          `json:"projectId"`
	CreatedAt   time.Time       `json:"createdAt"`
	UpdatedAt   time.Time       `json:"updatedAt"`
	Age         *int            `json:"ageInMinutes"`
	IPAddress   *string         `json:"ipAddress"`
	City        *string         `json:"city"`
	Country     *string         `json:"country"`
	CountryCode *string         `json:"countryCode"`
}

// dashPage is an answer to the plugin.
type dashPage struct {
	Events []dashItem  `json:"events"`
	Total  json.Number `json:"total"`
	Limit  json.Number `json:"limit"`
	Offset json.Number `json:"offset"`
}

// captured are the bodies that the plugin was seen to send.
func captured(t testing.TB) []json.RawMessage {
	t.Helper()
	files, err := os.ReadDir("testdata/captured")
	if err != nil {
		t.Fatal(err)
	}
	var bodies []json.RawMessage
	kinds := 0
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "event-") {
			continue
		}
		type exchange struct {
			Request struct{ Body json.RawMessage }
		}
		var capture struct {
			exchange
			Variants []exchange
		}
		if err := json.Unmarshal(readFile(t, "captured", f.Name()), &capture); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		kinds++
		for _, e := range append(capture.Variants, capture.exchange) {
			bodies = append(bodies, e.Request.Body)
		}
	}
	if kinds != 37 {
		t.Fatalf("%d captured types of events, want 37", kinds)
	}
	return bodies
}

// What the plugin sent comes back as it was sent, wherever it reads.
func TestCapturedEventsComeBack(t *testing.T) {
	d := start(t)
	for i, body := range captured(t) {
		project := fmt.Sprintf("capture-%d", i)
		key := d.project(project)
		before := time.UnixMilli(d.now())
		a := d.call("POST", "/events/track", key, []byte(body))
		if a.status != http.StatusOK || string(a.body) != `{"success":true}` {
			t.Fatalf("track: %d %s\n%s", a.status, a.body, body)
		}
		var sent dashItem
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Fatal(err)
		}
		paths := []string{"/events/user?userId=" + url.QueryEscape(sent.Key)}
		var data struct{ OrganizationID string }
		if err := json.Unmarshal(sent.Data, &data); err != nil {
			t.Fatal(err)
		}
		if data.OrganizationID != "" {
			paths = append(paths, "/events/organization?organizationId="+data.OrganizationID,
				"/events/activity?organizationIds=another,"+data.OrganizationID,
				"/events/activity?organizationIds="+data.OrganizationID+"&eventType="+sent.Type)
		}
		for _, path := range paths {
			page := get[dashPage](d, path, key)
			if len(page.Events) != 1 || page.Total != "1" || page.Limit != "50" || page.Offset != "0" {
				t.Fatalf("%s: %+v", path, page)
			}
			compareItem(t, path, page.Events[0], sent, project, before)
		}
	}
}

func compareItem(t *testing.T, path string, got, sent dashItem, project string, before time.Time) {
	t.Helper()
	text := func(p *string) string {
		if p == nil {
			return "null"
		}
		return *p
	}
	if !sameJSON(t, got.Data, sent.Data) {
		t.Errorf("%s: eventData\n got %s\nwant %s", path, got.Data, sent.Data)
	}
	for _, f := range []struct{ name, got, want string }{
		{"eventType", got.Type, sent.Type},
		{"eventKey", got.Key, sent.Key},
		{"eventDisplayName", got.DisplayName, sent.DisplayName},
		{"projectId", got.Project, project},
		{"ipAddress", text(got.IPAddress), text(sent.IPAddress)},
		{"city", text(got.City), text(sent.City)},
		{"country", text(got.Country), text(sent.Country)},
	} {
		if f.got != f.want {
			t.Errorf("%s: %s = %q, want %q", path, f.name, f.got, f.want)
		}
	}
	if sent.CountryCode != nil && text(got.CountryCode) != text(sent.CountryCode) {
		t.Errorf("%s: countryCode = %s, want %s", path, text(got.CountryCode), text(sent.CountryCode))
	}
	if got.CreatedAt.Before(before) || !got.UpdatedAt.Equal(got.CreatedAt) || got.Age == nil || *got.Age != 0 {
		t.Errorf("%s: created %v, updated %v, age %v; sent after %v", path, got.CreatedAt, got.UpdatedAt, got.Age, before)
	}
}

func TestTrackKeepsDataAsItIs(t *testing.T) {
	d := start(t)
	for i, data := range []string{
		`{}`,
		`{"n":1.0,"big":12345678901234567890,"small":1e-7,"neg":-0,"exp":1E+2}`,
		`{"text":"päßword ünïcode 漢字 \u2028 😀 \"quoted\" \\ / \u0000","empty":"","null":null,"yes":true}`,
		`{"deep":{"a":[1,[2,{"b":[]}],{}]},"":"no name","a b":"c"}`,
		`{"userId":"u","userid":5,"organizationId":null,"triggeredBy":""}`,
	} {
		body := fmt.Sprintf(`{"eventType":"user_created","eventKey":"k%d","eventDisplayName":"x","eventData":%s}`, i, data)
		if a := d.call("POST", "/events/track", d.root, body); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", data, a.status, a.body)
		}
		page := get[dashPage](d, fmt.Sprintf("/events/user?userId=k%d", i), d.root)
		if len(page.Events) != 1 || !sameJSON(t, page.Events[0].Data, []byte(data)) {
			t.Errorf("sent %s, got %+v", data, page)
		}
	}
}

func TestTrackedTwiceIsTwoEvents(t *testing.T) {
	d := start(t)
	const body = `{"eventType":"user_sign_in_failed","eventKey":"unknown","eventDisplayName":"User sign-in attempt failed","eventData":{"userEmail":"m@example.com"}}`
	for range 2 {
		if a := d.call("POST", "/events/track", d.root, body, "Content-Type", "text/plain"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if page := get[dashPage](d, "/events/user?userId=unknown", d.root); page.Total != "2" {
		t.Errorf("total %s, want 2", page.Total)
	}
}

func TestTrackOfBadInputIsTheClientsFault(t *testing.T) {
	d := start(t)
	head := d.node.Store.Head()
	const event = `{"eventType":"user_created","eventKey":"u","eventDisplayName":"x","eventData":{}}`
	for _, tt := range []struct {
		name, body, code string
		status           int
	}{
		{"nothing", ``, "INVALID_JSON", 400},
		{"no JSON", `not json`, "INVALID_JSON", 400},
		{"half of it", event[:40], "INVALID_JSON", 400},
		{"two of them", event + event, "INVALID_JSON", 400},
		{"a list", `[` + event + `]`, "INVALID_JSON", 400},
		{"null", `null`, "INVALID_JSON", 400},
		{"no UTF-8", strings.Replace(event, `"u"`, "\"\xff\"", 1), "INVALID_EVENT", 400},
		{"no type", `{"eventKey":"u","eventData":{}}`, "INVALID_EVENT", 400},
		{"an empty type", `{"eventType":"","eventKey":"u","eventData":{}}`, "INVALID_EVENT", 400},
		{"no key", `{"eventType":"user_created","eventData":{}}`, "INVALID_EVENT", 400},
		{"a number for a key", `{"eventType":"user_created","eventKey":5,"eventData":{}}`, "INVALID_EVENT", 400},
		{"data that is a list", `{"eventType":"user_created","eventKey":"u","eventData":[]}`, "INVALID_EVENT", 400},
		{"too much data", strings.Replace(event, `{}`, `{"x":"`+strings.Repeat("x", 70<<10)+`"}`, 1), "METADATA_TOO_LARGE", 413},
		{"too large a body", strings.Repeat(" ", 200<<10) + event, "TOO_LARGE", 413},
		{"nested too deep", strings.Replace(event, `{}`, strings.Repeat(`{"a":`, 100)+"1"+strings.Repeat("}", 100), 1), "METADATA_TOO_LARGE", 413},
		{"nested beyond reason", strings.Repeat("[", 100_000), "INVALID_JSON", 400},
		{"a reserved type", strings.Replace(event, "user_created", "dashd.key.created", 1), "RESERVED_TYPE", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := d.call("POST", "/events/track", d.root, tt.body)
			a.wantError(t, tt.status, tt.code)
		})
	}
	if d.node.Store.Head() != head {
		t.Error("something of that was stored")
	}
	d.call("POST", "/events/track", d.root, event, "Content-Encoding", "br").wantError(t, 400, "UNSUPPORTED_ENCODING")
	d.call("POST", "/events/track", d.root, event, "Content-Encoding", "gzip").wantError(t, 400, "INVALID_BODY")
	d.call("POST", "/events/track", d.root, event, "Content-Encoding", "zstd").wantError(t, 400, "INVALID_BODY")
}
