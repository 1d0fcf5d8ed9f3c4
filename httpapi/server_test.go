package httpapi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/eventlog/block"
	"dashd/httpapi"
)

// compareBlocks compares the body of GET /v1/blocks with the log.
func (d *daemon) compareBlocks(body []byte, from, to uint64) {
	d.t.Helper()
	err := d.node.Store.Blocks(context.Background(), from, func(first uint64, raw []byte, _ block.Block) error {
		if first > to {
			return nil
		}
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, first), uint32(len(raw)))
		rest, ok := bytes.CutPrefix(body, append(head, raw...))
		if !ok {
			return fmt.Errorf("block %d is not next", first)
		}
		body = rest
		return nil
	})
	if err != nil || len(body) > 0 {
		d.t.Errorf("%d to %d: %v, %d bytes too many", from, to, err, len(body))
	}
}

// Every method that the route table does not name is refused with those it does.
func TestMethods(t *testing.T) {
	d := start(t)
	allowed := map[string][]string{}
	for _, rt := range httpapi.Routes() {
		for _, at := range placesOf(rt) {
			method, path := at[0], at[1]
			allowed[path] = append(allowed[path], method)
			if method == "GET" && !rt.Endless && len(rt.Events) == 0 {
				allowed[path] = append(allowed[path], "HEAD")
			}
		}
	}
	for path, methods := range allowed {
		want := append([]string{"OPTIONS"}, methods...)
		slices.Sort(want)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW", "OPTIONS"} {
			if slices.Contains(methods, method) {
				continue
			}
			a := d.call(method, path, d.root, nil)
			got := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s %s: Allow is %v, want %v", method, path, got, want)
			}
			switch {
			case method == "OPTIONS":
				if a.status != http.StatusNoContent {
					t.Errorf("OPTIONS %s: %d", path, a.status)
				}
			case method == "HEAD":
				if a.status != http.StatusMethodNotAllowed {
					t.Errorf("HEAD %s: %d", path, a.status)
				}
			default:
				a.wantError(t, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
			}
		}
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	d := start(t)
	d.five()
	for _, path := range []string{"/api/auth/jwks", "/healthz", "/readyz", "/v1/events", "/events/types", "/events/list", "/v1/events?limit=x"} {
		body, head := d.call("GET", path, d.root, nil), d.call("HEAD", path, d.root, nil)
		if head.status != body.status || head.header.Get("Content-Length") != fmt.Sprint(len(body.body)) || len(head.body) != 0 {
			t.Errorf("%s: HEAD %d of length %s, GET %d of %d bytes", path, head.status, head.header.Get("Content-Length"), body.status, len(body.body))
		}
		for _, a := range []answer{body, head} {
			if a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: headers %v", path, a.header)
			}
		}
	}
}

