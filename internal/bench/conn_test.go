package bench_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dashd/internal/bench"
)

// Whatever a server does with its connections, its answers are read to the end and none is taken for another.
func TestAnswersOverAnyConnection(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, n int)
		errors string // part of the first error; "": there is none
	}{
		{"it stays", func(w http.ResponseWriter, _ int) { fmt.Fprint(w, "{}") }, ""},
		{"it is closed behind each answer", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "{}")
		}, ""},
		{"answers come in chunks", func(w http.ResponseWriter, _ int) {
			fmt.Fprint(w, long)
			w.(http.Flusher).Flush()
			fmt.Fprint(w, long)
		}, ""},
		{"each third answer is an error", func(w http.ResponseWriter, n int) {
			if n%3 == 0 {
				http.Error(w, "not now"+long, http.StatusTeapot)
			}
		}, "HTTP 418: not now"},
		{"each third answer is cut short", func(w http.ResponseWriter, n int) {
			if n%3 == 0 {
				w.Header().Set("Content-Length", "100")
			}
			fmt.Fprint(w, "{}")
		}, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/below/v1/status" {
					http.NotFound(w, r) // nothing is waited for
					return
				}
				n++
				if r.Method != http.MethodGet || r.URL.Path != "/below/v1/events" || r.Header.Get("X-Api-Key") != "the-key" {
					t.Errorf("%s %s with key %q", r.Method, r.URL, r.Header.Get("X-Api-Key"))
				}
				tt.answer(w, n)
			}))
			defer server.Close()
			var r bench.Result
			err := bench.Run(t.Context(), bench.Options{
				URLs: []string{server.URL + "/below"}, Key: "the-key", Duration: 50 * time.Millisecond, Clients: 1, Seed: 1, Users: 100,
				Scenarios: []bench.Scenario{scenario(t, "latest20-all")}, Report: func(one bench.Result) { r = one },
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Requests+r.Errors != int64(n) || r.Requests < 2 {
				t.Errorf("%d requests and %d errors of %d", r.Requests, r.Errors, n)
			}
			if (tt.errors == "") != (r.Errors == 0) || !strings.Contains(r.FirstErr, tt.errors) {
				t.Errorf("%d errors: %q", r.Errors, r.FirstErr)
			}
		})
	}
}

func scenario(t *testing.T, name string) bench.Scenario {
	t.Helper()
	for _, s := range bench.Scenarios() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no scenario %s", name)
	return bench.Scenario{}
}
