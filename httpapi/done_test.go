package httpapi_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"dashd/eventlog"
)

// A read with after= shows what was acknowledged under that seq, at once.
func TestReadsAfter(t *testing.T) {
	d := start(t)
	for i := range 50 {
		a := d.call("POST", "/ingest/events", d.root, fmt.Sprintf(`{"type":"user.joined","userId":"u%d","metadata":{"userId":"u%d","userName":"Ada"}}`, i, i))
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		seq := d.node.Store.Head()
		a = d.call("GET", fmt.Sprintf("/dash/user?userId=u%d&after=%d", i, seq), d.root, nil)
		if got, err := strconv.ParseUint(a.header.Get("Dashd-Seq"), 10, 64); a.status != http.StatusOK || err != nil || got < seq {
			t.Fatalf("after=%d: %d %s, as of %q", seq, a.status, a.body, a.header.Get("Dashd-Seq"))
		}
	}
	d.api.SetFoldPatience(time.Millisecond)
	d.call("GET", "/dash/users?after=1000000", d.root, nil).wantError(t, http.StatusServiceUnavailable, "NOT_FOLDED_YET")
	for _, after := range []string{"-1", "x", "1.5"} {
		d.call("GET", "/dash/users?after="+after, d.root, nil).wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
}

// Under one Idempotency-Key a request is executed once, and no other.
func TestRepeatsOfARequest(t *testing.T) {
	d := start(t)
	office := &office{d, map[string]string{}}
	office.person("ada")
	send := func(path, body string) answer {
		t.Helper()
		return d.call("POST", path, d.root, body, "Content-Type", "application/json", "Idempotency-Key", "k1")
	}
	first := send("/dash/user/ban", `{"userId":"ada","banReason":"x"}`)
	head := d.node.Store.Head()
	again := send("/dash/user/ban", `{"userId":"ada","banReason":"x"}`)
	if first.status != http.StatusOK || again.status != http.StatusOK || string(first.body) != string(again.body) {
		t.Errorf("first %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed: %q, then %q", first.header.Get("Idempotency-Replayed"), again.header.Get("Idempotency-Replayed"))
	}
	for path, body := range map[string]string{
		"/dash/user/ban":            `{"userId":"ada","banReason":"y"}`,
		"/dash/user/ban?userId=ada": `{"userId":"ada","banReason":"x"}`,
		"/dash/user/unban":          `{"userId":"ada"}`,
	} {
		send(path, body).wantError(t, http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
	}
	if got := d.node.Store.Head(); got != head {
		t.Errorf("the log grew from %d to %d", head, got)
	}
	// Another key's key of the same text is another.
	other := d.key("default", 0, "users:*").Text
	if a := d.call("POST", "/dash/user/unban", other, `{"userId":"ada"}`, "Content-Type", "application/json", "Idempotency-Key", "k1"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	rec, err := d.node.Store.Read(d.node.Store.Head())
	if err != nil || rec.Type != eventlog.UserUnbanned {
		t.Errorf("the last event is %s, %v", rec.Type, err)
	}
}
