package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/httpapi"
	"dashd/internal/commands"
	"dashd/projections"
)

// listener is a reader of the stream.
type listener struct {
	t     testing.TB
	body  io.ReadCloser
	lines *bufio.Reader
}

// listen opens the stream, behind the event with seq last if that is not "".
func (d *daemon) listen(key, query, last string) *listener {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	d.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", d.public.URL+"/v1/events/stream"+query, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := d.client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" {
		d.t.Fatalf("stream: %d, Content-Type %q", res.StatusCode, got)
	}
	l := &listener{d.t, res.Body, bufio.NewReader(res.Body)}
	if line, err := l.lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, ":") {
		d.t.Fatalf("the stream begins with %q, %v", line, err)
	}
	return l
}

func (l *listener) close() { _ = l.body.Close() }

// line returns the next line that says something.
func (l *listener) line() (string, error) {
	for {
		line, err := l.lines.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); err != nil || line != "" {
			return line, err
		}
	}
}

// next returns the next event and the id it came under.
func (l *listener) next() (id string, e event, err error) {
	l.t.Helper()
	for {
		line, err := l.line()
		if err != nil {
			return "", e, err
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				l.t.Fatalf("%v in %s", err, data)
			}
			return id, e, nil
		}
		if text, ok := strings.CutPrefix(line, "id: "); ok {
			id = text
		} else if !strings.HasPrefix(line, ":") {
			l.t.Fatalf("unexpected line %q", line)
		}
	}
}

// want reads an event that must be the one with the given id.
func (l *listener) want(id string) {
	l.t.Helper()
	if _, e, err := l.next(); err != nil || e.ID != id {
		l.t.Fatalf("got %q, %v, want %q", e.ID, err, id)
	}
}

// However often a reader loses the connection, and wherever: coming back with the
// last id it saw, it gets every event of its project once and in order.
func TestStreamResumes(t *testing.T) {
	d := start(t)
	const seed, writers, each = 17, 4, 150
	mine, theirs := d.project("mine"), d.project("theirs")
	begin := d.node.Store.Head()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			for sent := 0; sent < each; {
				n := min(1+rng.IntN(40), each-sent)
				var body strings.Builder
				for i := range n {
					fmt.Fprintf(&body, "{\"id\":\"w%d-%d\",\"type\":\"user.joined\"}\n", w, sent+i)
				}
				sent += n
				for _, key := range []string{mine, theirs} {
					if a, err := d.try(d.public, "POST", "/ingest/events", key, body.String()); err != nil || a.status != http.StatusOK {
						t.Errorf("ingest: %d %s %v", a.status, a.body, err)
					}
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(seed, 99))
	last := strconv.FormatUint(begin, 10)
	seen := map[string]uint64{}
	for len(seen) < writers*each {
		var l *listener
		if rng.IntN(2) == 0 {
			l = d.listen(mine, "", last)
		} else {
			l = d.listen(mine, "?after="+last, "")
		}
		for range min(1+rng.IntN(60), writers*each-len(seen)) {
			id, e, err := l.next()
			if err != nil {
				t.Fatal(err)
			}
			before, _ := strconv.ParseUint(last, 10, 64)
			if id != strconv.FormatUint(e.Seq, 10) || e.Seq <= before || seen[e.ID] != 0 {
				t.Fatalf("seed %d: got %s under id %s after %s", seed, e.ID, id, last)
			}
			seen[e.ID], last = e.Seq, id
		}
		l.close()
	}
	wg.Wait()
	stored := map[string]uint64{}
	for _, e := range get[nativePage](d, "/v1/events?limit=1000", mine).Events {
		stored[e.ID] = e.Seq
	}
	if !reflect.DeepEqual(seen, stored) {
		t.Errorf("seed %d: %d events were read, %d are stored", seed, len(seen), len(stored))
	}
}

func TestStreamFilters(t *testing.T) {
	d := start(t)
	other := d.project("other")
	for query, want := range map[string]string{
		"":                           "e5 e1 e9 e3 e7",
		"userId=u2":                  "e9 e3",
		"type=user_signed_in":        "e9 e3",
		"status=failed":              "e9",
		"type=user_sign_in_failed":   "e9",
		"q=created":                  "e1 e7",
		"since=2025-06-01T10:00:03Z": "e7",
		"type=user.*&origin=api":     "e5 e9 e3",
	} {
		begin := strconv.FormatUint(d.node.Store.Head(), 10)
		project := "f" + begin
		key := d.project(project)
		if a := d.call("POST", "/ingest/events", key, fiveEvents+`{"id":"last","type":"user.banned"}`); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := d.call("POST", "/ingest/events", other, strings.ReplaceAll(fiveEvents, `"id":"`, `"id":"`+project)); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		l := d.listen(key, "?"+query, begin)
		for id := range strings.SplitSeq(want, " ") {
			l.want(id)
		}
		l.close()
	}
	// From the end on, without a place to begin.
	l := d.listen(other, "?type=user.banned", "")
	if a := d.call("POST", "/ingest/events", other, `[{"type":"user.joined"},{"type":"user.banned","id":"new"}]`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	l.want("new")
	l.close()
	for _, last := range []string{"x", "-1", "1.5", "18446744073709551615", "e5"} {
		d.call("GET", "/v1/events/stream", other, nil, "Last-Event-ID", last).wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
	d.call("GET", "/v1/events/stream?status=x", other, nil).wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
}

// A silent stream says that it is alive, longer than the server waits for any
// request or answer.
func TestStreamOutlivesTheServersPatience(t *testing.T) {
	d := start(t, func(_ *httpapi.Options, s *http.Server) {
		s.ReadHeaderTimeout, s.IdleTimeout = time.Minute, time.Minute
		s.ReadTimeout, s.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	})
	d.api.SetPatience(50*time.Millisecond, 0, 0, 0)
	for _, ahead := range []bool{false, true} {
		last := ""
		if ahead { // as of a node that is further
			last = strconv.FormatUint(d.node.Store.Head()+2, 10)
		}
		l := d.listen(d.root, "", last)
		for range 12 {
			if line, err := l.line(); err != nil || line != ": " {
				t.Fatalf("%q, %v, want a heartbeat", line, err)
			}
		}
		d.append(
			eventlog.Event{Project: "default", Type: "user.joined", ID: fmt.Sprint("1", ahead), GivenID: true},
			eventlog.Event{Project: "default", Type: "user.joined", ID: fmt.Sprint("2", ahead), GivenID: true},
			eventlog.Event{Project: "default", Type: "user.joined", ID: fmt.Sprint("3", ahead), GivenID: true},
		)
		if ahead {
			l.want("3true")
		} else {
			l.want("1false")
		}
		l.close()
	}
}

func TestStreamEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(d *daemon, k commands.CreatedKey)
	}{
		{"when the node is about to stop", func(d *daemon, _ commands.CreatedKey) { close(d.stopping) }},
		{"when its key is revoked", func(d *daemon, k commands.CreatedKey) {
			if _, err := d.commands.RevokeKey(context.Background(), projections.Operator("test"), commands.KeyRevoke{ID: k.ID}); err != nil {
				d.t.Fatal(err)
			}
			d.append(eventlog.Event{Project: "default", Type: "user.joined", ID: "secret", GivenID: true})
		}},
		{"when its key expires", func(d *daemon, _ commands.CreatedKey) { d.ahead.Store(120_000) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t)
			d.api.SetPatience(50*time.Millisecond, 0, 0, 0)
			k := d.key("default", 60, "events:read")
			l := d.listen(k.Text, "", "")
			d.append(eventlog.Event{Project: "default", Type: "user.joined", ID: "first", GivenID: true})
			l.want("first")
			tt.end(d, k)
			if _, e, err := l.next(); err == nil {
				t.Errorf("got %s, want the end", e.ID)
			}
		})
	}
}

