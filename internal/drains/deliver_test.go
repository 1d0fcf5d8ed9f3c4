package drains_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/destination"
	"dashd/internal/outbound"
)

func TestEventsArriveInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann", "bob")
		n.drain("acme", "hook", "all")
		var want []uint64
		for range 250 {
			first := n.append(signIns("ann", "eve", "bob")...)
			want = append(want, first, first+2)
		}
		after(5 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, want) {
			t.Errorf("delivered %d, want %d", got, want)
		}
		for _, r := range n.net.to("hook") {
			if events := bodyEvents(t, r); len(events) > 100 {
				t.Errorf("a batch of %d events", len(events))
			}
		}
		if n.net.most["hook"] != 1 {
			t.Errorf("%d requests at a time", n.net.most["hook"])
		}
	})
}

func TestABatchWaitsASecondForMore(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		n.drain("acme", "hook", "all")
		after(time.Second)
		start := time.Now()
		n.append(signIns("ann")...)
		after(600 * time.Millisecond)
		n.append(signIns("ann")...)
		after(10 * time.Second)
		requests := n.net.to("hook")
		if len(requests) != 1 || len(bodyEvents(t, requests[0])) != 2 || requests[0].at.Sub(start) != time.Second {
			t.Errorf("%d requests, the first after %s", len(requests), requests[0].at.Sub(start))
		}

		n.net.forget()
		start = time.Now()
		n.append(signIns(slices.Repeat([]string{"ann"}, 100)...)...)
		after(10 * time.Millisecond)
		if requests := n.net.to("hook"); len(requests) != 1 || requests[0].at != start {
			t.Errorf("a full batch waits")
		}
	})
}

// What an organization gets to see: its own events, and those of its members that are no other
// organization's.
func TestOrganizationsSeeTheirOwnEventsOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann", "both")
		n.organization("apex", "bob", "both")
		n.drain("acme", "acme-hook", "all")
		n.drain("apex", "apex-hook", "all")
		of := func(organization, user string) eventlog.Event {
			return eventlog.Event{Type: eventlog.TeamCreated, OrganizationID: organization, UserID: user}
		}
		first := n.append(
			of("acme", ""), of("apex", ""), of("other", ""),
			of("acme", "both"), of("apex", "both"), of("apex", "ann"),
			of("", "ann"), of("", "bob"), of("", "both"), of("", "nobody"), of("", ""),
			eventlog.Event{Type: eventlog.TeamCreated, OrganizationID: "acme", UserID: "ann", Project: "elsewhere"},
			eventlog.Event{Type: eventlog.UserLoggedIn, UserID: "ann", Project: "elsewhere"},
		)
		after(2 * time.Second)
		for hook, want := range map[string][]uint64{
			"acme-hook": {first, first + 3, first + 6, first + 8},
			"apex-hook": {first + 1, first + 4, first + 5, first + 7, first + 8},
		} {
			if got := n.seqs(hook); !slices.Equal(got, want) {
				t.Errorf("%s got %d, want %d", hook, got, want)
			}
		}
		for _, r := range n.net.to("acme-hook") {
			if strings.Contains(string(r.Body), "apex") || strings.Contains(string(r.Body), "elsewhere") {
				t.Errorf("acme reads %s", r.Body)
			}
		}
	})
}

// Membership counts as of the delivery.
func TestMembersComeAndGo(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		n.drain("acme", "hook", "auth")
		n.append(signIns("bob")...)
		after(2 * time.Second)
		joined := n.append(eventlog.Event{Type: eventlog.MemberAdded, OrganizationID: "acme", UserID: "bob", Personal: eventlog.Personal{
			Metadata: []byte(`{"memberId":"m2","memberRole":"member","memberName":"bob","memberEmail":"bob@example.com"}`),
		}})
		signedIn := n.append(signIns("bob")...)
		after(2 * time.Second)
		left := n.append(eventlog.Event{Type: eventlog.MemberRemoved, OrganizationID: "acme", UserID: "bob", Personal: eventlog.Personal{
			Metadata: []byte(`{"memberId":"m2"}`),
		}})
		after(2 * time.Second)
		n.append(signIns("bob")...)
		after(2 * time.Second)
		if got, want := n.seqs("hook"), []uint64{joined, signedIn, left}; !slices.Equal(got, want) {
			t.Errorf("delivered %d, want %d", got, want)
		}
	})
}

