package destination_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"dashd/internal/destination"
)

// What is shown of a config, and what may be sent back for it, must be the config.
func TestMaskedConfigsComeBack(t *testing.T) {
	for _, tt := range []struct{ name, destinationType, config, shown string }{
		{"a webhook", "webhook", `{"url":"https://x.example/in"}`, `{"url":"https://x.example/in","method":"POST"}`},
		{
			"a webhook with secrets", "webhook",
			`{"url":"https://x.example/in","method":"PUT","format":"ndjson","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","previousSecret":"an older secret of it",
			"headers":{"authorization":"Bearer s3cret","X-API-Key":"k","X-Env":"prod","X-Auth-Token":"t","api-key":"k2"}}`,
			`{"url":"https://x.example/in","headers":{"X-API-Key":"****","X-Auth-Token":"****","X-Env":"prod","api-key":"****","authorization":"****"},"method":"PUT","format":"ndjson","secret":"****LaSw","previousSecret":"****f it"}`,
		},
		{"a short key", "datadog", `{"apiKey":"abcd"}`, `{"apiKey":"****","site":"datadoghq.com"}`},
		{
			"datadog", "datadog", `{"apiKey":"abcdef1234567890","site":"us3.datadoghq.com","service":"s","source":"o","tags":["a:b","c"]}`,
			`{"apiKey":"****7890","site":"us3.datadoghq.com","service":"s","tags":["a:b","c"],"source":"o"}`,
		},
		{
			"splunk", "splunk", `{"hecEndpoint":"https://s.example:8088/services/collector","hecToken":"11111111-2222-3333-4444-555555555555","index":"i","source":"o","sourcetype":"t","unknown":1}`,
			`{"hecEndpoint":"https://s.example:8088/services/collector","hecToken":"****5555","index":"i","sourcetype":"t","source":"o"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, wrong, ok := destination.Parse(tt.destinationType, json.RawMessage(tt.config), nil)
			if !ok {
				t.Fatalf("%+v", wrong)
			}
			shown := c.Masked()
			if got := string(shown); got != tt.shown {
				t.Errorf("shown\n     %s\nwant %s", got, tt.shown)
			}
			stored, err := destination.Decode(tt.destinationType, c.Encode())
			if err != nil || !reflect.DeepEqual(stored, c) {
				t.Errorf("stored %+v, %v", stored, err)
			}
			back, wrong, ok := destination.Parse(tt.destinationType, shown, &stored)
			if !ok || !reflect.DeepEqual(back, c) {
				t.Errorf("came back as %+v, %+v", back, wrong)
			}
		})
	}
}

// A secret is what it is, also if it looks like a mask of another one.
func TestMasksOfOtherTypesStandForNothing(t *testing.T) {
	stored, _, _ := destination.Parse(destination.Datadog, json.RawMessage(`{"apiKey":"abcdef1234567890"}`), nil)
	_, wrong, ok := destination.Parse(destination.Splunk, json.RawMessage(`{"hecEndpoint":"https://s.example","hecToken":"****7890"}`), &stored)
	if ok || wrong.Path != "hecToken" {
		t.Errorf("%+v", wrong)
	}
}

func TestRequestsCarryNoOtherHeaders(t *testing.T) {
	c, wrong, ok := destination.Parse(destination.Webhook, json.RawMessage(`{"url":"https://x.example/in","headers":{"user-agent":"mine","X-Env":"prod"},"secret":"0123456789abcdef"}`), nil)
	if !ok {
		t.Fatal(wrong)
	}
	r := c.Request("msg_1", []byte("{}"), time.Unix(1_700_000_000, 0))
	want := http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"mine"}, "X-Env": {"prod"},
		"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1700000000"},
		"Webhook-Signature": {"v1,3uojc/2kvL+KpJkw4ZNrA/5YjEs9cdfKdc3lXIvRjkk="},
	}
	if !reflect.DeepEqual(r.Header, want) {
		t.Errorf("headers\n     %v\nwant %v", r.Header, want)
	}
}

// Whatever is configured: what is accepted can be stored, shown and sent, and what is shown
// holds none of the secrets.
func FuzzParse(f *testing.F) {
	f.Add("webhook", `{"url":"https://x.example/in","headers":{"Authorization":"Bearer s3cret"},"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`)
	f.Add("datadog", `{"apiKey":"abcdef1234567890","tags":["a"]}`)
	f.Add("splunk", `{"hecEndpoint":"https://x.example","hecToken":"****"}`)
	f.Fuzz(func(t *testing.T, destinationType, config string) {
		if !json.Valid([]byte(config)) {
			return
		}
		c, _, ok := destination.Parse(destinationType, json.RawMessage(strings.TrimSpace(config)), nil)
		if !ok || destinationType != destination.Webhook && destinationType != destination.Datadog && destinationType != destination.Splunk {
			return
		}
		stored, err := destination.Decode(destinationType, c.Encode())
		if err != nil || !reflect.DeepEqual(stored, c) {
			t.Fatalf("stored %+v, %v; want %+v", stored, err, c)
		}
		shown := string(c.Masked())
		for _, secret := range []string{c.APIKey, c.HECToken, c.Secret, c.Headers["Authorization"]} {
			if len(secret) >= 12 && !strings.Contains(c.URL+c.HECEndpoint+c.Site+c.Service+c.Source+c.Index+c.Sourcetype, secret) &&
				strings.Contains(shown, secret) && len(c.Tags) == 0 && len(c.Headers) <= 1 {
				t.Fatalf("%q is shown in %s", secret, shown)
			}
		}
		if back, _, ok := destination.Parse(destinationType, c.Masked(), &stored); !ok || !reflect.DeepEqual(back, c) {
			t.Fatalf("came back as %+v, want %+v", back, c)
		}
		for name, values := range c.Request("id", []byte("{}"), time.Unix(0, 0)).Header {
			if strings.ContainsAny(name+strings.Join(values, ""), "\r\n") {
				t.Fatalf("header %q: %q", name, values)
			}
		}
	})
}
