package httpapi_test

import (
	"fmt"
	"strings"
)

// drainContracts are replayed in the state that company makes, with the drains noted here.
var drainContracts = []contract{
	{file: "get-dash-organization-log-drains", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.index == 0 {
			s.drain("datadog", "Datadog", `"eventTypes":["auth","security"],"config":{"apiKey":"abcdef1234567890","tags":["env:prod"]}`)
			s.drain("splunk", "Splunk", `"eventTypes":["all"],"enabled":false,"config":{"hecEndpoint":"https://splunk.example.com:8088/services/collector",
				"hecToken":"11111111-2222-3333-4444-555555555555"}`)
			s.hook()
		}
	}},
	{file: "post-dash-organization-log-drain", build: func(s *scene, _ *exchange) { s.tell(company()...) }},
	{file: "patch-dash-organization-log-drain", build: withHook},
	{file: "delete-dash-organization-log-drain", build: func(s *scene, x *exchange) {
		if s.tell(company()...); x.index == 0 {
			x.put("orgLogDrain_003", s.hook())
		}
	}},
	{file: "post-dash-organization-log-drain-test", build: func(s *scene, x *exchange) {
		s.tell(company()...)
		s.sent.answer("hooks.example.com", map[string]int{"log-drain-test-failed": 500}[x.Case])
	}},
}

func withHook(s *scene, x *exchange) {
	s.tell(company()...)
	x.put("orgLogDrain_003", s.hook())
}

// put puts the id of a thing for the recorded one.
func (x *exchange) put(recorded, id string) {
	x.Request.Body = []byte(strings.ReplaceAll(string(x.Request.Body), recorded, id))
}

// drain makes a drain of acme, and returns its id.
func (s *scene) drain(destinationType, name, rest string) string {
	s.t.Helper()
	return s.must("POST", "/dash/organization/log-drain", fmt.Sprintf(
		`{"organizationId":"organization_001","destinationType":%q,"name":%q,%s}`, destinationType, name, rest))["id"].(string)
}

// hook is the webhook that most exchanges are about.
func (s *scene) hook() string {
	s.t.Helper()
	return s.drain("webhook", "Hook", `"eventTypes":["email"],"config":{"url":"https://hooks.example.com/ingest",
		"headers":{"Authorization":"Bearer s3cret","X-Env":"prod"}}`)
}
