package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dashd/httpapi"
)

// ingestAnswer is the answer of POST /ingest/events.
type ingestAnswer struct {
	Message, Code                  string
	Accepted, Duplicates, Rejected int
	Results                        []*struct {
		Seq       uint64
		Duplicate bool
		Error     *struct{ Code, Message string }
	}
}

// The answer has one result an event, in the order of the body, whatever becomes of
// each. What is expected is kept in a map from id to content.
func TestIngestResultsAlign(t *testing.T) {
	d := start(t)
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	stored := map[string]string{} // content by id
	seqs := map[string]uint64{}
	head := d.node.Store.Head()
	for range 8 {
		var body strings.Builder
		var want []string
		var ids []string
		for range 500 + rng.IntN(3000) { // up to three pieces
			id := fmt.Sprint("e", rng.IntN(4000))
			content := []string{"user.joined", "user.updated"}[rng.IntN(8)/7]
			switch rng.IntN(10) {
			case 0:
				fmt.Fprintf(&body, "{\"type\":\"NOPE!\",\"id\":%q}\n", id)
				want, ids = append(want, "INVALID_TYPE"), append(ids, "")
				continue
			case 1:
				body.WriteString("no JSON\n")
				want, ids = append(want, "INVALID_EVENT"), append(ids, "")
				continue
			}
			fmt.Fprintf(&body, "{\"type\":%q,\"id\":%q}\n", content, id)
			ids = append(ids, id)
			switch have, known := stored[id]; {
			case !known:
				stored[id] = content
				head++
				seqs[id] = head
				want = append(want, "new")
			case have == content:
				want = append(want, "duplicate")
			default:
				want = append(want, "ID_CONFLICT")
			}
		}
		got := decode[ingestAnswer](t, d.call("POST", "/ingest/events", d.root, body.String(), "Content-Type", "application/x-ndjson"), http.StatusOK)
		if len(got.Results) != len(want) {
			t.Fatalf("seed %d: %d results, want %d", seed, len(got.Results), len(want))
		}
		counts := map[string]int{}
		for i, r := range got.Results {
			outcome := "new"
			switch {
			case r.Error != nil:
				outcome = r.Error.Code
			case r.Duplicate:
				outcome = "duplicate"
			}
			if outcome != want[i] || r.Error == nil && r.Seq != seqs[ids[i]] {
				t.Fatalf("seed %d: event %d is %s at %d, want %s at %d", seed, i, outcome, r.Seq, want[i], seqs[ids[i]])
			}
			counts[outcome]++
		}
		if got.Accepted != counts["new"] || got.Duplicates != counts["duplicate"] || got.Accepted+got.Duplicates+got.Rejected != len(want) {
			t.Errorf("seed %d: counters %d %d %d, counted %v", seed, got.Accepted, got.Duplicates, got.Rejected, counts)
		}
	}
	if d.node.Store.Head() != head {
		t.Errorf("the log ends at %d, want %d", d.node.Store.Head(), head)
	}
}

