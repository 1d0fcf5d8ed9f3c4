package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dashd/httpapi"
)

// event is an event in the native form.
type event struct {
	ID             string         `json:"id"`
	Type           string         `json:"type"`
	Timestamp      string         `json:"timestamp"`
	Status         string         `json:"status"`
	UserID         string         `json:"userId"`
	SessionID      *string        `json:"sessionId"`
	OrganizationID string         `json:"organizationId"`
	Metadata       map[string]any `json:"metadata"`
	IPAddress      string         `json:"ipAddress"`
	Seq            uint64         `json:"seq"`
	Display        struct{ Message, Severity string }
	Origin         struct{ Vocabulary, Type string }
}

type nativePage struct {
	Events     []event `json:"events"`
	HasMore    *bool   `json:"hasMore"`
	NextCursor *string `json:"nextCursor"`
	Total      uint64  `json:"total"`
}

// newest returns the event that was stored last.
func (d *daemon) newest(key string) event {
	d.t.Helper()
	page := get[nativePage](d, "/v1/events?order=seq&limit=1", key)
	if len(page.Events) != 1 {
		d.t.Fatal("there is no event")
	}
	return page.Events[0]
}

// studioAnswer is the answer of POST /ingest/studio.
type studioAnswer struct {
	Message, Code        string
	Accepted, Duplicates int
	Rejected             []struct {
		Index             int
		ID, Code, Message string
	}
}

// problems are the rejected events as text.
func (a studioAnswer) problems() []string {
	var all []string
	for _, r := range a.Rejected {
		all = append(all, fmt.Sprint(r.Index, " ", r.Code))
	}
	return all
}

const studioEvent = `{"id":"b35698bc-c6e5-4ef9-b3ec-90f0f6421be1","type":"user.joined","timestamp":"2025-11-22T01:09:22.802Z","status":"success","userId":"u1","sessionId":"","metadata":{"email":"a@x.io","name":"Alice Doe"},"ipAddress":"203.0.113.7, 10.0.0.1","source":"app","display":{"message":"Alice Doe joined!","severity":"success"}}`

// The ten test vectors of the contract for the studio's sink, in order.
func TestStudioVectors(t *testing.T) {
	d := start(t)
	key := d.root
	const good = `{"type":"user.updated","status":"success","metadata":{}}`
	post := func(body string) answer { t.Helper(); return d.call("POST", "/ingest/studio", key, body) }
	exactly := func(body, want string) {
		t.Helper()
		if a := post(body); a.status != http.StatusOK || string(a.body) != want {
			t.Errorf("%d %s\nwant 200 %s", a.status, a.body, want)
		}
	}

	exactly(studioEvent, `{"accepted":1,"duplicates":0,"rejected":[]}`)
	if e := d.newest(key); e.SessionID != nil || e.IPAddress != "203.0.113.7" {
		t.Errorf("1: read back %+v", e)
	}
	exactly(studioEvent, `{"accepted":0,"duplicates":1,"rejected":[]}`)

	a := decode[studioAnswer](t, post(strings.Replace(studioEvent, "user.joined", "user.deleted", 1)), 422)
	if a.Code != "NOTHING_ACCEPTED" || !reflect.DeepEqual(a.problems(), []string{"0 ID_CONFLICT"}) {
		t.Errorf("3: %+v", a)
	}
	if e := d.newest(key); e.Type != "user.joined" {
		t.Errorf("3: the stored event is %s", e.Type)
	}

	exactly(`{"events":[]}`, `{"accepted":0,"duplicates":0,"rejected":[]}`)

	a = decode[studioAnswer](t, post(`{"events":[`+good+`,{"type":"NOPE!"},`+good+`]}`), 200)
	if a.Accepted != 2 || !reflect.DeepEqual(a.problems(), []string{"1 INVALID_TYPE"}) {
		t.Errorf("5: %+v", a)
	}

	exactly(`{"type":"user.delete_verification_requested","status":"success","metadata":{"email":"a@x.io","token":"736dsdrmSECRET"}}`,
		`{"accepted":1,"duplicates":0,"rejected":[]}`)
	if e := d.newest(key); e.Metadata["token"] != "[redacted]" || e.ID == "" {
		t.Errorf("6: read back %+v", e)
	}

	exactly(`{"type":"organization.created","status":"success","metadata":{"organizationName":"Acme Corp","email":"a@x.io"},"display":{"message":"New organization \"Acme Corp\" created by undefined","severity":"success"}}`,
		`{"accepted":1,"duplicates":0,"rejected":[]}`)
	if e := d.newest(key); e.Display.Message != `New organization "Acme Corp" created by a@x.io` {
		t.Errorf("7: read back %q", e.Display.Message)
	}

	a = decode[studioAnswer](t, post(`{"type":"dashd.export.created","status":"success"}`), 422)
	if a.Code != "NOTHING_ACCEPTED" || !reflect.DeepEqual(a.problems(), []string{"0 RESERVED_TYPE"}) {
		t.Errorf("8: %+v", a)
	}
	post(`not json`).wantError(t, 400, "INVALID_JSON")

	exactly(`{"type":"user.logged_in","ipAddress":"unknown, 198.51.100.4:443"}`, `{"accepted":1,"duplicates":0,"rejected":[]}`)
	if e := d.newest(key); e.IPAddress != "198.51.100.4" {
		t.Errorf("10: read back %q", e.IPAddress)
	}
}

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t testing.TB, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll([]byte(text), nil)
}

