package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/internal/drains"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/relay"
	"dashd/internal/seal"
	"dashd/projections"
)

// daemon is a real node in a directory of its own, served on loopback as dashd
// serves it. Everything it logs is kept, and none of its keys may be in it.
type daemon struct {
	t        testing.TB
	node     *node.Node
	relay    *relay.Relay
	sealer   *seal.Sealer
	access   *projections.Follower
	commands *commands.Commands
	api      *httpapi.Server
	public   *httptest.Server // what applications see
	socket   *httptest.Server // what the machine's operator sees
	client   *http.Client
	root     string // a key with all scopes, of project "default"
	secrets  []string
	log      logBuffer
	ahead    atomic.Int64 // ms that the clock is fast
	stands   time.Time    // if not zero, the clock does
	scenes   atomic.Int64 // how many projects were made for them
	stages   []stage      // those that are free
	txt      txtRecords   // what the domain name system says
	drains   *drains.Deliverer
	sent     destinations // what log drains have sent
	stopping chan struct{}
	stop     func() // stops the node; what serves it goes on
}

// logBuffer collects a log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// with changes a daemon before it is served.
type with func(*httpapi.Options, *http.Server)

// start runs a node until the end of the test.
func start(t testing.TB, changes ...with) *daemon {
	t.Helper()
	return startAt(t, time.Time{}, changes...)
}

