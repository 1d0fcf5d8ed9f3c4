package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"dashd/httpapi"
)

func TestConfiguredKeysAreNotStored(t *testing.T) {
	d := start(t, func(o *httpapi.Options, _ *http.Server) { o.Settings.Redact = map[string]bool{"taxid": true} })
	for _, c := range []struct{ path, body string }{
		{"/events/track", `{"eventType":"user_created","eventKey":"u","eventDisplayName":"","eventData":{"userId":"u","tax_id":"planted-1"}}`},
		{"/ingest/events", `{"type":"user.joined","userId":"u","metadata":{"deep":[{"taxId":"planted-2"}]}}`},
		{"/ingest/studio", `{"type":"user.joined","userId":"u","metadata":{"TAX-ID":"planted-3"}}`},
	} {
		if a := d.call("POST", c.path, d.root, c.body); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", c.path, a.status, a.body)
		}
	}
	a := d.call("GET", "/v1/events", d.root, nil)
	if strings.Contains(string(a.body), "planted") || strings.Count(string(a.body), "[redacted]") != 3 {
		t.Errorf("read back: %s", a.body)
	}
}
