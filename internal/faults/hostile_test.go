package faults_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	"github.com/klauspost/compress/zstd"

	"dashd/internal/dashdtest"
)

// hostile is a request that nobody should send.
type hostile struct {
	what   string
	method string // "": POST with a body, GET without
	path   string
	header http.Header
	body   []byte
	// lenient says that the API promises to make sense of it: 2xx will do as well.
	lenient bool
}

// producers are the paths that take bodies.
var producers = []string{"/events/track", "/ingest/events", "/ingest/studio"}

// revoked is a key that used to work; bombs are made once.
type arsenal struct {
	revoked            string
	gzipBomb, zstdBomb []byte
}

const (
	bombPart  = 16 << 20
	bombParts = 640 // 10 GiB together
)

func newArsenal(revoked string) (*arsenal, error) {
	zeros := make([]byte, bombPart)
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(zeros); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	e, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	return &arsenal{
		revoked:  revoked,
		gzipBomb: bytes.Repeat(packed.Bytes(), bombParts),
		zstdBomb: bytes.Repeat(e.EncodeAll(zeros, nil), bombParts),
	}, e.Close()
}

// kinds are the ways to be hostile; each has the same share of the requests.
func (a *arsenal) kinds() []func(*rand.Rand) hostile {
	return []func(*rand.Rand) hostile{
		malformed, wrongTypes, duplicateKeys, badUTF8, deep, huge, a.bomb, badEncoding,
		a.wrongKey, badQuery, badPath, mutated,
	}
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// example is the body of a good request for a path.
func example(rng *rand.Rand, path string) []byte { return exampleOf(rng, path, "hostile") }

func exampleOf(rng *rand.Rand, path, who string) []byte {
	form := byte(formNative)
	if path == "/events/track" {
		form = formTrack
	}
	e := makeEvent(fmt.Sprintf("%c-%s.%d", form, who, rng.Uint64()))
	return e.json()
}

func malformed(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	good := example(rng, path)
	body := pick(rng,
		good[:1+rng.IntN(len(good)-1)], // cut short
		[]byte(strings.Replace(string(good), ":", "=", 1)),
		[]byte(strings.ReplaceAll(string(good), `"`, "'")),
		[]byte(`{"eventType":NaN}`), []byte(`{`), []byte(`}`), []byte(`[1,`), []byte(`{"a":1,}`), []byte("\x00"), []byte("\xef\xbb\xbf{"),
		noise(rng, 1+rng.IntN(1000)),
	)
	return hostile{what: "malformed JSON", path: path, body: body}
}

func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	b[0] = pick(rng, byte('{'), '[', '"') // something that wants to be JSON
	return b
}

func wrongTypes(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	value := pick(rng, `true`, `[]`, `[[]]`, `{"a":{}}`, `[1e999]`, `{"length":1e9}`)
	if rng.IntN(3) == 0 {
		return hostile{what: "a body of the wrong type", path: path, body: []byte(pick(rng, `1`, `"x"`, `null`, `true`, `[1]`, `["x"]`, `[[[]]]`, `{"events":{}}`, `{"events":"x"}`))}
	}
	if path == "/events/track" {
		return hostile{what: "a field of the wrong type", path: path, body: fmt.Appendf(nil, `{"eventType":%s,"eventKey":%s,"eventData":%s}`, value, value, value)}
	}
	return hostile{what: "a field of the wrong type", path: path, body: fmt.Appendf(nil,
		`{"id":%s,"type":%s,"timestamp":%s,"status":%s,"metadata":%s}`, value, value, value, value, value)}
}

func duplicateKeys(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	good := string(example(rng, path))
	member := pick(rng, `"metadata":{},`, `"type":"user.joined",`, `"id":"other",`)
	if path == "/events/track" {
		member = pick(rng, `"eventData":{},`, `"eventType":"user_created",`, `"eventKey":"other",`)
	}
	return hostile{what: "a name twice", path: path, body: []byte("{" + member + good[1:])}
}

func badUTF8(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	bad := pick(rng, "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82")
	return hostile{what: "bad UTF-8", path: path, body: []byte(strings.Replace(string(example(rng, path)), `"pad":"`, `"pad":"`+bad, 1))}
}

func deep(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	n := pick(rng, 200, 10_000, 1_000_000)
	open, shut := pick(rng, "[", `{"a":`), ""
	if rng.IntN(2) == 0 {
		shut = strings.Repeat(map[string]string{"[": "]", `{"a":`: "}"}[open], n)
	}
	nest := strings.Repeat(open, n) + map[bool]string{true: "1", false: ""}[shut != ""] + shut
	if rng.IntN(2) == 0 {
		nest = strings.Replace(string(example(rng, path)), `"x" : `, `"deep":`+nest+`,"x":`, 1)
	}
	return hostile{what: "deep nesting", path: path, body: []byte(nest)}
}

func huge(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	var body []byte
	switch rng.IntN(4) {
	case 0: // a text without end
		body = append([]byte(`{"type":"`), bytes.Repeat([]byte("x"), 33<<20)...)
	case 1: // nothing
		body = bytes.Repeat([]byte(" "), 33<<20)
	case 2: // a great many of nothing
		body = append([]byte("["), bytes.Repeat([]byte("[],"), 200_000)...)
	default: // one large event
		body = []byte(strings.Replace(string(example(rng, path)), `"x" : `, `"large":"`+strings.Repeat("x", 300<<10)+`","x":`, 1))
	}
	return hostile{what: "a huge body", path: path, body: body}
}

