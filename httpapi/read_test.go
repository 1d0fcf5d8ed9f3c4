package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog"
)

// The five events of the contract: ids not in order of time, two at one time.
const fiveEvents = `{"id":"e5","timestamp":"2025-06-01T10:00:00.000Z","type":"user.joined","userId":"u1"}
{"id":"e1","timestamp":"2025-06-01T10:00:01.000Z","type":"session.created","userId":"u1"}
{"id":"e9","timestamp":"2025-06-01T10:00:02.000Z","type":"user.logged_in","userId":"u2","status":"failed"}
{"id":"e3","timestamp":"2025-06-01T10:00:02.000Z","type":"user.logged_in","userId":"u2"}
{"id":"e7","timestamp":"2025-06-01T10:00:03.000Z","type":"organization.created","userId":"u1"}
`

func (d *daemon) five() {
	d.t.Helper()
	if a := d.call("POST", "/ingest/events", d.root, fiveEvents); a.status != http.StatusOK {
		d.t.Fatalf("%d %s", a.status, a.body)
	}
}

// The worked examples of the contract, and those of what it adds to the seed.
func TestQueryExamples(t *testing.T) {
	d := start(t)
	d.five()
	for _, tt := range []struct {
		query, events string
		more          bool
		next          string
		total         uint64
	}{
		{"", "e7 e3 e9 e1 e5", false, "", 5},
		{"limit=2", "e7 e3", true, "e3", 5},
		{"limit=2&after=e3", "e9 e1", true, "e1", 5},
		{"limit=2&after=e1", "e5", false, "", 5},
		{"limit=2&after=e5", "", false, "", 5},
		{"limit=5", "e7 e3 e9 e1 e5", false, "", 5},
		{"sort=asc&limit=3", "e5 e1 e9", true, "e9", 5},
		{"sort=asc&limit=3&after=e9", "e3 e7", false, "", 5},
		{"offset=1&limit=2&after=e3", "e3 e9", true, "e9", 5},
		{"offset=0&limit=2&after=e3", "e7 e3", true, "e3", 5},
		{"offset=9", "", false, "", 5},
		{"type=user.logged_in", "e3 e9", false, "", 2},
		{"type=user_signed_in", "e3 e9", false, "", 2},
		{"userId=u1&limit=1", "e7", true, "e7", 3},
		{"userId=u1&after=e3", "e1 e5", false, "", 3},
		{"since=2025-06-01T10:00:02Z", "e7 e3 e9", false, "", 3},
		{"status=failed", "e9", false, "", 1},

		{"until=2025-06-01T10:00:02Z", "e1 e5", false, "", 2},
		{"since=1748772002000&until=1748772003000", "e3 e9", false, "", 2},
		{"order=seq&sort=asc", "e5 e1 e9 e3 e7", false, "", 5},
		{"type=user.*", "e3 e9 e5", false, "", 3},
		{"type=user.*,session.created", "e3 e9 e1 e5", false, "", 4},
		{"type=user_sign_in_failed", "e9", false, "", 1},
		{"severity=success", "e7 e3 e1 e5", false, "", 4},
		{"severity=failed,warning", "e9", false, "", 1},
		{"status=failed,success", "e7 e3 e9 e1 e5", false, "", 5},
		{"source=api", "", false, "", 0},
		{"origin=api&limit=2", "e7 e3", true, "e3", 5},
		{"origin=dash,studio", "", false, "", 0},
		{"q=LOGGED", "e3 e9", false, "", 2},
		{"q=e7", "e7", false, "", 1},
		{"limit=1000000&offset=3", "e1 e5", false, "", 5},
		{"offset=99999999999999999999", "", false, "", 5},
		{"limit=&after=&type=", "e7 e3 e9 e1 e5", false, "", 5},
	} {
		for _, path := range []string{"/v1/events?", "/api/events?"} {
			page := get[nativePage](d, path+tt.query, d.root)
			var ids []string
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
			next := ""
			if page.NextCursor != nil {
				next = *page.NextCursor
			}
			if strings.Join(ids, " ") != tt.events || page.HasMore == nil || *page.HasMore != tt.more || next != tt.next || page.Total != tt.total {
				t.Errorf("%s%s: %v, hasMore %v, nextCursor %q, total %d\nwant %s, %v, %q, %d",
					path, tt.query, ids, *page.HasMore, next, page.Total, tt.events, tt.more, tt.next, tt.total)
			}
		}
	}
	for query, want := range map[string]eventlog.Stats{
		"":              {Total: 5, Success: 4, Failed: 1},
		"userId=u2":     {Total: 2, Success: 1, Failed: 1},
		"status=failed": {Total: 1, Failed: 1},
		"limit=1":       {Total: 5, Success: 4, Failed: 1},
	} {
		for _, path := range []string{"/v1/events/stats?", "/api/events/count?"} {
			if got := get[eventlog.Stats](d, path+query, d.root); got != want {
				t.Errorf("%s%s = %+v, want %+v", path, query, got, want)
			}
		}
	}
}

