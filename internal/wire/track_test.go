package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

const now = 1795309913717 // 2026-11-22T01:11:53.717Z

// A capture is a request that the dash plugin was seen to make, and its answer.
type capture struct {
	Trigger string
	Request struct {
		Path string
		Body json.RawMessage
	}
	Response struct {
		Body json.RawMessage
	}
	Variants []capture
}

// captures returns those in the files that pattern matches, variants and all.
func captures(t testing.TB, pattern string) []capture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", pattern, err)
	}
	var all []capture
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var c capture
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, c)
		all = append(all, c.Variants...)
	}
	return all
}

func object(t testing.TB, text []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

// What the plugin sends comes back as it was sent, with null for what it left
// out and the keys that the backend adds.
func TestTrackedEventsComeBack(t *testing.T) {
	for _, c := range captures(t, "event-*.json") {
		ev, err := wire.ParseTrack(c.Request.Body, now)
		if err != nil {
			t.Errorf("%s: %v in %s", c.Trigger, err, c.Request.Body)
			continue
		}
		got := object(t, wire.AppendDash(nil, &eventlog.Record{Seq: 1, ReceivedAt: now, Event: ev}, wire.DashOptions{
			ProjectID: "proj_1", Message: "unused", Now: now + 3*60_000 + 59_999,
		}))
		want := object(t, c.Request.Body)
		for _, key := range []string{"ipAddress", "city", "country", "countryCode"} {
			if _, ok := want[key]; !ok {
				want[key] = nil
			}
		}
		if want["eventType"] == "security_signal" && want["country"] != nil {
			want["countryCode"] = want["country"] // the plugin writes the code there
		}
		want["projectId"] = "proj_1"
		want["createdAt"], want["updatedAt"] = "2026-11-22T01:11:53.717Z", "2026-11-22T01:11:53.717Z"
		want["ageInMinutes"] = 3.0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %v\nwant %v", c.Trigger, got, want)
		}
	}
}

// The answers of the reference backend have the keys that ours have.
func TestDashEventHasTheReferencesKeys(t *testing.T) {
	ours := object(t, wire.AppendDash(nil, &eventlog.Record{}, wire.DashOptions{}))
	n := 0
	for _, c := range captures(t, "get-events-*.json") {
		events, _ := object(t, c.Response.Body)["events"].([]any)
		for _, e := range events {
			n++
			for key := range e.(map[string]any) {
				if _, ok := ours[key]; !ok {
					t.Errorf("%s: no %q in %v", c.Trigger, key, ours)
				}
			}
		}
	}
	if n == 0 {
		t.Error("the captures hold no event")
	}
}