func (a *arsenal) bomb(rng *rand.Rand) hostile {
	h := hostile{what: "a gzip bomb", path: pick(rng, producers...), header: http.Header{"Content-Encoding": {"gzip"}}, body: a.gzipBomb}
	if rng.IntN(2) == 0 {
		h.what, h.body = "a zstd bomb", a.zstdBomb
		h.header = http.Header{"Content-Encoding": {"zstd"}}
	}
	return h
}

func badEncoding(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	body := exampleOf(rng, path, mutant) // whole in a packing that is not
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body) // to memory
	_ = z.Close()
	lenient := false
	encoding := pick(rng, "gzip", "zstd", "br", "deflate", "gzip, gzip", "\x01")
	if encoding == "\x01" {
		lenient = true // what could be unpacked may be taken
		encoding, body = "gzip", packed.Bytes()[:packed.Len()-1-rng.IntN(packed.Len()/2)]
	}
	if encoding == "zstd" && rng.IntN(2) == 0 {
		body = []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x00, 0x00} // asks for a window of 2 GiB
	}
	return hostile{what: "a wrong encoding", path: path, body: body, lenient: lenient, header: http.Header{"Content-Encoding": {encoding}}}
}

func (a *arsenal) wrongKey(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	key := pick(rng, "", a.revoked, "x", strings.Repeat("k", 4000), dashdtest.Key+"x", dashdtest.Key[:len(dashdtest.Key)-1], "dk_\u00fc")
	h := hostile{what: "a wrong key", path: path, body: example(rng, path)}
	switch rng.IntN(3) {
	case 0:
		h.header = http.Header{"X-Api-Key": {key}}
	case 1:
		h.header = http.Header{"X-Api-Key": {""}, "Authorization": {pick(rng, "Bearer ", "Basic ", "bearer", "") + key}}
	default:
		h.header = http.Header{"X-Api-Key": {""}}
		h.path += "?key=" + url.QueryEscape(key)
	}
	if rng.IntN(4) == 0 {
		h.path, h.body = pick(rng, "/v1/events", "/v1/keys", "/v1/status", "/v1/blocks", "/events/list"), nil
	}
	return h
}

func badQuery(rng *rand.Rand) hostile {
	path := pick(rng, "/v1/events", "/v1/events/stats", "/api/events", "/events/user", "/events/organization", "/events/activity",
		"/events/list", "/events/audit-logs", "/events/all-audit-logs", "/v1/keys", "/events/types")
	q := url.Values{}
	for range 1 + rng.IntN(3) {
		name := pick(rng, "limit", "offset", "after", "cursor", "since", "until", "sort", "order", "type", "userId", "days", "severity", "q", "country", "organizationId", "project")
		q.Add(name, pick(rng, "NaN", "1e+23", "-1", "0", "Infinity", "0x10", "1_0", "99999999999999999999", "\x00", "\xff\xfe", "%", "' OR 1=1 --",
			"../../etc/passwd", strings.Repeat("9", 2000), "no-such-cursor", "[object Object]", "undefined", "2026-13-45T99:99:99Z"))
	}
	return hostile{what: "a bad query", path: path + "?" + q.Encode(), lenient: true}
}

func badPath(rng *rand.Rand) hostile {
	return hostile{
		what:    "a bad path or method",
		lenient: true, // OPTIONS
		method:  pick(rng, "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"),
		path: pick(rng, "/no/such/path", "/events/track/", "//events/track", "/events/../v1/status", "/v1/keys/%00", "/%2e%2e/%2e%2e/etc/passwd",
			"/"+strings.Repeat("a/", 3000), "/v1/keys/"+strings.Repeat("x", 3000), "/debug/pprof/", "/EVENTS/TRACK"),
	}
}

// mutant marks, in more than one place, an event that may be in the log although
// nobody meant to send it.
const mutant = "mutant"

// mutated is a good request with some bytes changed. It may still be one, and then
// it keeps its mark where the log would show it.
func mutated(rng *rand.Rand) hostile {
	path := pick(rng, producers...)
	for {
		body := exampleOf(rng, path, mutant)
		for range 1 + rng.IntN(5) {
			body[rng.IntN(len(body))] = byte(rng.Uint32())
		}
		if showsMark(body) {
			return hostile{what: "a mutation", path: path, body: body, lenient: true}
		}
	}
}

// showsMark reports whether an event made of body shows the mark; what is no JSON
// makes no event. Changes can hit the names of all the members that carry it.
func showsMark(body []byte) bool {
	var members map[string]json.RawMessage // looser than dashd's own decoder
	if json.Unmarshal(body, &members) != nil {
		return true
	}
	for _, name := range []string{"id", "metadata", "eventDisplayName", "eventData"} {
		if bytes.Contains(members[name], []byte(mutant)) {
			return true
		}
	}
	return false
}

// send sends h and returns the status.
func (h *hostile) send(c *http.Client, base string) (int, []byte, error) {
	method, body := h.method, io.Reader(nil)
	if h.body != nil {
		body = bytes.NewReader(h.body)
	}
	if method == "" {
		method = http.MethodGet
		if h.body != nil {
			method = http.MethodPost
		}
	}
	req, err := http.NewRequest(method, base+h.path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-Api-Key", dashdtest.Key)
	req.Header.Set("Content-Type", "application/json")
	for name, values := range h.header {
		req.Header[name] = values
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}