func TestQueryIsStrict(t *testing.T) {
	d := start(t)
	d.five()
	for _, query := range []string{
		"limit=0", "limit=-1", "limit=2.5", "limit=NaN", "limit=ten", "limit=+5", "limit=1e3", "offset=-1", "offset=x",
		"sort=up", "order=id", "status=ok", "severity=bad", "source=web", "origin=mars", "ip=999.1.1.1",
		"type=No!", "since=yesterday", "until=2025-13-01", "status=success,", "%zz=1",
	} {
		a := d.call("GET", "/v1/events?"+query, d.root, nil)
		if query == "status=success," { // an empty element says nothing
			decode[nativePage](t, a, http.StatusOK)
			continue
		}
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for _, cursor := range []string{"nope", "e55", "%00", strings.Repeat("x", 5000), "01890000-0000-7000-8000-000000000000"} {
		for _, path := range []string{"/v1/events", "/api/events", "/events/list"} {
			d.call("GET", path+"?after="+cursor, d.root, nil).wantError(t, http.StatusBadRequest, "INVALID_CURSOR")
		}
	}
	// An event of another project is none.
	d.call("GET", "/v1/events?after=e3", d.project("other"), nil).wantError(t, http.StatusBadRequest, "INVALID_CURSOR")
}

// Following the cursors from page to page visits each event once, in order, however
// many there are at one time.
func TestCursorsVisitEverything(t *testing.T) {
	d := start(t)
	key := d.project("cursors")
	var body strings.Builder
	for i := range 100 {
		fmt.Fprintf(&body, "{\"type\":\"user.joined\",\"timestamp\":%d}\n", 1748772000000+int64(i*7%10))
	}
	if a := d.call("POST", "/ingest/events", key, body.String()); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, order := range []string{"sort=desc", "sort=asc", "order=seq", "order=seq&sort=asc"} {
		var want, got []string
		for _, e := range get[nativePage](d, "/v1/events?limit=100&"+order, key).Events {
			want = append(want, e.ID)
		}
		for cursor := ""; ; {
			page := get[nativePage](d, "/v1/events?limit=7&"+order+"&after="+cursor, key)
			for _, e := range page.Events {
				got = append(got, e.ID)
			}
			if page.NextCursor == nil {
				break
			}
			cursor = *page.NextCursor
		}
		if len(want) != 100 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: visited %d events of %d", order, len(got), len(want))
		}
	}
}

