package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/outbound"
)

// hookOf makes a webhook drain of an organization.
func (o *office) hookOf(organization, rest string) string {
	o.t.Helper()
	return o.made("POST", "/dash/organization/log-drain", `{"organizationId":"{`+organization+`}","name":"Hook","destinationType":"webhook",`+rest+`}`)
}

const drainPath = "/dash/organization/log-drain"

func TestDrainsAreRefused(t *testing.T) {
	o := openOffice(t)
	o.names["hook"] = o.hookOf("acme", `"eventTypes":["all"],"config":{"url":"https://hooks.example.com/in","headers":{"Authorization":"Bearer s3cret"},"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`)
	o.names["theirs"] = o.hookOf("globex", `"eventTypes":[],"config":{"url":"https://hooks.example.com/in"}`)
	o.names["datadog"] = o.made("POST", drainPath, `{"organizationId":"{acme}","name":"D","destinationType":"datadog","eventTypes":[],"config":{"apiKey":"abcdef1234567890"}}`)
	webhook := func(config string) string {
		return `{"organizationId":"{acme}","name":"x","destinationType":"webhook","eventTypes":[],"config":` + config + `}`
	}
	datadog := func(config string) string {
		return strings.Replace(webhook(config), `"webhook"`, `"datadog"`, 1)
	}
	splunk := func(config string) string { return strings.Replace(webhook(config), `"webhook"`, `"splunk"`, 1) }
	change := func(id, rest string) string {
		return `{"organizationId":"{acme}","logDrainId":"{` + id + `}",` + rest + `}`
	}
	const (
		notAllowed = "This header cannot be set: Authorization, Accept, User-Agent, Api-Key and those that begin with X- can"
		noControls = "Control characters are not allowed"
		otherMask  = "This mask is not that of the stored secret: send the secret itself"
		moved      = "The destination has changed: send the secret itself, not its mask"
	)
	o.wantRefusals(t, []refused{
		{"an unknown organization", "POST", drainPath, `{"organizationId":"nowhere","name":"x","destinationType":"webhook","eventTypes":[],"config":{"url":"https://x.example"}}`, 404, "Organization not found", ""},
		{"no organization", "POST", drainPath, `{"name":"x"}`, 400, "[body.organizationId] Invalid input: expected string, received undefined", ""},
		{"an empty name", "POST", drainPath, strings.Replace(webhook(`{"url":"https://x.example"}`), `"x"`, `""`, 1), 400, "[body.name] Name is required", ""},
		{"a name that is too long", "POST", drainPath, strings.Replace(webhook(`{"url":"https://x.example"}`), `"x"`, `"`+strings.Repeat("x", 201)+`"`, 1), 400, "[body.name] Too big: expected string to have <=200 characters", ""},
		{"an unknown destination", "POST", drainPath, strings.Replace(webhook(`{}`), `"webhook"`, `"s3"`, 1), 400, `[body.destinationType] Invalid option: expected one of "datadog"|"splunk"|"webhook"`, ""},
		{"no event types", "POST", drainPath, `{"organizationId":"{acme}","name":"x","destinationType":"webhook","config":{"url":"https://x.example"}}`, 400, "[body.eventTypes] Invalid input: expected array, received undefined", ""},
		{"an event type nobody knows", "POST", drainPath, strings.Replace(webhook(`{"url":"https://x.example"}`), `[]`, `["all","nothing"]`, 1), 400, `[body.eventTypes.1] Invalid option: expected one of "auth"|"security"|"email"|"all"`, ""},
		{"dashd's own events", "POST", drainPath, strings.Replace(webhook(`{"url":"https://x.example"}`), `[]`, `["dashd.key.created"]`, 1), 400, `[body.eventTypes.0] Invalid option: expected one of "auth"|"security"|"email"|"all"`, ""},
		{"a number for enabled", "POST", drainPath, strings.Replace(webhook(`{"url":"https://x.example"}`), `"name"`, `"enabled":1,"name"`, 1), 400, "[body.enabled] Invalid input: expected boolean, received number", ""},
		{"no config", "POST", drainPath, `{"organizationId":"{acme}","name":"x","destinationType":"webhook","eventTypes":[]}`, 400, "[body.config] Invalid input: expected object, received undefined", ""},
		{"a config that is a list", "POST", drainPath, webhook(`[]`), 400, "[body.config] Invalid input: expected object, received array", ""},
		{"a webhook without a URL", "POST", drainPath, webhook(`{}`), 400, "[body.config.url] Invalid input: expected string, received undefined", ""},
		{"no URL", "POST", drainPath, webhook(`{"url":"nope"}`), 400, "[body.config.url] Invalid webhook URL", ""},
		{"a file", "POST", drainPath, webhook(`{"url":"file:///etc/passwd"}`), 400, "[body.config.url] Invalid webhook URL", ""},
		{"a URL with a password", "POST", drainPath, webhook(`{"url":"https://u:p@x.example"}`), 400, "[body.config.url] Invalid webhook URL", ""},
		{"another method", "POST", drainPath, webhook(`{"url":"https://x.example","method":"DELETE"}`), 400, `[body.config.method] Invalid option: expected one of "POST"|"PUT"`, ""},
		{"another format", "POST", drainPath, webhook(`{"url":"https://x.example","format":"xml"}`), 400, `[body.config.format] Invalid option: expected one of "json"|"ndjson"`, ""},
		{"a short secret", "POST", drainPath, webhook(`{"url":"https://x.example","secret":"short"}`), 400, "[body.config.secret] Too small: expected string to have >=16 characters", ""},
		{"a secret that is not what it says", "POST", drainPath, webhook(`{"url":"https://x.example","secret":"whsec_not base64 at all"}`), 400, "[body.config.secret] After whsec_ a secret is the base64 text of at least 16 bytes", ""},
		{"headers that are a list", "POST", drainPath, webhook(`{"url":"https://x.example","headers":[]}`), 400, "[body.config.headers] Invalid input: expected object, received array", ""},
		{"a header that is a number", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"X-A":1}}`), 400, "[body.config.headers.X-A] Invalid input: expected string, received number", ""},
		{"the receiver's name", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"Host":"internal"}}`), 400, "[body.config.headers.Host] " + notAllowed, ""},
		{"the length", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"content-length":"1"}}`), 400, "[body.config.headers.content-length] " + notAllowed, ""},
		{"a header of the connection", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"Transfer-Encoding":"chunked"}}`), 400, "[body.config.headers.Transfer-Encoding] " + notAllowed, ""},
		{"a signature of another", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"webhook-signature":"v1,x"}}`), 400, "[body.config.headers.webhook-signature] " + notAllowed, ""},
		{"who has sent it on", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"X-Forwarded-For":"10.0.0.1"}}`), 400, "[body.config.headers.X-Forwarded-For] " + notAllowed, ""},
		{"two headers in one", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"X-A":"a\r\nHost: b"}}`), 400, "[body.config.headers.X-A] " + noControls, ""},
		{"a line in a name", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"X-A\nX-B":"a"}}`), 400, "[body.config.headers.X-A\nX-B] " + notAllowed, ""},
		{"one header twice", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"X-A":"a","x-a":"b"}}`), 400, "[body.config.headers.x-a] This header is given twice", ""},
		{"a mask of nothing", "POST", drainPath, webhook(`{"url":"https://x.example","headers":{"Authorization":"****"}}`), 400, "[body.config.headers.Authorization] " + otherMask, ""},
		{"no API key", "POST", drainPath, datadog(`{}`), 400, "[body.config.apiKey] Invalid input: expected string, received undefined", ""},
		{"an empty API key", "POST", drainPath, datadog(`{"apiKey":""}`), 400, "[body.config.apiKey] API key is required", ""},
		{"an API key with a line in it", "POST", drainPath, datadog(`{"apiKey":"a\nb"}`), 400, "[body.config.apiKey] " + noControls, ""},
		{"a site that is a path", "POST", drainPath, datadog(`{"apiKey":"abcdef1234567890","site":"evil.example/x?"}`), 400, "[body.config.site] Invalid Datadog site", ""},
		{"a tag with a comma", "POST", drainPath, datadog(`{"apiKey":"abcdef1234567890","tags":["a","b,c"]}`), 400, "[body.config.tags.1] A tag has no commas and no control characters", ""},
		{"no endpoint", "POST", drainPath, splunk(`{"hecToken":"t"}`), 400, "[body.config.hecEndpoint] Invalid input: expected string, received undefined", ""},
		{"an endpoint that is no URL", "POST", drainPath, splunk(`{"hecEndpoint":"splunk","hecToken":"t"}`), 400, "[body.config.hecEndpoint] Invalid HEC endpoint URL", ""},
		{"no token", "POST", drainPath, splunk(`{"hecEndpoint":"https://x.example","hecToken":""}`), 400, "[body.config.hecToken] HEC token is required", ""},

		{"to change none", "PATCH", drainPath, `{"organizationId":"{acme}","enabled":true}`, 400, "[body.logDrainId] Invalid input: expected string, received undefined", ""},
		{"to change an unknown one", "PATCH", drainPath, `{"organizationId":"{acme}","logDrainId":"missing","enabled":false}`, 404, "Log drain not found", ""},
		{"to change another's", "PATCH", drainPath, change("theirs", `"enabled":false`), 404, "Log drain not found", ""},
		{"to take the name away", "PATCH", drainPath, change("hook", `"name":""`), 400, "[body.name] Name is required", ""},
		{"a null", "PATCH", drainPath, change("hook", `"enabled":null`), 400, "[body.enabled] Invalid input: expected boolean, received null", ""},
		{"another type without its config", "PATCH", drainPath, change("hook", `"destinationType":"datadog","config":{}`), 400, "[body.config.apiKey] Invalid input: expected string, received undefined", ""},
		{"another type with the old config", "PATCH", drainPath, change("hook", `"destinationType":"splunk"`), 400, "[body.config.hecEndpoint] Invalid input: expected string, received undefined", ""},
		{"a mask of something else", "PATCH", drainPath, change("datadog", `"config":{"apiKey":"****0000"}`), 400, "[body.config.apiKey] " + otherMask, ""},
		{"a secret on the way to another site", "PATCH", drainPath, change("datadog", `"config":{"apiKey":"****7890","site":"datadog.evil.example"}`), 400, "[body.config.apiKey] " + moved, ""},
		{"a secret on the way to another host", "PATCH", drainPath, change("hook", `"config":{"url":"https://evil.example/in","headers":{"Authorization":"****"}}`), 400, "[body.config.headers.Authorization] " + moved, ""},

		{"to delete an unknown one", "DELETE", drainPath, `{"organizationId":"{acme}","logDrainId":"missing"}`, 404, "Log drain not found", ""},
		{"to delete another's", "DELETE", drainPath, change("theirs", `"x":1`), 404, "Log drain not found", ""},
		{"to replay an unknown one", "POST", drainPath + "/replay", `{"organizationId":"{acme}","logDrainId":"missing","fromSeq":1}`, 404, "Log drain not found", ""},
		{"to replay another's", "POST", drainPath + "/replay", change("theirs", `"fromSeq":1`), 404, "Log drain not found", ""},
		{"to replay from nowhere", "POST", drainPath + "/replay", change("hook", `"x":1`), 400, "[body] Provide one of fromSeq and since", ""},
		{"to replay from two places", "POST", drainPath + "/replay", change("hook", `"fromSeq":1,"since":"2026-01-01T00:00:00Z"`), 400, "[body] Provide one of fromSeq and since", ""},
		{"to replay from event 0", "POST", drainPath + "/replay", change("hook", `"fromSeq":0`), 400, "[body.fromSeq] expected a whole number of at least 1", ""},
		{"to replay from no time", "POST", drainPath + "/replay", change("hook", `"since":"yesterday"`), 400, "[body.since] Invalid input: expected date, received string", ""},
		{"the state of an unknown one", "GET", drainPath + "/status?organizationId={acme}&logDrainId=missing", "", 404, "Log drain not found", ""},
		{"the state of another's", "GET", drainPath + "/status?organizationId={acme}&logDrainId={theirs}", "", 404, "Log drain not found", ""},
		{"to test nothing", "POST", drainPath + "/test", `{"organizationId":"{acme}"}`, 400, "[body.destinationType] Invalid input: expected string, received undefined", ""},
		{"to test another's", "POST", drainPath + "/test", change("theirs", `"x":1`), 404, "Log drain not found", ""},
		{"to test with a bad config", "POST", drainPath + "/test", webhook(`{"url":"nope"}`), 400, "[body.config.url] Invalid webhook URL", ""},
		{"to test a stored secret elsewhere", "POST", drainPath + "/test", change("hook", `"config":{"url":"https://evil.example","headers":{"Authorization":"****"}}`), 400, "[body.config.headers.Authorization] " + moved, ""},
	})
	if got := len(o.sent.to("https://evil.example")); got != 0 {
		t.Errorf("%d requests went to evil.example", got)
	}
}

// A masked secret stands for the stored one, a new one replaces it.
func TestMasksStandForWhatIsStored(t *testing.T) {
	o := openOffice(t)
	o.names["hook"] = o.hookOf("acme", `"eventTypes":[],"config":{"url":"https://hooks.example.com/in","headers":{"Authorization":"Bearer s3cret","X-Api-Key":"k3y","X-Env":"prod"}}`)
	shown := func() map[string]any {
		t.Helper()
		return o.list("/dash/organization/log-drains?organizationId={acme}")[0]["config"].(map[string]any)
	}
	tried := func() http.Header {
		t.Helper()
		before := len(o.sent.to("https://hooks.example.com/other"))
		a := o.ask("POST", drainPath+"/test", `{"organizationId":"{acme}","logDrainId":"{hook}"}`)
		if got := string(a.body); got != `{"success":true}` {
			t.Fatalf("test: %s", got)
		}
		return o.sent.to("https://hooks.example.com/other")[before].Header
	}
	if a := o.ask("PATCH", drainPath, `{"organizationId":"{acme}","logDrainId":"{hook}","config":{"url":"https://hooks.example.com/other",
		"headers":{"Authorization":"****","X-Api-Key":"****","X-Env":"test"}}}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if h := tried(); h.Get("Authorization") != "Bearer s3cret" || h.Get("X-Api-Key") != "k3y" || h.Get("X-Env") != "test" {
		t.Errorf("sent %v", h)
	}
	if got, _ := json.Marshal(shown()); string(got) != `{"headers":{"Authorization":"****","X-Api-Key":"****","X-Env":"test"},"method":"POST","url":"https://hooks.example.com/other"}` {
		t.Errorf("shown: %s", got)
	}
	if a := o.ask("PATCH", drainPath, `{"organizationId":"{acme}","logDrainId":"{hook}","config":{"url":"https://hooks.example.com/other",
		"headers":{"Authorization":"Bearer other"}}}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if h := tried(); h.Get("Authorization") != "Bearer other" || h.Get("X-Api-Key") != "" {
		t.Errorf("sent %v", h)
	}
}

// What each destination receives for a test call.
func TestDrainTests(t *testing.T) {
	o := openOffice(t)
	for _, tt := range []struct{ destination, config, url, header, value string }{
		{"webhook", `{"url":"https://hooks.example.com/in","headers":{"X-Env":"prod"}}`, "https://hooks.example.com/in", "X-Env", "prod"},
		{"datadog", `{"apiKey":"abcdef1234567890","site":"datadoghq.eu","tags":["env:prod"]}`, "https://http-intake.logs.datadoghq.eu/api/v2/logs", "DD-API-KEY", "abcdef1234567890"},
		{"splunk", `{"hecEndpoint":"https://splunk.example.com/services/collector","hecToken":"1111"}`, "https://splunk.example.com/services/collector", "Authorization", "Splunk 1111"},
	} {
		t.Run(tt.destination, func(t *testing.T) {
			a := o.ask("POST", drainPath+"/test", `{"organizationId":"{acme}","destinationType":"`+tt.destination+`","config":`+tt.config+`}`)
			if got := string(a.body); a.status != http.StatusOK || got != `{"success":true}` {
				t.Fatalf("%d %s", a.status, got)
			}
			requests := o.sent.to(tt.url)
			if len(requests) != 1 || requests[0].Method != "POST" || requests[0].Header.Get(tt.header) != tt.value ||
				requests[0].Header.Get("Content-Type") != "application/json" {
				t.Fatalf("sent %v", requests)
			}
			event := testEvent(t, tt.destination, requests[0])
			context, _ := event["context"].(map[string]any)
			actor, _ := event["actor"].(map[string]any)
			if event["eventType"] != "test.connection" || event["eventCategory"] != "auth" || actor["type"] != "system" ||
				context["organizationId"] != o.names["acme"] || len(event["id"].(string)) != 36 ||
				event["metadata"].(map[string]any)["message"] != "Test event from Better Auth Dashboard" {
				t.Errorf("event %v", event)
			}
		})
	}
}

// testEvent checks what is around the event in a test request, and returns the event.
func testEvent(t *testing.T, destination string, r outbound.Request) map[string]any {
	t.Helper()
	decode := func(v any) {
		if err := json.Unmarshal(r.Body, v); err != nil {
			t.Fatalf("%v in %s", err, r.Body)
		}
	}
	var event map[string]any
	switch destination {
	case "webhook":
		decode(&event)
	case "datadog":
		var logs []map[string]any
		decode(&logs)
		event = logs[0]
		if event["ddsource"] != "better-auth" || event["hostname"] != "better-auth" || event["service"] != "authentication" ||
			event["message"] != "Test event from Better Auth Dashboard" || !strings.HasSuffix(event["ddtags"].(string), ",event_type:test.connection,env:prod") {
			t.Errorf("log %v", event)
		}
	case "splunk":
		var wrapped struct {
			Time                            float64
			Host, Source, Sourcetype, Index string
			Event                           map[string]any
		}
		decode(&wrapped)
		event = wrapped.Event
		if wrapped.Time < 1.7e9 || wrapped.Host != "better-auth" || wrapped.Sourcetype != "better-auth:events" || wrapped.Index != "main" {
			t.Errorf("event %+v", wrapped)
		}
	}
	return event
}

// A drain from the API to the destination and back to its status.
func TestDrainsDeliverAndSayHow(t *testing.T) {
	o := openOffice(t)
	o.names["hook"] = o.hookOf("acme", `"eventTypes":["auth"],"config":{"url":"https://hooks.example.com/in"}`)
	o.tell(eventlog.Event{Type: eventlog.UserLoggedIn, UserID: "alan"}, `{}`)
	arrived := func(r outbound.Request) bool { return strings.Contains(string(r.Body), `"eventType":"user_signed_in"`) }
	if err := o.sent.await(t.Context(), "https://hooks.example.com/in", arrived); err != nil {
		t.Fatal(err)
	}
	a := o.ask("GET", drainPath+"/status?organizationId={acme}&logDrainId={hook}", "")
	status := decode[map[string]any](t, a, http.StatusOK)
	for _, key := range []string{"status", "lastDeliveryAt", "lastError", "cursor", "lag", "attempts", "nextAttemptAt"} {
		if _, ok := status[key]; !ok {
			t.Errorf("no %s in %s", key, a.body)
		}
	}
	if status["status"] != "active" {
		t.Errorf("status %s", a.body)
	}
	a = o.ask("PATCH", drainPath, `{"organizationId":"{acme}","logDrainId":"{hook}","enabled":false}`)
	if row := decode[map[string]any](t, a, http.StatusOK); row["status"] != "paused" || row["enabled"] != false {
		t.Errorf("row %s", a.body)
	}
	a = o.ask("POST", drainPath+"/replay", `{"organizationId":"{acme}","logDrainId":"{hook}","fromSeq":7}`)
	if got := string(a.body); got != `{"success":true,"fromSeq":7}` {
		t.Errorf("replay: %s", got)
	}
	a = o.ask("GET", drainPath+"/status?organizationId={acme}&logDrainId={hook}", "")
	if status := decode[map[string]any](t, a, http.StatusOK); fmt.Sprint(status["cursor"]) != "6" {
		t.Errorf("after the replay: %s", a.body)
	}
	if a = o.ask("DELETE", drainPath, `{"organizationId":"{acme}","logDrainId":"{hook}"}`); string(a.body) != `{"success":true}` {
		t.Errorf("delete: %s", a.body)
	}
	if rows := o.list("/dash/organization/log-drains?organizationId={acme}"); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
}

// Each change has one event, which says who did it and shows no secret.
func TestDrainsAreAudited(t *testing.T) {
	o := openOffice(t)
	head := o.node.Store.Head()
	o.names["hook"] = o.hookOf("acme", `"eventTypes":[],"config":{"url":"https://hooks.example.com/in","headers":{"Authorization":"Bearer s3cret"}}`)
	for _, step := range []struct{ method, drainPath, body string }{
		{"PATCH", drainPath, `{"organizationId":"{acme}","logDrainId":"{hook}","name":"Other"}`},
		{"POST", drainPath + "/replay", `{"organizationId":"{acme}","logDrainId":"{hook}","since":1700000000000}`},
		{"DELETE", drainPath, `{"organizationId":"{acme}","logDrainId":"{hook}"}`},
	} {
		if a := o.ask(step.method, step.drainPath, step.body); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	types, metadata := o.events(head)
	if got, want := strings.Join(types, " "), "dashd.drain.created dashd.drain.updated dashd.drain.replayed dashd.drain.deleted"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	for i, m := range metadata {
		text, _ := json.Marshal(m)
		if m["drainId"] != o.names["hook"] || m["triggeredBy"] == "" || m["triggerContext"] != "dashboard" || strings.Contains(string(text), "s3cret") {
			t.Errorf("%s: %s", types[i], text)
		}
	}
}