func TestParseTrack(t *testing.T) {
	type want struct {
		typ                    eventlog.Type
		status                 eventlog.Status
		source                 eventlog.Source
		user, org, sess, actor string
		key, ip, country       string
	}
	tests := []struct {
		name string
		body string
		want want
	}{
		{
			"the example of the contract: a failed sign-in of nobody known",
			`{"eventType":"user_sign_in_failed","eventKey":"unknown","eventDisplayName":"User sign-in attempt failed","eventData":{"userId":"unknown","userName":"unknown","userEmail":"mallory@example.com","loginMethod":"email","triggeredBy":"unknown","triggerContext":"user"},"ipAddress":"203.0.113.7","countryCode":"DE"}`,
			want{typ: "login.failed", status: eventlog.Failed, key: "unknown", ip: "203.0.113.7", country: "DE"},
		},
		{
			"a sign-in has a session, and nobody else did it",
			`{"eventType":"user_signed_in","eventKey":"u1","eventData":{"userId":"u1","sessionId":"s1","triggeredBy":"u1"}}`,
			want{typ: "user.logged_in", user: "u1", sess: "s1", key: "u1"},
		},
		{
			"an operator acts through the API",
			`{"eventType":"user_banned","eventKey":"u1","eventData":{"userId":"u1","triggeredBy":"op","triggerContext":"admin"}}`,
			want{typ: "user.banned", source: eventlog.SourceAPI, user: "u1", actor: "op", key: "u1"},
		},
		{
			"a dashboard acts through the API",
			`{"eventType":"user_deleted","eventKey":"u1","eventData":{"triggerContext":"dashboard"}}`,
			want{typ: "user.deleted", source: eventlog.SourceAPI, user: "u1", key: "u1"},
		},
		{
			"a user event without user id is its key's",
			`{"eventType":"session_revoked","eventKey":"u7","eventData":{"userId":"unknown"}}`,
			want{typ: "session.revoked", user: "u7", key: "u7"},
		},
		{
			"a team's member is spelled userid",
			`{"eventType":"organization_team_member_added","eventKey":"o1","eventData":{"organizationId":"o1","userid":"u2","triggeredBy":"u2"}}`,
			want{typ: "team.member.added", user: "u2", org: "o1", key: "o1"},
		},
		{
			"an accepted invitation is about who accepted",
			`{"eventType":"organization_member_invite_accepted","eventKey":"o1","eventData":{"inviterId":"u9","acceptedById":"u2","triggeredBy":"u2"}}`,
			want{typ: "invitation.accepted", user: "u2", org: "o1", key: "o1"},
		},
		{
			"an organization event without user is about who triggered it",
			`{"eventType":"organization_created","eventKey":"o1","eventData":{"triggeredBy":"u3"}}`,
			want{typ: "organization.created", user: "u3", org: "o1", key: "o1"},
		},
		{
			"a type of the documentation",
			`{"eventType":"member_added","eventKey":"o1","eventData":{"userId":"u3","triggeredBy":"u4"}}`,
			want{typ: "member.added", user: "u3", org: "o1", actor: "u4", key: "o1"},
		},
		{
			"the password account",
			`{"eventType":"account_linked","eventKey":"u1","eventData":{"providerId":"credential"}}`,
			want{typ: "account.linked", user: "u1", key: "u1"},
		},
		{
			"another provider's account",
			`{"eventType":"account_unlinked","eventKey":"u1","eventData":{"providerId":"github"}}`,
			want{typ: "oauth.unlinked", user: "u1", key: "u1"},
		},
		{
			"a blocked check; what triggered it is a check, not a person",
			`{"eventType":"security_check","eventKey":"v1","eventData":{"outcome":"blocked","triggeredBy":"credential_stuffing"}}`,
			want{typ: "security.blocked", status: eventlog.Failed, key: "v1"},
		},
		{
			"a passed check",
			`{"eventType":"security_check","eventKey":"v1","eventData":{"outcome":"passed"}}`,
			want{typ: "security.allowed", key: "v1"},
		},
		{
			"a blocked signal",
			`{"eventType":"security_signal","eventKey":"v1","eventData":{"type":"bot_blocked","action":"blocked"}}`,
			want{typ: "security.bot_blocked", status: eventlog.Failed, key: "v1"},
		},
		{
			"an impossible travel has the answer's verb, and a code for a country",
			`{"eventType":"security_signal","eventKey":"v1","eventData":{"type":"impossible_travel","action":"block","userId":"u1"},"country":"DE"}`,
			want{typ: "security.impossible_travel", status: eventlog.Failed, user: "u1", key: "v1", country: "DE"},
		},
		{
			"ids that are numbers",
			`{"eventType":"user_signed_in","eventKey":"42","eventData":{"userId":42,"sessionId":7}}`,
			want{typ: "user.logged_in", user: "42", sess: "7", key: "42"},
		},
		{
			"a type of a newer plugin",
			`{"eventType":"passkey_added","eventKey":"k","eventData":{}}`,
			want{typ: "custom.passkey_added", key: "k"},
		},
		{
			"a type that fits no grammar",
			`{"eventType":"Passkey Added!","eventKey":"k"}`,
			want{typ: "custom.passkey_added_", key: "k"},
		},
		{
			"an event of an organization, of a newer plugin",
			`{"eventType":"organization_archived","eventKey":"o1","eventData":{"triggeredBy":"u1"}}`,
			want{typ: "custom.organization_archived", user: "u1", org: "o1", key: "o1"},
		},
		{
			"an id too long to be one stays in the data",
			`{"eventType":"user_signed_in","eventKey":"u1","eventData":{"sessionId":"` + strings.Repeat("s", 256) + `"}}`,
			want{typ: "user.logged_in", user: "u1", key: "u1"},
		},
		{
			"null is absent",
			`{"eventType":"user_signed_in","eventKey":"u1","eventDisplayName":null,"eventData":null,"ipAddress":null,"city":null,"country":null,"countryCode":null}`,
			want{typ: "user.logged_in", user: "u1", key: "u1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := wire.ParseTrack([]byte(tt.body), now)
			if err != nil {
				t.Fatal(err)
			}
			got := want{ev.Type, ev.Status, ev.Source, ev.UserID, ev.OrganizationID, ev.SessionID, ev.ActorID, ev.Key, ev.IPAddress, ev.CountryCode}
			if got != tt.want {
				t.Errorf("ParseTrack(%s)\n got %+v\nwant %+v", tt.body, got, tt.want)
			}
			if ev.GivenID || ev.GivenTime || ev.Time != now {
				t.Errorf("id given: %t, time given: %t at %d; want neither, and the time of receipt", ev.GivenID, ev.GivenTime, ev.Time)
			}
			if sent := object(t, []byte(tt.body))["eventType"]; ev.Origin.Vocabulary != eventlog.VocabularyDash || ev.Origin.Type != sent {
				t.Errorf("origin = %+v, want dash's %q", ev.Origin, sent)
			}
		})
	}
}