// The plugin hands on its caller's numbers as they are.
func TestOddNumbersOfThePlugin(t *testing.T) {
	d := start(t)
	for i := range 130 {
		d.append(eventlog.Event{Project: "default", Type: "user.joined", Key: "u", UserID: "u", OrganizationID: "o", ID: fmt.Sprint("n", i), GivenID: true})
	}
	for _, tt := range []struct {
		limit, offset    string
		wantLimit, wantO string
		events           int
	}{
		{"NaN", "NaN", "50", "0", 50},
		{"abc", "xyz", "50", "0", 50},
		{"2.5", "1.9", "2", "1", 2},
		{"100", "Infinity", "100", "0", 100},
		{"Infinity", "-Infinity", "50", "0", 50},
		{"-1", "-1", "1", "0", 1},
		{"0", "0", "1", "0", 1},
		{"0.4", "-0.4", "1", "0", 1},
		{"1000", "125", "100", "125", 5},
		{"1e1", "1e2", "10", "100", 10},
		{"10", "1e+23", "10", "9007199254740992", 0},
		{"10", "1e400", "10", "0", 10},
		{"0x10", "1_0", "50", "0", 50},
		{" 3 ", "", "3", "0", 3},
		{"", "", "50", "0", 50},
	} {
		q := url.Values{"limit": {tt.limit}, "offset": {tt.offset}}.Encode()
		plain := "limit=" + strings.ReplaceAll(tt.limit, " ", "") + "&offset=" + tt.offset // a plus sign not escaped
		for _, path := range []string{"/events/user?userId=u&", "/events/organization?organizationId=o&", "/events/activity?organizationIds=x,o&", "/events/list?", "/events/audit-logs?"} {
			for _, q := range []string{q, plain} {
				page := get[dashPage](d, path+q, d.root)
				if page.Limit.String() != tt.wantLimit || page.Offset.String() != tt.wantO || len(page.Events) != tt.events || page.Total != "130" {
					t.Errorf("%s%s: %d events, total %s, limit %s, offset %s", path, q, len(page.Events), page.Total, page.Limit, page.Offset)
				}
			}
		}
	}
}