func TestIngestForms(t *testing.T) {
	d := start(t)
	const one = `{"type":"user.joined"}`
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
		results    int
	}{
		{"one event", one, 200, "", 1},
		{"an array", `[` + one + `,` + one + `]`, 200, "", 2},
		{"an empty array", `[]`, 200, "", 0},
		{"lines", one + "\n" + one + "\n", 200, "", 2},
		{"one bad event", `{"type":"NOPE!"}`, 422, "NOTHING_ACCEPTED", 1},
		{"no JSON behind an event", `[` + one + `,]`, 400, "INVALID_JSON", 1},
		{"no JSON", `nope`, 400, "INVALID_JSON", 0},
		{"nothing", ``, 400, "INVALID_JSON", 0},
		{"another value", `"text"`, 400, "INVALID_BODY", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := decode[ingestAnswer](t, d.call("POST", "/ingest/events", d.root, tt.body, "Content-Type", "text/plain"), tt.status)
			if got.Code != tt.code || len(got.Results) != tt.results {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// An event of the greatest size fills a piece with a few others; no piece is too
// large for a block, whichever fields it is made of.
func TestIngestOfLargeEvents(t *testing.T) {
	d := start(t)
	noise := rand.NewChaCha8([32]byte{1})
	letters := func(n int) string { // that do not compress
		b := make([]byte, n)
		_, _ = noise.Read(b)
		for i := range b {
			b[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[b[i]%64]
		}
		return string(b)
	}
	var body strings.Builder
	n := 0
	for range 20 {
		fmt.Fprintf(&body, "{\"type\":\"user.joined\",\"metadata\":{\"x\":%q}}\n", letters(65_500))
		n++
	}
	for range 3000 {
		fmt.Fprintf(&body, `{"id":%q,"type":%q,"userId":%q,"sessionId":%q,"organizationId":%q,"ipAddress":%q,"userAgent":%q,"display":{"message":%q},"metadata":{"email":%q}}`+"\n",
			letters(128), "x."+strings.ToLower(strings.ReplaceAll(letters(90), "-", "_")), letters(255), letters(255), letters(255), letters(1024), letters(2048), letters(1024), letters(100))
		n++
	}
	got := decode[ingestAnswer](t, d.call("POST", "/ingest/events", d.root, body.String()), http.StatusOK)
	if got.Accepted != n || len(got.Results) != n {
		t.Errorf("accepted %d of %d; %s %s", got.Accepted, n, got.Code, got.Message)
	}
}

// Memory does not grow with the body: 32 MiB go through in a fraction of it.
func TestIngestStreamsItsBody(t *testing.T) {
	d := start(t)
	line := []byte(`{"type":"user.joined","metadata":{"x":"` + strings.Repeat("x", 2000) + "\"}}\n")
	lines := (httpapi.MaxBatchBody - 1) / len(line)
	sent := 0
	var most atomic.Uint64
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	body := readerFunc(func(p []byte) (int, error) {
		if sent == lines {
			return 0, io.EOF
		}
		if sent%1024 == 0 {
			runtime.GC() // what is left is in use
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
		}
		sent++
		return copy(p, line), nil
	})
	got := decode[ingestAnswer](t, d.call("POST", "/ingest/events", d.root, io.Reader(body)), http.StatusOK)
	if got.Accepted != lines {
		t.Fatalf("accepted %d of %d", got.Accepted, lines)
	}
	// The log itself keeps what is not persisted yet; these events compress well.
	if grown := int64(most.Load()) - int64(before.HeapAlloc); grown > httpapi.MaxBatchBody/2 {
		t.Errorf("a body of %d MiB took %d MiB of memory", httpapi.MaxBatchBody>>20, grown>>20)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// When the node stops in the middle of a batch, the answer says which events are
// durable: those, and no others.
func TestIngestEndsInTheMiddle(t *testing.T) {
	d := start(t)
	const half = 3 * httpapi.BatchEvents
	before := d.node.Store.Head()
	in, out := io.Pipe()
	send := func(from int) {
		for i := range half {
			fmt.Fprintf(out, "{\"id\":\"m%d\",\"type\":\"user.joined\"}\n", from+i)
		}
	}
	go func() { // ends with the request
		send(0)
		// A full piece is sent once the next event is there: the last is still waiting.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.node.Store.Wait(ctx, before+half-httpapi.BatchEvents); err != nil {
			t.Error(err)
		}
		d.stop()
		send(half)
		out.Close()
	}()
	a := d.call("POST", "/ingest/events", d.root, io.Reader(in), "Content-Type", "application/x-ndjson")
	got := decode[ingestAnswer](t, a, http.StatusServiceUnavailable)
	if got.Code != "SHUTTING_DOWN" || a.header.Get("Retry-After") == "" {
		t.Errorf("%s %s, Retry-After %q", got.Code, got.Message, a.header.Get("Retry-After"))
	}
	acknowledged := uint64(0)
	for i, r := range got.Results {
		if r == nil {
			continue
		}
		if acknowledged++; r.Seq != before+uint64(i)+1 {
			t.Fatalf("event %d is at %d, want %d", i, r.Seq, before+uint64(i)+1)
		}
	}
	if acknowledged < half-httpapi.BatchEvents || int(acknowledged) != got.Accepted || len(got.Results) <= int(acknowledged) {
		t.Errorf("%d of %d results acknowledge, %d accepted", acknowledged, len(got.Results), got.Accepted)
	}
	if head := d.node.Store.Head(); head != before+acknowledged {
		t.Errorf("the log has %d events, %d were acknowledged", head-before, acknowledged)
	}
}

func TestNativeEventComesBack(t *testing.T) {
	d := start(t)
	const sent = `{"id":"7c5c1f0e-6a55-4d5e-9f0f-2b6f6d6a1f11","type":"user.logged_in","timestamp":"2025-11-22T01:11:53.717Z","status":"failed","userId":"user-456","sessionId":"sess-1","organizationId":"org-1","metadata":{"name":"Alice","n":1.50,"password":"hunter2"},"ipAddress":"203.0.113.7","userAgent":"Mozilla/5.0","source":"api","display":{"message":"Alice tried","severity":"warning"}}`
	if a := d.call("POST", "/ingest/events", d.root, sent); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	page := get[struct{ Events []map[string]json.RawMessage }](d, "/v1/events", d.root)
	got := page.Events[0]
	for _, added := range []string{"seq", "receivedAt", "origin"} {
		if got[added] == nil {
			t.Errorf("no %s", added)
		}
		delete(got, added)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(sent, "hunter2", "[redacted]", 1); !sameJSON(t, text, []byte(want)) {
		t.Errorf("got %s\nwant %s", text, want)
	}
}
