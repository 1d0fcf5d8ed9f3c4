package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
)

// link is where a node that does not lead stands: the network between it and the leader, which is the daemon. It does what
// its script says, a word a try; then the leader answers.
type link struct {
	leader http.Handler // of the leader's cluster port

	mu     sync.Mutex
	script []string
	tries  int
	last   *http.Request // that was sent

	index func(strong bool) (uint64, error)
	age   func(seq uint64) (time.Duration, bool)
}

func (l *link) play(script ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.script, l.tries = script, 0
}

// next is the next word; it is gone then if it is one of those.
func (l *link) next(of ...string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.script) == 0 {
		return ""
	}
	word := l.script[0]
	if slices.Contains(of, word) {
		l.script = l.script[1:]
	}
	return word
}

func (l *link) Leads() bool { return l.next("here") == "here" }

func (l *link) WaitLeader(context.Context) (bool, error) {
	switch l.next("here") {
	case "nobody":
		return false, errs.Wrap(context.DeadlineExceeded, errs.Unavailable, appender.CodeNotLeader, "no leader")
	case "here":
		return true, nil
	}
	return false, nil
}

func (l *link) Do(r *http.Request) (*http.Response, error) {
	word := l.next("unreachable", "deposed", "cut before", "cut after", "cut in answer")
	l.mu.Lock()
	l.tries++
	l.last = r
	l.mu.Unlock()
	switch word {
	case "unreachable":
		return nil, errs.New(errs.Unavailable, appender.CodeNotLeader, "not sent")
	case "cut before":
		return nil, errors.New("connection reset")
	}
	w := httptest.NewRecorder()
	if word == "deposed" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"message":"another node leads","code":"NOT_LEADER"}`)
		return w.Result(), nil
	}
	in := httptest.NewRequest(r.Method, r.URL.String(), r.Body)
	in.Header = r.Header.Clone()
	l.leader.ServeHTTP(w, in)
	switch word {
	case "cut after":
		return nil, errors.New("connection reset")
	case "cut in answer":
		answer := w.Result()
		answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, 5), readerFunc(func([]byte) (int, error) { return 0, errors.New("reset") })))
		return answer, nil
	}
	return w.Result(), nil
}

func (l *link) ReadIndex(_ context.Context, strong bool) (uint64, error) { return l.index(strong) }

func (l *link) Age(seq uint64) (time.Duration, bool) { return l.age(seq) }

// follower is another node of the daemon's cluster, whose disk is the same.
type follower struct {
	*daemon
	link   *link
	api    *httpapi.Server
	public http.Handler
	socket http.Handler
}

// follower serves the daemon's log as a node does that does not lead.
func (d *daemon) follower(changes ...func(*httpapi.Options)) *follower {
	l := &link{
		leader: d.api.PeerHandler(),
		index:  func(bool) (uint64, error) { return d.node.Store.Head(), nil },
		age:    func(uint64) (time.Duration, bool) { return time.Second, true },
	}
	o := d.options(slog.New(slog.DiscardHandler))
	o.Cluster = l
	for _, change := range changes {
		change(&o)
	}
	api := httpapi.New(o)
	return &follower{d, l, api, api.Handler(false), api.Handler(true)}
}

// request sends a request to a face of the follower.
func request(at http.Handler, method, target, body string, pairs ...string) answer {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "198.51.100.7:4711"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	at.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

// deposed are commands of a node that thinks it leads.
type deposed struct{ *appender.Appender }

func (deposed) Term() (uint64, error) {
	return 0, errs.New(errs.Unavailable, appender.CodeNotLeader, "another node leads")
}

// The outcome of a command at a node that does not lead, by what happens on the way.
func TestP9_WhatBecomesOfACommand(t *testing.T) {
	d := start(t)
	f := d.follower(func(o *httpapi.Options) {
		o.Commands = commands.New(commands.Options{
			Appender: deposed{d.node.Appender}, Reports: d.relay, Access: d.access, Dash: d.node.Dash, Log: d.node.Store, Sealer: d.sealer,
			Now: d.now, Settle: d.node.Settle, Resolver: &d.txt,
		})
	})
	for i, tt := range []struct {
		name   string
		script []string
		status int
		code   string
		made   int
		tries  int
	}{
		{"the leader answers", nil, 200, "", 1, 1},
		{"the leader is reached at the third try", []string{"unreachable", "unreachable"}, 200, "", 1, 3},
		{"who was asked leads no more", []string{"deposed"}, 200, "", 1, 2},
		{"this node thought it led", []string{"here"}, 200, "", 1, 1},
		{"this node was about to lead", []string{"unreachable", "here", "deposed"}, 200, "", 1, 3},
		{"there is no leader in time", []string{"nobody"}, 503, "NOT_LEADER", 0, 0},
		{"there is no leader in time, after a certain failure", []string{"deposed", "nobody"}, 503, "NOT_LEADER", 0, 1},
		{"cut off before the leader had it", []string{"cut before"}, 503, "OUTCOME_UNKNOWN", 0, 1},
		{"cut off after the leader had it", []string{"cut after"}, 503, "OUTCOME_UNKNOWN", 1, 1},
		{"cut off in the answer", []string{"cut in answer"}, 503, "OUTCOME_UNKNOWN", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			email := "p9-" + strconv.Itoa(i) + "@example.com"
			body := `{"name":"Ada","email":"` + email + `"}`
			pairs := []string{"X-Api-Key", d.root, "Idempotency-Key", email}
			before := d.node.Store.Head()
			f.link.play(tt.script...)
			a := request(f.public, "POST", "/dash/user", body, pairs...)
			if a.status != tt.status || tt.code != "" && !strings.Contains(string(a.body), `"code":"`+tt.code+`"`) {
				t.Errorf("%d %s, want %d %s", a.status, a.body, tt.status, tt.code)
			}
			if f.link.tries != tt.tries {
				t.Errorf("%d tries, want %d", f.link.tries, tt.tries)
			}
			if made := int(d.node.Store.Head() - before); made != tt.made {
				t.Errorf("%d events, want %d", made, tt.made)
			}
			f.link.play()
			again := request(f.public, "POST", "/dash/user", body, pairs...)
			if again.status != 200 || (again.header.Get("Idempotency-Replayed") == "true") != (tt.made == 1) || int(d.node.Store.Head()-before) != 1 {
				t.Errorf("the repeat: %d %s, replayed %q, %d events", again.status, again.body, again.header.Get("Idempotency-Replayed"), d.node.Store.Head()-before)
			}
			if again.header.Get("Dashd-Seq") == "" || again.header.Get("Dashd-Forwarded-Seq") != "" || again.header.Get("Content-Length") != strconv.Itoa(len(again.body)) {
				t.Errorf("the answer has %v", again.header)
			}
		})
	}
}

// What a command is sent on with: what the client sent, who the client is, and nothing a client could make up.
func TestN4_WhatIsPassedOn(t *testing.T) {
	var noted refusalsNoted
	d := start(t, func(o *httpapi.Options, _ *http.Server) { o.Refusals = &noted })
	f := d.follower(func(o *httpapi.Options) { o.Refusals = nil })
	reads := d.key("default", 0, "users:read").Text
	lying := []string{"X-Api-Key", reads, "Dashd-Forwarded-Operator", "1", "Dashd-Forwarded-Client", "192.0.2.1:1", "Dashd-Forwarded-Seq", "1"}
	t.Run("a client does not become an operator", func(t *testing.T) {
		for _, at := range []http.Handler{f.public, d.api.Handler(false)} {
			request(at, "POST", "/dash/user", `{"name":"Ada","email":"a@example.com"}`, lying...).wantError(t, http.StatusForbidden, "FORBIDDEN")
		}
		lying[1] = d.root
		if a := request(f.public, "POST", "/dash/user?project=default", `{"name":"Ada","email":"lying@example.com"}`, lying...); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if got := f.link.last.Header; got.Get("Dashd-Forwarded-Operator") != "" || got.Get("Dashd-Forwarded-Client") != "198.51.100.7:4711" || got.Get("Dashd-Forwarded-Seq") != "" {
			t.Errorf("passed on: %v", got)
		}
	})
	t.Run("the operator of the machine stays one", func(t *testing.T) {
		if a := request(f.socket, "POST", "/v1/projects", `{"id":"by-socket"}`); a.status != 200 || f.link.last.Header.Get("Dashd-Forwarded-Operator") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := request(f.public, "POST", "/v1/projects", `{"id":"by-nobody"}`); a.status != http.StatusUnauthorized {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("headers about the connection stay there", func(t *testing.T) {
		a := request(f.public, "POST", "/dash/user", `{"name":"Ada","email":"hop@example.com"}`, "X-Api-Key", d.root,
			"Connection", "X-Mine, keep-alive", "X-Mine", "1", "Te", "trailers", "Expect", "100-continue", "Upgrade", "h2c", "X-Theirs", "2")
		got := f.link.last.Header
		for _, name := range []string{"Connection", "X-Mine", "Te", "Expect", "Upgrade"} {
			if got.Get(name) != "" {
				t.Errorf("%s is passed on", name)
			}
		}
		if a.status != 200 || got.Get("X-Theirs") != "2" || got.Get("X-Api-Key") != d.root || got.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s with %v", a.status, a.body, got)
		}
	})
	t.Run("a body comes as it was sent", func(t *testing.T) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, `{"name":"Ada","email":"packed@example.com"}`)
		_ = z.Close()
		if a := request(f.public, "POST", "/dash/user", packed.String(), "X-Api-Key", d.root, "Content-Encoding", "gzip"); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
		f.link.play()
		request(f.public, "POST", "/dash/user", `{"name":"`+strings.Repeat("x", 300<<10)+`"}`, "X-Api-Key", d.root).wantError(t, http.StatusRequestEntityTooLarge, "TOO_LARGE")
		if f.link.tries != 0 {
			t.Error("it was sent")
		}
	})
	t.Run("the leader refuses with the client's address, once", func(t *testing.T) {
		revoked := d.key("default", 0, "users:write")
		// The key is revoked while the request is on its way.
		f.link.leader = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := d.commands.RevokeKey(t.Context(), operatorOf(), commands.KeyRevoke{ID: revoked.ID}); err != nil {
				t.Error(err)
			}
			d.api.PeerHandler().ServeHTTP(w, r)
		})
		before := len(noted.all())
		request(f.public, "POST", "/dash/user", `{"name":"Ada","email":"r@example.com"}`, "X-Api-Key", revoked.Text).wantError(t, http.StatusUnauthorized, "UNAUTHORIZED")
		got := noted.all()[before:]
		if len(got) != 1 || got[0].Peer != netip.MustParseAddr("198.51.100.7") || got[0].Reason != commands.RevokedKey || got[0].Route != "/dash/user" {
			t.Errorf("noted: %+v", got)
		}
	})
}

// refusalsNoted keeps what is noted.
type refusalsNoted struct {
	mu   sync.Mutex
	list []commands.Refusal
}

func (n *refusalsNoted) Note(r commands.Refusal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, r)
}

func (n *refusalsNoted) all() []commands.Refusal {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

// A node passes on what has to be decided, and nothing else. The cluster port has no reads.
func TestWhatIsPassedOnAtAll(t *testing.T) {
	d := start(t)
	f := d.follower()
	d.append(eventlog.Event{Project: "default", Type: eventlog.UserJoined, UserID: "u1", Key: "u1"})
	for _, tt := range []struct{ method, target, body string }{
		{"POST", "/api/auth/check-jti", `{"jti":"here"}`},
		{"POST", "/v1/projections/dash/rebuild", ""},
		{"POST", "/events/track", string(captured(t)[0])},
		{"POST", "/ingest/events", `{"type":"user.joined"}`},
		{"GET", "/dash/users", ""},
		{"GET", "/v1/events", ""},
		{"GET", "/v1/status", ""},
	} {
		f.link.play()
		if a := request(f.public, tt.method, tt.target, tt.body, "X-Api-Key", d.root); a.status != http.StatusOK || f.link.tries != 0 {
			t.Errorf("%s %s: %d %s, passed on %d times", tt.method, tt.target, a.status, a.body, f.link.tries)
		}
	}
	peer := d.api.PeerHandler()
	for _, rt := range httpapi.Routes() {
		a := request(peer, rt.Method, "/peer/api"+strings.NewReplacer("{", "", "}", "", ":", "").Replace(rt.Pattern), "")
		served := a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed
		if want := len(rt.Events) > 0 && rt.Command != "UseJTI" && rt.Command != "ProjectionRebuild"; served != want {
			t.Errorf("%s %s over the cluster port: %d %s", rt.Method, rt.Pattern, a.status, a.body)
		}
	}
}

// A node that is asked over the cluster port and does not lead says so, and passes nothing on: two nodes that take each
// other for the leader do not send a request round.
func TestACommandIsPassedOnOnce(t *testing.T) {
	d := start(t)
	f := d.follower()
	a := request(f.api.PeerHandler(), "POST", "/peer/api/dash/user", `{"name":"Ada","email":"a@example.com"}`, "X-Api-Key", d.root)
	a.wantError(t, http.StatusServiceUnavailable, "NOT_LEADER")
	if f.link.tries != 0 {
		t.Error("it was passed on")
	}
}