func TestDashReadsAskForWhatTheyNeed(t *testing.T) {
	d := start(t)
	for _, tt := range []struct{ path, name string }{
		{"/events/user", "userId"},
		{"/events/user?userId=", "userId"},
		{"/events/organization?userId=u", "organizationId"},
		{"/events/activity?userId=u", "organizationIds"},
		{"/events/activity?organizationIds=,%20,", "organizationIds"},
	} {
		a := d.call("GET", tt.path, d.root, nil)
		a.wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if !strings.Contains(string(a.body), "[query."+tt.name+"] Invalid input: expected string, received undefined") {
			t.Errorf("%s: %s", tt.path, a.body)
		}
	}
	for _, path := range []string{"/events/user?userId=nobody", "/events/organization?organizationId=none", "/events/activity?organizationIds=none"} {
		if a := d.call("GET", path, d.root, nil); string(a.body) != `{"events":[],"total":0,"limit":50,"offset":0}` || a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// Newest first by the order of arrival, whatever time the events name.
func TestDashReadsFollowTheLog(t *testing.T) {
	d := start(t)
	var want []string
	for i := range 20 {
		d.append(eventlog.Event{
			Project: "default", Type: "user.joined", Key: "u", ID: fmt.Sprint("f", i), GivenID: true,
			Time: int64(1748772000000 + i*7919%20), GivenTime: true,
		})
		want = append([]string{fmt.Sprint("f", i)}, want...)
	}
	// The plugin's items carry no id; the list's do, and the order is told by the times.
	var got, times []string
	for offset := 0; offset < 20; offset += 6 {
		for _, e := range get[dashPage](d, fmt.Sprint("/events/user?userId=u&limit=6&offset=", offset), d.root).Events {
			times = append(times, fmt.Sprint(e.CreatedAt.UnixMilli()-1748772000000))
		}
	}
	for i := range times {
		if times[i] != fmt.Sprint((19-i)*7919%20) {
			t.Fatalf("times in order of the answers: %v", times)
		}
	}
	for _, e := range get[nativePage](d, "/v1/events?order=seq", d.root).Events {
		got = append(got, e.ID)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("order=seq: %v", got)
	}
}

// Whatever vocabulary an event came in, and whichever it is asked for in: the
// answer is in the one that was asked for, because the plugin filters once more.
func TestTypesAnswerInTheVocabularyAsked(t *testing.T) {
	d := start(t)
	track := func(eventType, data string) {
		t.Helper()
		a := d.call("POST", "/events/track", d.root, fmt.Sprintf(`{"eventType":%q,"eventKey":"o","eventDisplayName":"x","eventData":%s}`, eventType, data))
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", eventType, a.status, a.body)
		}
	}
	track("user_signed_in", `{}`)
	track("user_sign_in_failed", `{}`)
	track("account_linked", `{"providerId":"credential"}`)
	track("account_linked", `{"providerId":"github"}`)
	track("organization_member_invite_canceled", `{}`)
	track("security_signal", `{"type":"geo_blocked","action":"blocked"}`)
	track("Brand New! Type", `{}`)
	if a := d.call("POST", "/ingest/events", d.root, `[{"type":"user.logged_in","organizationId":"o"},{"type":"user.logged_in","organizationId":"o","status":"failed"}]`); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for name, want := range map[string]string{
		"user_signed_in":                      "3",
		"user.logged_in":                      "3",
		"user_sign_in_failed":                 "2",
		"login.failed":                        "1",
		"account_linked":                      "2",
		"account.linked":                      "1",
		"oauth.linked":                        "1",
		"organization_member_invite_canceled": "1",
		"invite_cancelled":                    "1",
		"invitation.cancelled":                "1",
		"security_signal":                     "1",
		"security.geo_blocked":                "1",
		"security_geo_blocked":                "1",
		"Brand New! Type":                     "1",
		"brand new! type":                     "0",
		"user_banned":                         "0",
	} {
		for _, path := range []string{"/events/activity?organizationIds=o&eventType=", "/events/list?eventType=", "/events/audit-logs?organizationId=o&eventType=", "/events/all-audit-logs?organizationId=o&eventType="} {
			page := get[dashPage](d, path+url.QueryEscape(name), d.root)
			if page.Total.String() != want {
				t.Errorf("%s%s: total %s, want %s", path, name, page.Total, want)
			}
			if page.Total.String() != fmt.Sprint(len(page.Events)) {
				t.Errorf("%s%s: %d events, total %s", path, name, len(page.Events), page.Total)
			}
			for _, e := range page.Events {
				if e.Type != name {
					t.Errorf("%s%s answers with %q", path, name, e.Type)
				}
			}
		}
	}
	// Without a question, each has the package's name, or that under which it came.
	var got []string
	for _, e := range get[dashPage](d, "/events/organization?organizationId=o", d.root).Events {
		got = append(got, e.Type)
	}
	want := "user_sign_in_failed user_signed_in Brand New! Type security_signal organization_member_invite_canceled account_linked account_linked user_sign_in_failed user_signed_in"
	if strings.Join(got, " ") != want {
		t.Errorf("types %q\nwant  %q", strings.Join(got, " "), want)
	}
}

func TestTypesAreTheCaptured(t *testing.T) {
	d := start(t)
	var capture struct {
		Exchanges []struct {
			Response struct{ Body json.RawMessage }
		}
	}
	if err := json.Unmarshal(readFile(t, "responses", "get-events-types.json"), &capture); err != nil {
		t.Fatal(err)
	}
	got := get[map[string]json.RawMessage](d, "/events/types", d.root)
	var aliases map[string]string
	if err := json.Unmarshal(got["aliases"], &aliases); err != nil {
		t.Fatal(err)
	}
	delete(got, "aliases")
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, text, capture.Exchanges[0].Response.Body) {
		t.Errorf("got %s", text)
	}
	for alias, want := range map[string]string{
		"user_signed_up": "user_created", "user.joined": "user_created", "member_added": "organization_member_added",
		"invite_cancelled": "organization_member_invite_canceled", "session.revoked_all": "all_sessions_revoked",
	} {
		if aliases[alias] != want {
			t.Errorf("alias %s = %q, want %s", alias, aliases[alias], want)
		}
	}
}