func TestStudioForms(t *testing.T) {
	d := start(t)
	const a, b = `{"id":"%[1]s-1","type":"user.joined"}`, `{"id":"%[1]s-2","type":"user.updated"}`
	const row = `{"id":"%[1]s-%[2]d","type":"user.joined","timestamp":"2025-11-22 01:09:22.8+00","status":"success","user_id":"u9","session_id":"","metadata":"{\"a\":1}","ip_address":null,"user_agent":"","source":"app","display_message":"x","display_severity":"success","created_at":"2025-11-22 01:09:22.8+00"}`
	for i, tt := range []struct {
		name, contentType, encoding, query, body string
	}{
		{"an array", "application/json", "", "", `[` + a + `,` + b + `]`},
		{"an object with events", "application/json", "", "", `{"events":[` + a + `,` + b + `]}`},
		{"lines declared as such", "application/x-ndjson", "", "", a + "\n\n" + b + "\n"},
		{"lines declared as jsonl", "application/jsonl; charset=utf-8", "", "", a + "\n" + b},
		{"lines declared as JSON", "application/json", "", "", a + "\n" + b},
		{"another content type", "text/plain", "", "", `[` + a + `,` + b + `]`},
		{"no content type", "", "", "", `[` + a + `,` + b + `]`},
		{"gzip", "application/json", "gzip", "", `[` + a + `,` + b + `]`},
		{"zstd", "application/x-ndjson", "zstd", "", a + "\n" + b},
		{"rows of the database", "application/x-ndjson", "", "?origin=import", strings.Replace(row, "%[2]d", "1", 1) + "\n" + strings.Replace(row, "%[2]d", "2", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.ReplaceAll(tt.body, "%[1]s", fmt.Sprint("form", i))
			body := []byte(text)
			switch tt.encoding {
			case "gzip":
				body = zipped(t, text)
			case "zstd":
				body = zstandard(t, text)
			}
			for _, want := range []string{`{"accepted":2,"duplicates":0,"rejected":[]}`, `{"accepted":0,"duplicates":2,"rejected":[]}`} {
				got := d.call("POST", "/ingest/studio"+tt.query, d.root, body, "Content-Type", tt.contentType, "Content-Encoding", tt.encoding)
				if got.status != http.StatusOK || string(got.body) != want {
					t.Errorf("%d %s, want %s", got.status, got.body, want)
				}
			}
			want := "studio"
			if tt.query != "" {
				want = "import"
			}
			if e := d.newest(d.root); e.Origin.Vocabulary != want {
				t.Errorf("the origin is %q, want %q", e.Origin.Vocabulary, want)
			}
		})
	}
	if e := d.newest(d.root); e.UserID != "u9" || e.SessionID != nil || e.Timestamp != "2025-11-22T01:09:22.800Z" || fmt.Sprint(e.Metadata) != "map[a:1]" {
		t.Errorf("a row was read as %+v", e)
	}
}