// The operators' own trail is nobody else's to read, whatever a drain asks for.
func TestDashdsOwnEventsStayInside(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		id := n.drain("acme", "hook", "all", "auth")
		off, on := false, true
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &off})
		n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Enabled: &on})
		after(time.Minute)
		if requests := n.net.to("hook"); len(requests) != 0 {
			t.Errorf("delivered %s", requests[0].Body)
		}
		if h := n.health(id); h.Lag != 0 || h.Cursor != n.log.Head() {
			t.Errorf("health %+v with the head at %d", h, n.log.Head())
		}
	})
}

func TestFormats(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		make := func(destinationType, config string) {
			t.Helper()
			_, _, err := n.commands.CreateDrain(t.Context(), n.call(), commands.DrainCreate{
				OrganizationID: "acme", Name: destinationType, Enabled: true, DestinationType: destinationType,
				EventTypes: []string{"all"}, Config: json.RawMessage(config),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		make("webhook", `{"url":"https://lines/in","format":"ndjson","method":"PUT","headers":{"X-Env":"prod"}}`)
		make("datadog", `{"apiKey":"abcdef1234567890","tags":["env:prod"]}`)
		make("splunk", `{"hecEndpoint":"https://splunk/services/collector","hecToken":"11111111-2222","index":"auth"}`)
		n.append(signIns("ann", "ann")...)
		after(2 * time.Second)

		lines := n.net.to("lines")[0]
		if lines.Method != "PUT" || lines.Header.Get("X-Env") != "prod" || lines.Header.Get("Content-Type") != "application/x-ndjson" ||
			strings.Count(string(lines.Body), "\n") != 2 {
			t.Errorf("ndjson: %s %v %q", lines.Method, lines.Header, lines.Body)
		}
		datadog := n.net.to("http-intake.logs.datadoghq.com")[0]
		var logs []map[string]any
		if err := json.Unmarshal(datadog.Body, &logs); err != nil || len(logs) != 2 || datadog.Header.Get("DD-API-KEY") != "abcdef1234567890" {
			t.Errorf("datadog: %v %s", datadog.Header, datadog.Body)
		}
		if got, want := logs[0]["ddtags"], "organization:acme,event_type:user_signed_in,env:prod"; got != want {
			t.Errorf("tags %q, want %q", got, want)
		}
		splunk := n.net.to("splunk")[0]
		if splunk.Header.Get("Authorization") != "Splunk 11111111-2222" || strings.Count(string(splunk.Body), `"index":"auth"`) != 2 ||
			!strings.Contains(string(splunk.Body), `}{`) {
			t.Errorf("splunk: %v %s", splunk.Header, splunk.Body)
		}
	})
}

// While receivers change over to a new secret, both verify.
func TestSecretsRotate(t *testing.T) {
	const older, newer = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a secret that is no base64 text"
	verifies := func(r request, secret string) bool {
		t.Helper()
		hook, err := standardwebhooks.NewWebhookRaw([]byte(secret))
		if strings.HasPrefix(secret, "whsec_") {
			hook, err = standardwebhooks.NewWebhook(secret)
		}
		if err != nil {
			t.Fatal(err)
		}
		return hook.Verify(r.Body, http.Header(r.Header)) == nil
	}
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		id := n.drainWith("acme", "hook", `{"url":"https://hook/in","secret":"`+older+`"}`, "all")
		for _, tt := range []struct {
			config       string
			older, newer bool
		}{
			{"", true, false},
			{`{"url":"https://hook/in","secret":"` + newer + `","previousSecret":"****LaSw"}`, true, true},
			{`{"url":"https://hook/in","secret":"****text","previousSecret":"****LaSw"}`, true, true},
			{`{"url":"https://hook/in","secret":"****text"}`, false, true},
		} {
			if tt.config != "" {
				n.change(commands.DrainUpdate{OrganizationID: "acme", ID: id, Config: json.RawMessage(tt.config)})
			}
			n.net.forget()
			n.append(signIns("ann")...)
			after(2 * time.Second)
			requests := n.net.to("hook")
			if len(requests) != 1 {
				t.Fatalf("%s: %d requests", tt.config, len(requests))
			}
			if o, w := verifies(requests[0], older), verifies(requests[0], newer); o != tt.older || w != tt.newer {
				t.Errorf("%s: the old secret verifies: %t, the new one: %t", tt.config, o, w)
			}
		}
	})
}