func TestParseTrackRefuses(t *testing.T) {
	tests := []struct {
		name, body string
		kind       errs.Kind
		code       string
	}{
		{"no JSON", `not json`, errs.Invalid, "INVALID_JSON"},
		{"nothing", ``, errs.Invalid, "INVALID_JSON"},
		{"a list", `[]`, errs.Invalid, "INVALID_JSON"},
		{"two bodies", `{"eventType":"a","eventKey":"k"} {}`, errs.Invalid, "INVALID_JSON"},
		{"half of a body", `{"eventType":"a","eventKey":"k"`, errs.Invalid, "INVALID_JSON"},
		{"no type", `{"eventKey":"k","eventData":{}}`, errs.Invalid, "INVALID_EVENT"},
		{"an empty type", `{"eventType":"","eventKey":"k"}`, errs.Invalid, "INVALID_EVENT"},
		{"no key", `{"eventType":"a"}`, errs.Invalid, "INVALID_EVENT"},
		{"a key that is a number", `{"eventType":"a","eventKey":1}`, errs.Invalid, "INVALID_EVENT"},
		{"data that is a list", `{"eventType":"a","eventKey":"k","eventData":[]}`, errs.Invalid, "INVALID_EVENT"},
		{"a reserved type", `{"eventType":"dashd.export.created","eventKey":"k"}`, errs.Invalid, "RESERVED_TYPE"},
		{"a name twice", `{"eventType":"a","eventKey":"k","eventData":{"a":1,"a":2}}`, errs.Invalid, "INVALID_EVENT"},
		{"a name twice, once with an escape", `{"eventType":"a","eventKey":"k","eventData":{"a":1,"\u0061":2}}`, errs.Invalid, "INVALID_EVENT"},
		{"bytes that are no text", "{\"eventType\":\"a\xff\",\"eventKey\":\"k\"}", errs.Invalid, "INVALID_EVENT"},
		{"too deep", `{"eventType":"a","eventKey":"k","eventData":` + strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17) + `}`, errs.TooLarge, "METADATA_TOO_LARGE"},
		{"too much", `{"eventType":"a","eventKey":"k","eventData":{"a":"` + strings.Repeat("x", 64<<10) + `"}}`, errs.TooLarge, "METADATA_TOO_LARGE"},
		{"a key too long", `{"eventType":"a","eventKey":"` + strings.Repeat("k", 256) + `"}`, errs.Invalid, "INVALID_EVENT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := wire.ParseTrack([]byte(tt.body), now)
			if err == nil {
				t.Fatalf("ParseTrack(%.200s) = %+v, want %s", tt.body, ev, tt.code)
			}
			if errs.KindOf(err) != tt.kind || errs.CodeOf(err) != tt.code {
				t.Errorf("ParseTrack(%.200s): %v (%v %s), want %v %s", tt.body, err, errs.KindOf(err), errs.CodeOf(err), tt.kind, tt.code)
			}
		})
	}
}