func TestStudioPartialBodies(t *testing.T) {
	d := start(t)
	const good, bad = `{"type":"user.joined"}`, `{"type":"NOPE!"}`
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
		accepted   int
		problems   []string
	}{
		{"JSON until the third event", `{"events":[` + good + `,` + good + `,{"type":`, 200, "", 2, []string{"2 INVALID_EVENT"}},
		{"JSON until behind the list", `[` + good + `,` + bad + `] nonsense`, 200, "", 1, []string{"1 INVALID_TYPE", "2 INVALID_EVENT"}},
		{"JSON until behind a bad event", `[` + bad + `,{`, 400, "INVALID_JSON", 0, []string{"0 INVALID_TYPE"}},
		{"a number among the events", `[` + good + `,7,` + good + `]`, 200, "", 2, []string{"1 INVALID_EVENT"}},
		{"a line that is no JSON", good + "\n{oops\n" + good, 200, "", 2, []string{"1 INVALID_EVENT"}},
		{"neither an event nor a list", `{"hello":"world"}`, 400, "INVALID_BODY", 0, nil},
		{"a number", `17`, 400, "INVALID_BODY", 0, nil},
		{"nothing", ``, 400, "INVALID_JSON", 0, nil},
		{
			"conflicts and others, in order of the body",
			`[{"id":"c","type":"user.joined"},` + bad + `,{"id":"c","type":"user.deleted"},{"type":"dashd.x"},{"id":"c","type":"user.joined"},{"id":"?","type":"user.joined"}]`,
			200, "", 1,
			[]string{"1 INVALID_TYPE", "2 ID_CONFLICT", "3 RESERVED_TYPE", "5 INVALID_ID"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := decode[studioAnswer](t, d.call("POST", "/ingest/studio", d.root, tt.body), tt.status)
			if got.Code != tt.code || got.Accepted != tt.accepted || !reflect.DeepEqual(got.problems(), tt.problems) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Whatever limit a batch exceeds, what lies within it is stored and counted.
func TestStudioLimits(t *testing.T) {
	d := start(t)
	const size = 1000 // the limit is within an event
	line := func(i int) string {
		s := fmt.Sprintf(`{"id":"l%d","type":"user.joined","metadata":{"x":"`, i)
		return s + strings.Repeat("x", size-len(s)-4) + "\"}}\n"
	}
	var large strings.Builder
	for i := range httpapi.MaxBatchBody/size + 100 {
		large.WriteString(line(i))
	}
	var many strings.Builder
	for range httpapi.MaxStudioEvents + 1 {
		many.WriteString("{\"type\":\"user.joined\"}\n")
	}
	for _, tt := range []struct {
		name, encoding, project string
		body                    []byte
		want                    int
	}{
		{"bytes", "", "bytes", []byte(large.String()), httpapi.MaxBatchBody / size},
		// In two parts, so that the limit is within what the decoder gives at once.
		{"bytes that were packed", "gzip", "packed", append(zipped(t, large.String()[:size]), zipped(t, large.String()[size:])...), httpapi.MaxBatchBody / size},
		{"events", "", "many", []byte(many.String()), httpapi.MaxStudioEvents},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := d.project(tt.project)
			a := d.call("POST", "/ingest/studio", key, tt.body, "Content-Encoding", tt.encoding)
			got := decode[studioAnswer](t, a, http.StatusRequestEntityTooLarge)
			if got.Code != "TOO_LARGE" || got.Accepted != tt.want || len(got.Rejected) != 0 {
				t.Errorf("%s", a.body)
			}
			if total := get[nativePage](d, "/v1/events?limit=1", key).Total; total != uint64(tt.want) {
				t.Errorf("%d events are stored, want %d", total, tt.want)
			}
		})
	}
}

// The studio's client sends again only what got no answer.
func TestStudioUnavailable(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers bool
	}{{"by default", false}, {"answers by setting", true}} {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t, func(o *httpapi.Options, _ *http.Server) { o.Settings.AnswerUnavailable = tt.answers })
			if a := d.call("POST", "/ingest/studio", d.root, studioEvent); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			d.stop()
			for _, body := range []string{studioEvent, `[` + studioEvent + `]`, strings.Repeat(`{"type":"user.joined"}`+"\n", 5000)} {
				a, err := d.try(d.public, "POST", "/ingest/studio", d.root, body)
				switch {
				case !tt.answers && err == nil:
					t.Errorf("answered %d %s", a.status, a.body)
				case tt.answers && err != nil:
					t.Error(err)
				case tt.answers:
					a.wantError(t, http.StatusServiceUnavailable, "SHUTTING_DOWN")
					if a.header.Get("Retry-After") == "" {
						t.Error("no Retry-After")
					}
				}
			}
			// Others are answered in any case, and so is who has no key.
			d.call("POST", "/ingest/events", d.root, studioEvent).wantError(t, http.StatusServiceUnavailable, "SHUTTING_DOWN")
			d.call("POST", "/events/track", d.root, string(captured(t)[0])).wantError(t, http.StatusServiceUnavailable, "SHUTTING_DOWN")
			if a := d.call("POST", "/ingest/studio", "wrong", studioEvent); a.status != http.StatusUnauthorized {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a := d.call("GET", "/api/auth/jwks", "", nil); a.status != http.StatusOK || !json.Valid(a.body) {
				t.Errorf("the key set: %d %s", a.status, a.body)
			}
		})
	}
}

// A body that stops arriving was not refused, so it is not answered either.
func TestStudioBodyBreaksOff(t *testing.T) {
	d := start(t)
	body := strings.Repeat(`{"type":"user.joined"}`+"\n", 10)
	got := d.raw("POST /ingest/studio?key=" + d.root + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\nnonsense\r\n", len(body), body))
	if got != "" {
		t.Errorf("answered %q", got)
	}
	got = d.raw("POST /ingest/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + d.root + "\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "BODY_BROKEN") {
		t.Errorf("answered %q", got)
	}
}