func TestOddPaths(t *testing.T) {
	d := start(t)
	for _, path := range []string{
		"/", "/nothing", "/events", "/events/", "/events/track/", "/EVENTS/TRACK", "/v1", "/v1/keys/a/b", "/v1/events/stream/x",
		"//", "//events/list", "/events//list", "/events/list//", "/events/../v1/status", "/./healthz", "/events/list/..", "/..",
		"/v1%2fevents", "/v1/keys/a%2Fb", "/%2e%2e/v1/events", "/v1/%2E/events", "/v1/events%00", "/v1/events%0a", "/v1/events%0d%0aX: y",
		"/v1/keys/%5c", "/healthz%20", "/healthz;x=1", "/h\xe4lthz",
	} {
		got := d.raw("GET " + strings.ReplaceAll(path, " ", "%20") + " HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + d.root + "\r\nConnection: close\r\n\r\n")
		status, _, _ := strings.Cut(got, "\r\n")
		if status != "HTTP/1.1 400 Bad Request" && status != "HTTP/1.1 404 Not Found" && status != "HTTP/1.1 405 Method Not Allowed" {
			t.Errorf("GET %q: %s", path, status)
		}
		if !strings.Contains(got, "Content-Type: application/json\r\n") {
			t.Errorf("GET %q: %s", path, got)
		}
	}
	if strings.Contains(d.log.String(), "panic") {
		t.Errorf("a path made a handler panic:\n%s", d.log.String())
	}
}

// panicking is the health of a node with a bug.
type panicking struct{ httpapi.Health }

func (panicking) Status() any { panic("a bug") }

// late answers well and then cannot go on.
type late struct{ httpapi.Health }

func (late) Status() any { return func() {} } // has no JSON

func TestPanicEndsOneRequest(t *testing.T) {
	d := start(t, func(o *httpapi.Options, _ *http.Server) { o.Health = panicking{o.Health} })
	for range 3 {
		d.call("GET", "/v1/status", d.root, nil).wantError(t, http.StatusInternalServerError, "INTERNAL_SERVER_ERROR")
		if a := d.call("GET", "/readyz", "", nil); a.status != http.StatusOK {
			t.Errorf("the next request: %d %s", a.status, a.body)
		}
	}
	if n := strings.Count(d.log.String(), "handler panicked"); n != 3 {
		t.Errorf("%d panics are in the log, want 3", n)
	}
}

func TestInternalErrorsAreLoggedNotTold(t *testing.T) {
	d := start(t, func(o *httpapi.Options, _ *http.Server) { o.Health = late{o.Health} })
	a := d.call("GET", "/v1/status?x="+d.root, d.root, nil)
	if want := `{"message":"internal error","code":"INTERNAL_SERVER_ERROR"}`; a.status != 500 || string(a.body) != want {
		t.Errorf("%d %s, want %s", a.status, a.body, want)
	}
	if n := strings.Count(d.log.String(), `"msg":"request failed"`); n != 1 {
		t.Errorf("%d errors are in the log, want 1", n)
	}
}

// broken is a log that cannot be read to its end.
type broken struct {
	httpapi.Log
	end func() error
}

func (b broken) Blocks(ctx context.Context, from uint64, fn func(uint64, []byte, block.Block) error) error {
	blocks := 0
	return b.Log.Blocks(ctx, from, func(first uint64, raw []byte, parsed block.Block) error {
		if blocks++; blocks > 1 {
			return b.end()
		}
		return fn(first, raw, parsed)
	})
}

// An answer that has begun and cannot be ended well is cut off, so that nobody takes
// it for the whole.
func TestAnswerThatBreaksOff(t *testing.T) {
	for name, end := range map[string]func() error{
		"by an error": func() error { return errors.New("a bad disk") },
		"by a bug":    func() error { panic("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(o *httpapi.Options, _ *http.Server) { o.Store = broken{o.Store, end} })
			d.five()
			if a, err := d.try(d.public, "GET", "/v1/blocks", d.root, nil); err == nil {
				t.Errorf("a whole answer: %d, %d bytes", a.status, len(a.body))
			}
			if !strings.Contains(d.log.String(), `"level":"ERROR"`) {
				t.Error("the log says nothing")
			}
		})
	}
}

// unready is the health of a node that cannot take requests.
type unready struct{ httpapi.Health }

func (unready) Ready() []string { return []string{"the cluster has no leader"} }

func TestHealth(t *testing.T) {
	d := start(t)
	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/readyz": `{"status":"ready"}`} {
		if a := d.call("GET", path, "", nil); a.status != http.StatusOK || string(a.body) != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	d = start(t, func(o *httpapi.Options, _ *http.Server) { o.Health = unready{o.Health} })
	if a := d.call("GET", "/readyz", "", nil); a.status != http.StatusServiceUnavailable || strings.Contains(string(a.body), "leader") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := d.call("GET", "/healthz", "", nil); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestStarting(t *testing.T) {
	for _, answers := range []bool{false, true} {
		s := httptest.NewServer(httpapi.Starting(httpapi.Settings{AnswerUnavailable: answers}))
		defer s.Close()
		d := &daemon{t: t, public: s, client: s.Client()}
		for _, tt := range []struct {
			method, path string
			status       int
			body         string
		}{
			{"GET", "/api/auth/jwks", 200, `{"keys":[]}`},
			{"HEAD", "/api/auth/jwks", 200, ``},
			{"POST", "/api/auth/jwks", 503, `{"message":"dashd is starting","code":"STARTING"}`},
			{"GET", "/healthz", 200, `{"status":"ok"}`},
			{"GET", "/readyz", 503, `{"message":"dashd is starting","code":"STARTING"}`},
			{"POST", "/events/track", 503, `{"message":"dashd is starting","code":"STARTING"}`},
			{"POST", "//events/track", 503, `{"message":"dashd is starting","code":"STARTING"}`},
		} {
			a := d.call(tt.method, tt.path, "any", nil)
			if a.status != tt.status || string(a.body) != tt.body || a.header.Get("Content-Type") != "application/json" || (a.status == 503) != (a.header.Get("Retry-After") != "") {
				t.Errorf("%s %s: %d %s %v", tt.method, tt.path, a.status, a.body, a.header)
			}
		}
		a, err := d.try(s, "POST", "/ingest/studio?key=k", "", studioEvent)
		if answers != (err == nil) || answers && a.status != http.StatusServiceUnavailable {
			t.Errorf("the studio got %d, %v", a.status, err)
		}
	}
}

// The limits of the server for a request and its answer are those of small ones: a
// body that takes longer to arrive is read, and answered.
func TestBodyMayTakeLongerThanARequest(t *testing.T) {
	d := start(t, func(_ *httpapi.Options, s *http.Server) {
		s.ReadHeaderTimeout, s.IdleTimeout = time.Minute, time.Minute
		s.ReadTimeout, s.WriteTimeout = time.Nanosecond, time.Nanosecond
	})
	for _, path := range []string{"/ingest/events", "/ingest/studio"} {
		if a := d.call("POST", path, d.root, `[{"type":"user.joined"}]`); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// A body that gets stuck is given up: with an answer, or without for the studio. What
// has arrived of it is stored.
func TestBodyThatGetsStuck(t *testing.T) {
	d := start(t)
	d.api.SetPatience(0, 0, 50*time.Millisecond, 0)
	for _, tt := range []struct{ path, want string }{
		{"/ingest/studio", ""},
		{"/ingest/events", `{"message":"the body did not arrive as a whole","code":"BODY_BROKEN","accepted":1,`},
		{"/events/track", `{"message":"the body did not arrive as a whole","code":"BODY_BROKEN"}`},
	} {
		head := d.node.Store.Head()
		got := d.raw("POST " + tt.path + " HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + d.root + "\r\nContent-Length: 1000\r\n\r\n" + `[{"type":"user.joined"},`)
		if tt.want == "" && got != "" || tt.want != "" && !(strings.HasPrefix(got, "HTTP/1.1 400 ") && strings.Contains(got, tt.want)) {
			t.Errorf("%s: answered %q", tt.path, got)
		}
		if stored := d.node.Store.Head() - head; tt.path != "/events/track" && stored != 1 {
			t.Errorf("%s: %d events stored, want 1", tt.path, stored)
		}
	}
}

// A query that takes too long is given up.
func TestQueryThatTakesTooLong(t *testing.T) {
	d := start(t)
	d.five()
	d.call("GET", "/v1/events", d.root, nil) // waits until they are indexed
	d.api.SetPatience(0, 0, 0, time.Nanosecond)
	for _, path := range []string{"/v1/events?q=x", "/v1/events/stats?q=x", "/events/list?search=x", "/events/activity?organizationIds=o&identifier=i"} {
		a := d.call("GET", path, d.root, nil)
		a.wantError(t, http.StatusServiceUnavailable, "QUERY_TOO_BROAD")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
}

func TestEveryAnswerIsJSON(t *testing.T) {
	d := start(t)
	d.five()
	for _, rt := range httpapi.Routes() {
		if rt.Endless {
			continue
		}
		for _, query := range []string{"", "?limit=x&organizationIds=o&userId=u"} {
			a := d.call(rt.Method, filled(rt.Pattern)+query, d.root, nil)
			if rt.Scope == "export" && a.status == http.StatusOK && a.header.Get("Content-Type") == "application/x-ndjson" {
				continue
			}
			if a.status >= 500 || a.header.Get("Content-Type") != "application/json" || !json.Valid(a.body) {
				t.Errorf("%s %s%s: %d %s", rt.Method, rt.Pattern, query, a.status, a.body)
			}
		}
	}
}