// Whatever JSON value eventData holds comes back equal, numbers digit by digit.
func TestEventDataIsKept(t *testing.T) {
	for _, data := range []string{
		`{}`,
		`{"n":1.0,"m":1e400,"k":12345678901234567890123,"z":-0}`,
		`{"a":{"b":[null,true,[],{}]},"u":"Zoë 😀 \u2028 \ud83d\ude00 \u0000"}`,
		`{"":{"":""}}`,
		strings.Repeat(`{"a":`, 16) + `{}`[:0] + `1` + strings.Repeat(`}`, 16),
	} {
		ev, err := wire.ParseTrack([]byte(`{"eventKey":"k","eventData":`+data+`,"eventType":"x"}`), now)
		if err != nil {
			t.Errorf("%s: %v", data, err)
		} else if string(ev.Metadata) != data {
			t.Errorf("metadata = %s, want %s", ev.Metadata, data)
		}
	}
}

// The end of a line would end an event where events are sent one on each.
func TestEventDataIsOneLine(t *testing.T) {
	ev, err := wire.ParseTrack([]byte("{\"eventKey\":\"k\",\"eventData\":{\r\n  \"a\": [1.50,\n\t\"x y\"]\n},\"eventType\":\"x\"}"), now)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(ev.Metadata), `{"a":[1.50,"x y"]}`; got != want {
		t.Errorf("metadata = %s, want %s", got, want)
	}
}

// JavaScript makes half of a surrogate pair when it cuts text. An event with one
// must not be lost, and nothing stored may contain one.
func TestHalfASurrogatePairIsReplaced(t *testing.T) {
	tests := []struct{ in, want string }{
		{`"\ud83d"`, `"\ufffd"`},
		{`"\uDE00 \ud83d\ude00"`, `"\ufffd \ud83d\ude00"`},
		{`"\ud83d\ud83d\ude00\ud83d"`, `"\ufffd\ud83d\ude00\ufffd"`},
		{`"\\ud83d \\\ud83d"`, `"\\ud83d \\\ufffd"`},
		{`"\ud83d\n"`, `"\ufffd\n"`},
		{`"a\ud83d"`, `"a\ufffd"`},
	}
	for _, tt := range tests {
		ev, err := wire.ParseTrack([]byte(`{"eventKey":`+tt.in+`,"eventData":{"name":`+tt.in+`},"eventType":"x"}`), now)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got, want := string(ev.Metadata), `{"name":`+tt.want+`}`; got != want {
			t.Errorf("metadata of %s = %s, want %s", tt.in, got, want)
		}
		var key string
		if err := json.Unmarshal([]byte(tt.in), &key); err != nil {
			t.Fatal(err)
		}
		if key = strings.ReplaceAll(key, "\n", "\ufffd"); ev.Key != key {
			t.Errorf("key of %s = %q, want %q", tt.in, ev.Key, key)
		}
	}
}
