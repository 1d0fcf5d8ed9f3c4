package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// stream is a node whose log has a fixed number of events, and whose connections
// break after each of them.
type stream struct {
	head     uint64
	streams  atomic.Int32
	refuseAt int32 // the connection that is refused; 0: none
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/events" {
		w.Header().Set("Dashd-Seq", "5")
		fmt.Fprint(w, `{"events":[]}`)
		return
	}
	if n := s.streams.Add(1); n == s.refuseAt {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message":"Invalid API key","code":"UNAUTHORIZED"}`)
		return
	}
	after, _ := strconv.ParseUint(r.Header.Get("Last-Event-Id"), 10, 64)
	fmt.Fprint(w, ": stream of events\n\n")
	if after < s.head {
		fmt.Fprintf(w, "id: %d\ndata: {\"seq\":%d}\n\n", after+1, after+1)
	}
	// An event that is cut off is not printed: it comes again.
	fmt.Fprintf(w, "id: %d\ndata: {\"seq\":", after+2)
}

func TestTailGoesOnWhereItWas(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after string // "": from the end, which is 5
		want  string
	}{
		{"from a seq", "2", `{"seq":3} {"seq":4} {"seq":5} {"seq":6} {"seq":7}`},
		{"from the end", "", `{"seq":6} {"seq":7}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			node := &stream{head: 7, refuseAt: 6}
			if tt.after == "" {
				node.refuseAt = 3
			}
			server := httptest.NewServer(node)
			defer server.Close()
			var out, note bytes.Buffer
			tl := tailer{
				client: &client{http: server.Client(), base: server.URL, key: "k"}, query: url.Values{},
				asJSON: true, out: &out, note: &note, last: tt.after, pause: 1,
			}
			err := tl.run(context.Background())
			if err == nil || !strings.Contains(err.Error(), "Invalid API key (UNAUTHORIZED, HTTP 401)") {
				t.Errorf("run = %v, want the refusal", err)
			}
			if got := strings.Join(strings.Fields(out.String()), " "); got != tt.want {
				t.Errorf("printed\n%s\nwant\n%s", got, tt.want)
			}
			if !strings.Contains(note.String(), "the connection is lost") {
				t.Errorf("noted %q", note.String())
			}
		})
	}
}

func TestTailThatNeverConnects(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	tl := tailer{client: &client{http: server.Client(), base: server.URL}, query: url.Values{}, last: "1", out: &bytes.Buffer{}, note: &bytes.Buffer{}}
	if err := tl.run(context.Background()); err == nil {
		t.Error("run = nil, want the error of the connection")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tl.run(ctx); err != nil {
		t.Errorf("interrupted: run = %v, want nil", err)
	}
}
