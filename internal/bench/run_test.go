package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/internal/bench"
)

// node is a server that counts what reaches it.
type node struct {
	mu       sync.Mutex
	events   int
	requests map[string]int // by path
	ids      map[string]bool
	studio   map[string]bool  // ids
	fail     func(n int) bool // the n-th request, from 1
	busy     func(n int) bool // the same, with an answer that asks to come later
	n        int              // but for those that ask how it is
	slow     int              // how often it has to be asked until its tables have followed
	early    []string         // paths that were asked for before they had
	followed int              // events that the tables hold
	asked    int              // since they last held all
	secret   bool             // it does not say how it is
	stopping bool             // the same, for another reason
}

// status is the answer to GET /v1/status, with n.mu held.
func (n *node) status(w http.ResponseWriter) {
	if n.secret {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if n.stopping {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if n.followed < n.events {
		if n.asked++; n.asked > n.slow {
			n.followed, n.asked = n.events, 0
		}
	}
	fmt.Fprintf(w, `{"head":%d,"persisted":%[1]d,"indexed":%[1]d,"access":%[1]d,"dash":{"seq":%d}}`, n.events, n.followed)
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Header.Get("X-Api-Key") != "the-key" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/v1/status" {
		n.status(w)
		return
	}
	n.n++
	if n.requests == nil {
		n.requests = map[string]int{}
	}
	n.requests[r.URL.Path]++
	if r.Method == http.MethodGet && n.followed < n.events {
		n.early = append(n.early, r.URL.Path)
	}
	if n.fail != nil && n.fail(n.n) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "busy")
		return
	}
	if n.busy != nil && n.busy(n.n) {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	switch r.URL.Path {
	case "/events/track":
		n.events++
		fmt.Fprint(w, `{"success":true}`)
	case "/ingest/events":
		var events []json.RawMessage
		if err := json.Unmarshal(body, &events); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, e := range events {
			if n.ids != nil {
				n.ids[string(e)] = true
			}
		}
		n.events += len(events)
		fmt.Fprintf(w, `{"accepted":%d,"duplicates":0,"rejected":0,"results":[]}`, len(events))
	case "/ingest/studio":
		var sent struct {
			Events []struct{ ID string }
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, e := range sent.Events {
			if n.studio[e.ID] || !aUUID.MatchString(e.ID) {
				fmt.Fprintf(w, `{"accepted":0,"duplicates":1,"rejected":[]}`)
				return
			}
			if n.studio == nil {
				n.studio = map[string]bool{}
			}
			n.studio[e.ID] = true
		}
		n.events += len(sent.Events)
		fmt.Fprintf(w, `{"accepted":%d,"duplicates":0,"rejected":[]}`, len(sent.Events))
	default:
		fmt.Fprint(w, `{"events":[]}`)
	}
}

var aUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$`)

// measure runs scenarios against n.
func measure(t *testing.T, n *node, change func(*bench.Options)) ([]bench.Result, error) {
	t.Helper()
	server := httptest.NewServer(n)
	defer server.Close()
	var results []bench.Result
	o := bench.Options{
		URLs: []string{server.URL}, Key: "the-key", Scenarios: bench.Scenarios(), Duration: 20 * time.Millisecond, Clients: 2, Seed: 1, Users: 100,
		Report: func(r bench.Result) { results = append(results, r) },
	}
	change(&o)
	err := bench.Run(t.Context(), o)
	return results, err
}

func TestEveryScenarioRuns(t *testing.T) {
	var n node
	results, err := measure(t, &n, func(*bench.Options) {})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	events := int64(0)
	for i, sc := range bench.Scenarios() {
		r := results[i]
		names = append(names, r.Scenario)
		events += r.Events
		if r.Scenario != sc.Name || r.Requests == 0 || r.Errors != 0 || r.FirstErr != "" || r.Clients != 2 {
			t.Errorf("%s: %+v", sc.Name, r)
		}
		if want := r.Requests * int64(sc.Events); r.Events != want {
			t.Errorf("%s: %d events of %d requests, want %d", sc.Name, r.Events, r.Requests, want)
		}
		if r.P50 <= 0 || r.P99 < r.P50 || r.Max < r.P99 || r.PerSec <= 0 || r.Seconds < 0.02 {
			t.Errorf("%s: %+v", sc.Name, r)
		}
		if r.CPUPer != -1 || r.WrotePer != -1 || r.FlushesPer != -1 || r.Others != -1 || r.Quiet || r.PeakRSS != -1 {
			t.Errorf("%s: what is not known is given as %+v", sc.Name, r)
		}
	}
	if int64(n.events) != events {
		t.Errorf("%q report %d events; the node has %d", names, events, n.events)
	}
}

// The requests of the warm-up reach the node and are not in the figures.
func TestWarmupIsNotCounted(t *testing.T) {
	var n node
	results, err := measure(t, &n, func(o *bench.Options) {
		o.Scenarios, o.Warmup = bench.Scenarios()[:1], 20*time.Millisecond
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := results[0].Requests; got >= int64(n.n) || got == 0 {
		t.Errorf("%d requests reported of %d", got, n.n)
	}
}

func TestErrorsAreReported(t *testing.T) {
	n := node{fail: func(n int) bool { return n%2 == 0 }}
	results, err := measure(t, &n, func(o *bench.Options) { o.Scenarios = bench.Scenarios()[:1] })
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	if r.Errors == 0 || r.Requests == 0 || r.Events != r.Requests || r.FirstErr != "HTTP 503: busy" || int(r.Errors+r.Requests) != n.n {
		t.Errorf("%+v of %d requests", r, n.n)
	}
}

// Where nothing succeeds there is no figure.
func TestNoFigureWithoutSuccess(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*bench.Options)
		says   string
	}{
		{"a wrong key", func(o *bench.Options) { o.Key = "no" }, "track: HTTP 401"},
		{"nobody there", func(o *bench.Options) { o.URLs = []string{"http://127.0.0.1:1"} }, "connection refused"},
		{"a preload that is refused", func(o *bench.Options) { o.Key, o.Preload = "no", 1 }, "preload: HTTP 401"},
	} {
		results, err := measure(t, &node{}, tt.change)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: Run = %v, want %q", tt.name, err, tt.says)
		}
		for _, r := range results {
			if r.Requests != 0 || r.P50 != 0 || r.PerSec != 0 || r.Errors == 0 || r.FirstErr == "" {
				t.Errorf("%s: %+v", tt.name, r)
			}
		}
	}
}

func TestPreload(t *testing.T) {
	n := node{ids: map[string]bool{}}
	told := 0
	_, err := measure(t, &n, func(o *bench.Options) {
		o.Scenarios, o.Preload, o.Progress = nil, 2_500, func(n int) { told = n }
	})
	if err != nil || n.events != 3_000 || told != 3_000 {
		t.Errorf("Run = %v; %d events stored, %d told of; want 3000", err, n.events, told)
	}
	if len(n.ids) < 2_990 { // few sign-ins look alike to the millisecond
		t.Errorf("%d different events of %d", len(n.ids), n.events)
	}
}

// Nothing is left out because the node was busy, and nothing stored twice; another refusal ends the preload.
func TestPreloadOfABusyNode(t *testing.T) {
	n := node{busy: func(n int) bool { return n%2 == 1 }}
	_, err := measure(t, &n, func(o *bench.Options) { o.Scenarios, o.Preload = nil, 2_500 })
	if err != nil || n.events != 3_000 || n.n < 4 {
		t.Errorf("Run = %v; %d events stored by %d requests, want 3000", err, n.events, n.n)
	}
	n = node{fail: func(int) bool { return true }}
	if _, err := measure(t, &n, func(o *bench.Options) { o.Scenarios, o.Preload = nil, 2_500 }); err == nil || n.n > 8 {
		t.Errorf("Run = %v after %d requests", err, n.n)
	}
}

func TestLocalScenario(t *testing.T) {
	broken := errors.New("no binary")
	results, err := measure(t, &node{}, func(o *bench.Options) {
		o.Scenarios = []bench.Scenario{
			{Name: "own", Local: func(context.Context) (bench.Result, error) { return bench.Result{Requests: 1}, nil }},
			{Name: "bad", Local: func(context.Context) (bench.Result, error) { return bench.Result{}, broken }},
		}
	})
	if !errors.Is(err, broken) || len(results) != 2 || results[0].Scenario != "own" || results[1].FirstErr != "no binary" {
		t.Errorf("Run = %v, %+v", err, results)
	}
}

// The node's use of the machine is divided by what was done in between.
func TestUsagePerEvent(t *testing.T) {
	calls := 0
	results, err := measure(t, &node{}, func(o *bench.Options) {
		o.Scenarios = bench.Scenarios()[3:4]
		o.Usage = func() (bench.Usage, bool) {
			calls++
			return bench.Usage{CPU: time.Duration(calls) * time.Hour, Written: int64(calls) << 40, PeakRSS: 7}, true
		}
	})
	// Usage is read before the warm-up, before and after what is measured, and at the end.
	if err != nil {
		t.Fatal(err)
	}
	r := results[0]
	if r.CPUPer != time.Hour/time.Duration(r.Events) || r.WrotePer != float64(int64(1)<<40)/float64(r.Events) || r.PeakRSS != 7 {
		t.Errorf("%+v", r)
	}
}

func TestStored(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		events     int
		ok         bool
	}{
		{"all", `{"accepted":2,"duplicates":0,"rejected":0,"results":[{"seq":1},{"seq":2}]}`, 2, true},
		{"fewer", `{"accepted":1,"duplicates":0,"rejected":1,"results":[]}`, 2, false},
		{"a number that begins alike", `{"accepted":20,"duplicates":0,"rejected":0,"results":[]}`, 2, false},
		{"of the studio's wire, all", `{"accepted":2,"duplicates":0,"rejected":[]}`, 2, true},
		{"of the studio's wire, one rejected", `{"accepted":2,"duplicates":0,"rejected":[{"index":2}]}`, 2, false},
		{"duplicates", `{"accepted":0,"duplicates":2,"rejected":0,"results":[]}`, 2, false},
		{"tracked", `{"success":true}`, 1, true},
		{"tracked, in a batch", `{"success":true}`, 2, false},
		{"nothing", ``, 1, false},
	} {
		if err := bench.Stored(strings.NewReader(tt.body), tt.events); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	cut := io.MultiReader(bytes.NewReader(make([]byte, 200)), brokenReader{})
	if err := bench.Stored(cut, 1); !errors.Is(err, errBroken) {
		t.Errorf("a broken answer: %v", err)
	}
}

var errBroken = errors.New("broken")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func TestUsageOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: usage is read from /proc, which is Linux's")
	}
	u, ok := bench.UsageOf(os.Getpid())
	if !ok || u.PeakRSS < 1<<20 || u.CPU < 0 {
		t.Errorf("UsageOf(this process) = %+v, %v", u, ok)
	}
	if _, ok := bench.UsageOf(1 << 30); ok {
		t.Error("UsageOf a process that does not exist = true")
	}
}