// A reader that takes nothing is cut off; the others do not notice.
func TestStreamCutsOffSlowReaders(t *testing.T) {
	closed := make(chan string, 100)
	d := start(t, func(_ *httpapi.Options, s *http.Server) {
		s.ConnState = func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed <- c.RemoteAddr().String()
			}
		}
	})
	d.api.SetPatience(0, 300*time.Millisecond, 0, 0)
	slow, err := net.Dial("tcp", d.public.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := io.WriteString(slow, "GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nX-Api-Key: "+d.root+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Read(make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	l := d.listen(d.root, "", "")
	const blocks, each = 40, 20 // more than sockets hold
	go func() {                 // ends with its work, for which the reader below waits
		for i := range blocks {
			var events []eventlog.Event
			for range each {
				events = append(events, eventlog.Event{
					Project: "default", Type: "user.joined",
					Personal: eventlog.Personal{Metadata: []byte(`{"x":"` + strings.Repeat("x", 30<<10) + `"}`)},
				})
			}
			events[each-1].ID, events[each-1].GivenID = fmt.Sprint("b", i), true
			d.append(events...)
		}
	}()
	for i := range blocks * each {
		_, e, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		if i%each == each-1 && e.ID != fmt.Sprint("b", i/each) {
			t.Fatalf("event %d is %q", i, e.ID)
		}
	}
	l.close()
	timeout := time.After(time.Minute)
	for {
		select {
		case addr := <-closed:
			if addr == slow.LocalAddr().String() {
				return
			}
		case <-timeout:
			t.Fatal("the slow reader is not cut off")
		}
	}
}

// What GET /v1/blocks gives is the log.
func TestBlocks(t *testing.T) {
	d := start(t)
	d.five()
	for _, tt := range []struct {
		query    string
		from, to uint64
	}{{"", 1, 1 << 50}, {"?from=2", 2, 1 << 50}, {"?to=1", 1, 1}, {"?from=4&to=3", 4, 3}, {"?from=99999", 99999, 1 << 50}} {
		a := d.call("GET", "/v1/blocks"+tt.query, d.root, nil)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/octet-stream" {
			t.Fatalf("%s: %d %s", tt.query, a.status, a.body)
		}
		d.compareBlocks(a.body, tt.from, tt.to)
	}
	d.call("GET", "/v1/blocks?from=0", d.root, nil).wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
}
