package httpapi_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"dashd/eventlog"
	"dashd/geo"
	"dashd/httpapi"
	"dashd/internal/genevents"
	"dashd/internal/wire"
)

// recorder is the least a handler can write to.
type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }

// post hands a request to the handler, without a connection in between.
func post(b *testing.B, d *daemon, path, body string) {
	r, err := http.NewRequest("POST", path, strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("X-Api-Key", d.root)
	w := &recorder{header: http.Header{}}
	d.public.Config.Handler.ServeHTTP(w, r)
	_, _ = io.Copy(io.Discard, r.Body)
	if w.status != http.StatusOK {
		b.Errorf("status %d", w.status)
	}
}

// BenchmarkTrack is the dash plugin's write: one durable event a request, from 64
// clients at once.
func BenchmarkTrack(b *testing.B) {
	d := start(b)
	bodies := captured(b)
	var n atomic.Uint64
	b.ReportAllocs()
	b.SetParallelism(32) // of each of the processors
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			post(b, d, "/events/track", string(bodies[n.Add(1)%uint64(len(bodies))]))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkIngest1000 is the bulk write: batches of 1,000 events without ids of
// their own, from 8 clients at once.
func BenchmarkIngest1000(b *testing.B) { benchmarkIngest(b, func(*rand.Rand, *eventlog.Record) {}) }

// BenchmarkIngest1000Unlocated and BenchmarkIngest1000Located measure what places cost:
// events from anywhere in the world that say nothing of the place, taken in by a node that does
// not look it up, and by one that does.
func BenchmarkIngest1000Unlocated(b *testing.B) { benchmarkIngest(b, abroad) }

func BenchmarkIngest1000Located(b *testing.B) {
	l, err := geo.Open(geo.Options{Precision: geo.City})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkIngest(b, abroad, func(o *httpapi.Options, _ *http.Server) { o.Places = l })
}

// abroad gives an event any address, and no place.
func abroad(rnd *rand.Rand, r *eventlog.Record) {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], rnd.Uint32())
	r.IPAddress = netip.AddrFrom4(a).String()
	r.City, r.Region, r.Country, r.CountryCode = "", "", "", ""
}

func benchmarkIngest(b *testing.B, change func(*rand.Rand, *eventlog.Record), changes ...with) {
	const size = 1000
	d := start(b, changes...)
	rnd := rand.New(rand.NewPCG(1, 1))
	var batches []string
	for seed := range uint64(8) {
		var text []byte
		for _, r := range genevents.Records(seed, size) {
			change(rnd, &r)
			text = append(wire.AppendEvent(text, &r, "", r.Shown), '\n')
		}
		batches = append(batches, withoutIDs(b, string(text)))
	}
	var n atomic.Uint64
	b.ReportAllocs()
	b.SetBytes(int64(len(batches[0])))
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			post(b, d, "/ingest/events", batches[n.Add(1)%uint64(len(batches))])
		}
	})
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// withoutIDs takes the id, which comes first, from each line.
func withoutIDs(b *testing.B, lines string) string {
	var out strings.Builder
	for line := range strings.Lines(lines) {
		_, rest, ok := strings.Cut(line, `","type":`)
		if !ok {
			b.Fatal("a line without an id: " + line)
		}
		fmt.Fprint(&out, `{"type":`, rest)
	}
	return out.String()
}

// BenchmarkQuery20 is the newest page of a user with a thousand events.
func BenchmarkQuery20(b *testing.B) {
	d := start(b)
	var body strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&body, "{\"type\":\"user.logged_in\",\"userId\":\"u%d\",\"metadata\":{\"name\":\"Ada\"}}\n", i%20)
	}
	post(b, d, "/ingest/events", body.String())
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest("GET", "/v1/events?userId=u7", nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("X-Api-Key", d.root)
		w := &recorder{header: http.Header{}}
		if d.public.Config.Handler.ServeHTTP(w, r); w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}

// BenchmarkReadTables and BenchmarkReadEvents are what a read costs on a node that is alone, at the level it has by default.
func BenchmarkReadTables(b *testing.B) { benchmarkRead(b, "/dash/organizations") }

func BenchmarkReadEvents(b *testing.B) { benchmarkRead(b, "/v1/events?limit=1") }

func benchmarkRead(b *testing.B, path string) {
	d := start(b)
	post(b, d, "/ingest/events", `{"type":"user.joined","userId":"u1"}`)
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest("GET", path, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("X-Api-Key", d.root)
		w := &recorder{header: http.Header{}}
		if d.public.Config.Handler.ServeHTTP(w, r); w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}