// Items of the lists carry AuthEvent's keys and the plugin's.
func TestListItemsCarryBothKeySets(t *testing.T) {
	d := start(t)
	a := d.call("POST", "/ingest/events", d.root, `{"id":"i1","type":"user.logged_in","timestamp":"2025-06-01T10:00:00.000Z","userId":"u","sessionId":"s","organizationId":"o","metadata":{"name":"Ada"},"ipAddress":"203.0.113.7","userAgent":"UA"}`)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	const want = `{"id":"i1","type":"user.logged_in","timestamp":"2025-06-01T10:00:00.000Z","status":"success","userId":"u","sessionId":"s","organizationId":"o",
		"metadata":{"name":"Ada"},"ipAddress":"203.0.113.7","userAgent":"UA","source":"app","display":{"message":"Ada logged in","severity":"success"},
		"origin":{"vocabulary":"api"},"eventType":"user_signed_in","eventDisplayName":"Ada logged in","eventKey":"u","projectId":"default",
		"eventData":{"name":"Ada","userId":"u","userName":"Ada","sessionId":"s","userAgent":"UA","organizationId":"o","triggeredBy":"u"},
		"createdAt":"2025-06-01T10:00:00.000Z","updatedAt":"2025-06-01T10:00:00.000Z","location":{"ipAddress":"203.0.113.7"}}`
	type page struct {
		Events       []map[string]json.RawMessage
		Total, Limit int
		Offset       int
		HasMore      bool
		NextCursor   *string
	}
	for _, path := range []string{"/events/list", "/events/list?userId=u", "/events/audit-logs?organizationId=o", "/events/all-audit-logs?organizationId=o"} {
		got := get[page](d, path, d.root)
		if len(got.Events) != 1 || got.Total != 1 || got.Limit != 50 || got.Offset != 0 || got.HasMore || got.NextCursor != nil {
			t.Fatalf("%s: %+v", path, got)
		}
		item := got.Events[0]
		for _, varies := range []string{"seq", "receivedAt", "ageInMinutes"} {
			if item[varies] == nil {
				t.Errorf("%s: no %s", path, varies)
			}
			delete(item, varies)
		}
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		if !sameJSON(t, text, []byte(want)) {
			t.Errorf("%s:\n got %s\nwant %s", path, text, want)
		}
	}
	a = d.call("GET", "/events/all-audit-logs?organizationId=o&userId=u", d.root, nil)
	if want := `{"message":"[query] Provide at most one of userId and organizationId.","code":"VALIDATION_ERROR"}`; a.status != 400 || string(a.body) != want {
		t.Errorf("%d %s, want %s", a.status, a.body, want)
	}
}

func TestListFiltersAndPages(t *testing.T) {
	d := start(t)
	d.five()
	for query, want := range map[string]string{
		"/events/list?":                                               "e7 e3 e9 e1 e5",
		"/events/list?limit=2":                                        "e7 e3",
		"/events/list?limit=2&after=e3":                               "e9 e1",
		"/events/list?limit=2&after=e3&offset=1":                      "e3 e9",
		"/events/list?sort=asc&limit=3":                               "e5 e1 e9",
		"/events/list?userId=u2":                                      "e3 e9",
		"/events/list?type=user.logged_in&status=failed":              "e9",
		"/events/list?type=user_signed_in":                            "e3 e9",
		"/events/list?eventType=user_created&type=user_banned":        "e5",
		"/events/list?search=logged":                                  "e3 e9",
		"/events/list?since=2025-06-01T10:00:03Z":                     "e7",
		"/events/list?until=2025-06-01T10:00:01Z":                     "e5",
		"/events/audit-logs?userId=u1":                                "e7 e1 e5",
		"/events/all-audit-logs":                                      "e7",
		"/events/all-audit-logs?userId=u1":                            "e7",
		"/events/all-audit-logs?eventType=user_signed_in":             "",
		"/events/all-audit-logs?eventType=organization_created":       "e7",
		"/events/all-audit-logs?type=user.*,organization.*,nothing.*": "e7",
	} {
		var got []string
		for _, e := range get[nativePage](d, query, d.root).Events {
			got = append(got, e.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for _, query := range []string{"sort=up", "status=maybe", "since=x", "type=No!"} {
		d.call("GET", "/events/list?"+query, d.root, nil).wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
}