// startAt is start with a clock that stands at a time, unless that is zero.
func startAt(t testing.TB, at time.Time, changes ...with) *daemon {
	t.Helper()
	d := &daemon{t: t, stopping: make(chan struct{}), stands: at}
	log := slog.New(slog.NewJSONHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	n, err := node.Open(context.Background(), node.Config{
		Dir: dir, Log: log, Now: d.now,
		// Whether the machine's disk is full is not what these tests are about.
		Database: kv.Options{MinFree: 1}, Watermarks: node.Watermarks{Alarm: kv.Watermark{Bytes: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	d.node, d.sealer, d.access = n, sealer, projections.NewFollower(n.Store, n.Index)
	d.relay = relay.New(n.Appender, n, relay.Options{Log: log, Access: d.access, Now: d.now, NodeID: n.Identity().NodeID})
	d.commands = d.commandsWith(commands.Organizations{})
	d.drains = drains.New(drains.Options{
		Log: log, Events: n.Store, Index: n.Index, Dash: n.Dash, Positions: n.KV, Sealer: sealer,
		Sender: &d.sent, Lead: n.Cluster, Suspend: d.commands.SuspendDrain,
		Advance: d.commands.AdvanceDrains, Others: n.HasOthers,
	})
	d.run()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if d.root, err = d.commands.Bootstrap(ctx, commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	d.secrets = append(d.secrets, d.root)
	d.serve(log, changes)
	return d
}

// commandsWith are the node's commands under other rules for organizations.
func (d *daemon) commandsWith(rules commands.Organizations) *commands.Commands {
	return commands.New(commands.Options{
		Appender: d.node.Appender, Reports: d.relay, Access: d.access, Dash: d.node.Dash, Log: d.node.Store, Sealer: d.sealer,
		Now: d.now, Settle: d.node.Settle, Organizations: rules, Resolver: &d.txt,
	})
}

// run starts the node's goroutines.
func (d *daemon) run() {
	// In the order in which they end.
	parts := []func(context.Context) error{d.drains.Run, d.access.Run, d.node.Run}
	stops, ended := make([]func(), len(parts)), make([]chan error, len(parts))
	for i, run := range parts {
		ctx, cancel := context.WithCancel(context.Background())
		stops[i], ended[i] = cancel, make(chan error, 1)
		go func() { ended[i] <- run(ctx) }()
	}
	d.stop = sync.OnceFunc(func() {
		for i, stop := range stops {
			stop()
			if err := <-ended[i]; err != nil {
				d.t.Errorf("the node ended with %v", err)
			}
		}
	})
	d.t.Cleanup(d.stop)
}

// options are those of a server over the node.
func (d *daemon) options(log *slog.Logger) httpapi.Options {
	return httpapi.Options{
		Log: log, Now: d.now, Store: d.node.Store, Index: d.node.Index, Appender: d.relay, Cluster: d.node, Membership: &others{d: d},
		Access: d.access, Dash: d.node.Dash, History: d.node.History, Commands: d.commands, Drains: d.drains, Health: d, Stopping: d.stopping,
	}
}

func (d *daemon) serve(log *slog.Logger, changes []with) {
	o := d.options(log)
	var servers []*httptest.Server
	for range 2 {
		s := httptest.NewUnstartedServer(nil)
		s.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
		for _, change := range changes {
			change(&o, s.Config)
		}
		servers = append(servers, s)
	}
	d.api, d.public, d.socket = httpapi.New(o), servers[0], servers[1]
	d.public.Config.Handler, d.socket.Config.Handler = d.api.Handler(false), d.api.Handler(true)
	d.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for _, s := range servers {
		s.Start()
	}
	d.t.Cleanup(func() {
		d.client.CloseIdleConnections()
		for _, s := range servers {
			s.CloseClientConnections()
			s.Close()
		}
		text := d.log.String()
		for _, secret := range d.secrets {
			if strings.Contains(text, secret) {
				d.t.Errorf("the key %s is in the log:\n%s", secret, text)
			}
		}
	})
}

// now is the daemon's clock.
func (d *daemon) now() int64 {
	if !d.stands.IsZero() {
		return d.stands.UnixMilli() + d.ahead.Load()
	}
	return time.Now().UnixMilli() + d.ahead.Load()
}

// Ready implements httpapi.Health.
func (d *daemon) Ready() []string { return d.node.NotReady() }

// Status implements httpapi.Health.
func (d *daemon) Status() any { return map[string]uint64{"head": d.node.Store.Head()} }

// project makes a project and returns a key of it with the scopes of an application.
func (d *daemon) project(id string) string {
	d.t.Helper()
	_, err := d.commands.CreateProject(context.Background(), projections.Operator("test"), commands.ProjectCreate{ID: id})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.key(id, 0, "events:read", "events:write").Text
}

// key makes a key of a project that lives so many seconds.
func (d *daemon) key(project string, seconds int64, scopes ...string) commands.CreatedKey {
	d.t.Helper()
	k, err := d.commands.CreateKey(context.Background(), projections.Operator("test"),
		commands.KeyCreate{Project: project, Scopes: scopes, Lifetime: seconds})
	if err != nil {
		d.t.Fatal(err)
	}
	d.secrets = append(d.secrets, k.Text)
	return k
}

// answer is what the daemon answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request with a key in the header and returns the answer. pairs are
// further headers.
func (d *daemon) call(method, path, key string, body any, pairs ...string) answer {
	d.t.Helper()
	a, err := d.try(d.public, method, path, key, body, pairs...)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is call for what may end without an answer, at either face.
func (d *daemon) try(at *httptest.Server, method, path, key string, body any, pairs ...string) (answer, error) {
	d.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	case io.Reader:
		in = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			d.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, at.URL+path, in)
	if err != nil {
		d.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	res, err := d.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text}, err
}

// get reads a path as JSON into a value and fails the test if it is not a 200.
func get[T any](d *daemon, path, key string) T {
	d.t.Helper()
	return decode[T](d.t, d.call("GET", path, key, nil), http.StatusOK)
}

// decode reads an answer that must have a status.
func decode[T any](t testing.TB, a answer, status int) T {
	t.Helper()
	var v T
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// wantError compares an answer with the body every error has.
func (a answer) wantError(t testing.TB, status int, code string) {
	t.Helper()
	var body struct{ Message, Code string }
	_ = json.Unmarshal(a.body, &body)
	if a.status != status || body.Code != code || body.Message == "" {
		t.Errorf("got %d %s, want %d with code %s and a message", a.status, a.body, status, code)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q", got)
	}
}

// sameJSON reports whether two JSON texts are the same value, numbers digit by digit.
func sameJSON(t testing.TB, a, b []byte) bool {
	t.Helper()
	values := [2]any{}
	for i, text := range [][]byte{a, b} {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&values[i]); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

// append writes events without HTTP.
func (d *daemon) append(events ...eventlog.Event) {
	d.t.Helper()
	for i := range events {
		if err := events[i].Check(d.now()); err != nil {
			d.t.Fatal(err)
		}
	}
	if _, err := d.node.Appender.Append(context.Background(), events); err != nil {
		d.t.Fatal(err)
	}
}

// raw sends text over a connection of its own and returns all that comes back.
func (d *daemon) raw(text string) string {
	d.t.Helper()
	c, err := net.Dial("tcp", d.public.Listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		d.t.Fatal(err)
	}
	got, _ := io.ReadAll(c)
	return string(got)
}

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