// A request is about 1 MiB at most; what does not fit comes in the next.
func TestLongEventsShareNoRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.organization("acme", "ann")
		n.drain("acme", "hook", "all")
		var want []uint64
		for range 40 {
			want = append(want, n.append(eventlog.Event{Type: eventlog.UserUpdated, UserID: "ann", Personal: eventlog.Personal{
				Metadata: fmt.Appendf(nil, `{"bio":%q}`, strings.Repeat("x", 60<<10)),
			}}))
		}
		after(10 * time.Second)
		if got := n.seqs("hook"); !slices.Equal(got, want) {
			t.Errorf("delivered %d, want %d", got, want)
		}
		for _, r := range n.net.to("hook") {
			if len(r.Body) > 1<<20 {
				t.Errorf("a body of %d bytes", len(r.Body))
			}
		}
	})
}

// The guard of outgoing requests speaks through the class of the error, and that alone.
func TestForbiddenTargetsAreReported(t *testing.T) {
	inBubble(t, func(t *testing.T, n *node) {
		n.stopDrains()
		client, err := outbound.New(outbound.Options{})
		if err != nil {
			t.Fatal(err)
		}
		n.deliverFrom(client, n.db)
		n.organization("acme", "ann")
		id := n.drainWith("acme", "hook", `{"url":"https://169.254.169.254/latest/meta-data"}`, "all")
		n.append(signIns("ann")...)
		after(2 * time.Second)
		if h := n.health(id); h.Status != destination.Failing || h.LastError != "target_denied" || h.Attempts != 1 {
			t.Errorf("health %+v", h)
		}
		config, _, _ := destination.Parse(destination.Webhook, json.RawMessage(`{"url":"http://127.0.0.1:1/x"}`), nil)
		if failure := n.drains.Test(t.Context(), "acme", config); failure != "the target is not allowed" {
			t.Errorf("test: %q", failure)
		}
	})
}

func TestTestCalls(t *testing.T) {
	for _, tt := range []struct {
		name    string
		config  string
		answer  func(request) (int, error)
		failure string
	}{
		{"taken", `{"url":"https://hook/in"}`, nil, ""},
		{"refused", `{"url":"https://hook/in"}`, func(request) (int, error) { return 500, nil }, "Webhook error: 500 - Internal Server Error"},
		{"redirected", `{"url":"https://hook/in"}`, func(request) (int, error) { return 302, nil }, "Webhook error: 302 - Found"},
		{"not there", `{"url":"https://hook/in"}`, func(request) (int, error) {
			return 0, &outbound.Error{Class: outbound.Refused}
		}, "the connection was refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *node) {
				n.net.set("hook", tt.answer)
				config, wrong, ok := destination.Parse(destination.Webhook, json.RawMessage(tt.config), nil)
				if !ok {
					t.Fatal(wrong)
				}
				if got := n.drains.Test(context.Background(), "acme", config); got != tt.failure {
					t.Errorf("failure %q, want %q", got, tt.failure)
				}
				var e destination.Event
				if err := json.Unmarshal(n.net.to("hook")[0].Body, &e); err != nil || e.EventType != "test.connection" || e.Context.OrganizationID != "acme" {
					t.Errorf("sent %s", n.net.to("hook")[0].Body)
				}
			})
		})
	}
}
