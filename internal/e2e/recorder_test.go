package e2e_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// call is one request to dashd and its answer.
//
// began and ended are ticks of one clock that counts requests and answers. If
// a.ended < b.began, dashd had answered a before it could know of b.
type call struct {
	method, path string
	body         []byte
	status       int  // 0 while unanswered
	gone         bool // the sender did not wait for the answer
	contentType  string
	answer       []byte
	began, ended int
}

// recorder is a proxy in front of dashd that remembers what passed.
type recorder struct {
	URL   string
	proxy http.Handler
	// mayGo says that senders may go before they are answered: their events must be stored all the same.
	mayGo bool

	mu      sync.Mutex
	clock   int
	calls   []*call
	pending int
	changed chan struct{} // closed, and replaced, at each answer
}

func newRecorder(t *testing.T, target string) *recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{
		proxy: &httputil.ReverseProxy{
			Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(u) },
			// A connection kept from before a restart of dashd would cost the
			// next event, and the plugin does not send an event twice.
			Transport: &http.Transport{DisableKeepAlives: true},
		},
		changed: make(chan struct{}),
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender has gone
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	c := r.begin(&call{method: req.Method, path: req.URL.Path, body: body})

	answer := httptest.NewRecorder()
	r.proxy.ServeHTTP(answer, req)
	c.answer, c.contentType = answer.Body.Bytes(), answer.Header().Get("Content-Type")
	c.gone = req.Context().Err() != nil
	r.end(c, answer.Code)

	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(c.answer)
}

func (r *recorder) begin(c *call) *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	c.began = r.clock
	r.calls = append(r.calls, c)
	r.pending++
	return c
}

func (r *recorder) end(c *call, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	c.ended, c.status = r.clock, status
	r.pending--
	close(r.changed)
	r.changed = make(chan struct{})
}

// tracked returns the calls of POST /events/track when there are at least n and
// every call has its answer.
func (r *recorder) tracked(t *testing.T, n int) []*call {
	t.Helper()
	giveUp := time.After(patience)
	for {
		tracked, pending, changed := r.state()
		if pending == 0 && len(tracked) >= n {
			return tracked
		}
		select {
		case <-changed:
		case <-giveUp:
			t.Fatalf("the plugin sent %d events (%d requests unanswered), expected %d", len(tracked), pending, n)
		}
	}
}

func (r *recorder) state() (tracked []*call, pending int, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c.method == http.MethodPost && c.path == "/events/track" {
			tracked = append(tracked, c)
		}
	}
	return tracked, r.pending, r.changed
}

// find returns the first call of path.
func (r *recorder) find(method, path string) *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c.method == method && c.path == path {
			return c
		}
	}
	return nil
}
