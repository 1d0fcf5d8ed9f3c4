package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

type reading func(io.Reader, wire.Options, int64, wire.Emit) error

// collect reads a body and writes down what was emitted, one line for each
// event: its id and type, or the code of its problem.
func collect(t testing.TB, read reading, body io.Reader, o wire.Options) (lines []string, err error) {
	t.Helper()
	err = read(body, o, now, func(i int, ev eventlog.Event, problem error) error {
		if i != len(lines) {
			t.Errorf("event %d emitted as %d", len(lines), i)
		}
		line := ev.ID + " " + string(ev.Type)
		var p *eventlog.Problem
		if errors.As(problem, &p) {
			line = ev.ID + " " + p.Code
			if rest := (eventlog.Event{ID: ev.ID}); !reflect.DeepEqual(ev, rest) {
				t.Errorf("event %d has a problem and more than an id: %+v", i, ev)
			}
		} else if problem != nil {
			t.Errorf("event %d: %v is no Problem", i, problem)
		}
		lines = append(lines, line)
		return nil
	})
	return lines, err
}

const (
	good  = `{"id":"a","type":"user.joined"}`
	good2 = `{"type":"team.created","id":"b"}`
)

var bigEvent = `{"id":"big","type":"user.joined","metadata":{"x":"` + strings.Repeat(`\"x`, 80_000) + `"}}`

func TestBodies(t *testing.T) {
	const a, b = "a user.joined", "b team.created"
	both, studio, native := []reading{wire.ReadEvents, wire.ReadStudio}, []reading{wire.ReadStudio}, []reading{wire.ReadEvents}
	tests := []struct {
		name    string
		readers []reading
		body    string
		o       wire.Options
		want    []string
		code    string // of the error; "" for none
	}{
		{"one event", both, good, wire.Options{}, []string{a}, ""},
		{"one event among blanks", both, " \r\n\t" + good + "\n \n", wire.Options{}, []string{a}, ""},
		{"one event behind a byte order mark", both, "\ufeff" + good, wire.Options{}, []string{a}, ""},
		{"an array", both, "[" + good + " , " + good2 + "]", wire.Options{}, []string{a, b}, ""},
		{"an empty array", both, " [ ] ", wire.Options{}, nil, ""},
		{"lines", both, good + "\n" + good2, wire.Options{Lines: true}, []string{a, b}, ""},
		{"lines that nobody announced", both, good + "\n" + good2 + "\n", wire.Options{}, []string{a, b}, ""},
		{"lines of Windows, some empty", both, "\r\n" + good + "\r\n\r\n \r\n" + good2 + "\r\n", wire.Options{Lines: true}, []string{a, b}, ""},
		{"no lines", both, "", wire.Options{Lines: true}, nil, ""},
		{"an envelope", studio, `{"events":[` + good + `,` + good2 + `]}`, wire.Options{}, []string{a, b}, ""},
		{"an empty envelope", studio, `{"events":[]}`, wire.Options{}, nil, ""},
		{"an envelope with more in it", studio, `{"v":{"type":1},"n":[1,2],"\u0065vents":[` + good + `] , "type":"x", "z": null }`, wire.Options{}, []string{a}, ""},
		{"an event with a field events", studio, `{"type":"user.joined","id":"a","events":[1]}`, wire.Options{}, []string{a}, ""},
		{"an event with events that are no list", studio, `{"events":{"a":1},"type":"user.joined","id":"a"}`, wire.Options{}, []string{a}, ""},
		{"an envelope is no event of ours", native, `{"events":[` + good + `]}`, wire.Options{}, []string{" INVALID_TYPE"}, ""},

		{"nothing", both, "", wire.Options{}, nil, "INVALID_JSON"},
		{"text", both, "not json", wire.Options{}, nil, "INVALID_JSON"},
		{"a number", both, "12", wire.Options{}, nil, "INVALID_BODY"},
		{"a string", both, ` "x" `, wire.Options{}, nil, "INVALID_BODY"},
		{"two numbers", both, "1 2", wire.Options{}, nil, "INVALID_JSON"},
		{"an object that is neither", studio, `{"a":1,"events":{}}`, wire.Options{}, nil, "INVALID_BODY"},
		{"an empty object", studio, `{}`, wire.Options{}, nil, "INVALID_BODY"},
		{"an object that is neither, and no JSON", studio, `{"a":tru}`, wire.Options{}, nil, "INVALID_JSON"},
		{"an object without an end", both, `{"type":"user.joined"`, wire.Options{}, nil, "INVALID_JSON"},
		{"an array without an end", both, `[` + good + `,`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"a comma too many", both, `[` + good + `,]`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"no comma", both, `[` + good + good2 + `]`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"something behind the array", both, `[` + good + `] x`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"something behind the event", both, good + ` x`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"a second event on the line", both, good + good2, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"an envelope without an end", studio, `{"events":[` + good + `]`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"two lists", studio, `{"events":[` + good + `],"events":[]}`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"an envelope with garbage before the list", studio, `{"a":tru,"events":[` + good + `]}`, wire.Options{}, nil, "INVALID_JSON"},
		{"an envelope with garbage behind the list", studio, `{"events":[` + good + `],"a":tru}`, wire.Options{}, []string{a}, "INVALID_JSON"},

		{"a syntax error ends an array", both, `[` + good + `,{"type":tru},` + good2 + `]`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"brackets that do not match", both, `[` + good + `,{"type":"x.y"],` + good2 + `]`, wire.Options{}, []string{a}, "INVALID_JSON"},
		{"a syntax error ends a line", both, good + "\n{\"type\":tru}\nx\n[1]\n" + good2, wire.Options{Lines: true}, []string{a, " INVALID_EVENT", " INVALID_EVENT", " INVALID_EVENT", b}, ""},
		{"a line cut short", both, good + "\n{\"type\":\"x", wire.Options{}, []string{a, " INVALID_EVENT"}, ""},
		{"a bad type", both, `[` + good + `,{"id":"c","type":"NOPE!"},` + good2 + `]`, wire.Options{}, []string{a, "c INVALID_TYPE", b}, ""},
		{"elements that are no objects", both, `[1,"x",null,[{}],` + good2 + `]`, wire.Options{}, []string{" INVALID_EVENT", " INVALID_EVENT", " INVALID_EVENT", " INVALID_EVENT", b}, ""},
		{"a name twice", both, `[{"id":"c","type":"user.joined","type":"user.joined"},` + good2 + `]`, wire.Options{}, []string{"c INVALID_EVENT", b}, ""},
		{"a name twice deep in a field nobody reads", both, `[{"id":"c","type":"user.joined","x":[{"y":1,"y":1}]},` + good2 + `]`, wire.Options{}, []string{"c INVALID_EVENT", b}, ""},
		{"bytes that are no text", both, "[{\"id\":\"c\",\"type\":\"user.joined\",\"x\":\"\xff\"}," + good2 + "]", wire.Options{}, []string{"c INVALID_EVENT", b}, ""},
		{"an event too large", both, `[` + good + `,` + bigEvent + `,` + good2 + `]`, wire.Options{}, []string{a, " METADATA_TOO_LARGE", b}, ""},
		{"a line too large", both, good + "\n" + bigEvent + "\n" + good2, wire.Options{}, []string{a, " METADATA_TOO_LARGE", b}, ""},
		{"a last line too large", both, good + "\n" + bigEvent, wire.Options{}, []string{a, " METADATA_TOO_LARGE"}, ""},
		{"a single event too large", both, bigEvent, wire.Options{}, []string{" METADATA_TOO_LARGE"}, ""},
		{"an element too large that is a string", both, `["` + strings.Repeat(`\\`, 100_000) + `",` + good2 + `]`, wire.Options{}, []string{" METADATA_TOO_LARGE", b}, ""},
		{"something large behind the list", studio, `{"events":[` + good + `],"x":` + bigEvent + `}`, wire.Options{}, []string{a}, ""},

		{"something large before the list", studio, `{"x":` + bigEvent + `,"events":[` + good + `]}`, wire.Options{}, nil, "INVALID_BODY"},
		{"blanks before the list", studio, `{` + strings.Repeat(" ", 200_000) + `"events":[` + good + `]}`, wire.Options{}, []string{a}, ""},
		{"too many blanks before the list", studio, `{` + strings.Repeat(" ", 300_000) + `"events":[` + good + `]}`, wire.Options{}, nil, "INVALID_BODY"},
		{"any number of blanks elsewhere", both, strings.Repeat(" ", 300_000) + "[" + strings.Repeat("\n", 300_000) + good + "]", wire.Options{}, []string{a}, ""},

		{"as many events as allowed", both, `[` + good + `,` + good2 + `]`, wire.Options{MaxEvents: 2}, []string{a, b}, ""},
		{"more events than allowed", both, `[` + good + `,` + good2 + `]`, wire.Options{MaxEvents: 1}, []string{a}, "TOO_LARGE"},
		{"more lines than allowed", both, good + "\n" + good2, wire.Options{MaxEvents: 1, Lines: true}, []string{a}, "TOO_LARGE"},
		{"as many bytes as allowed", both, `[` + good + `]`, wire.Options{MaxBytes: int64(len(good) + 2)}, []string{a}, ""},
		{"more bytes than allowed", both, `[` + good + `,` + good2 + `]`, wire.Options{MaxBytes: int64(len(good) + 9)}, []string{a}, "TOO_LARGE"},
		{"more lines than bytes are allowed", both, good + "\n" + good2 + "\n", wire.Options{MaxBytes: int64(len(good) + 9), Lines: true}, []string{a}, "TOO_LARGE"},
		{"one byte more than allowed, and that a blank", both, good + " ", wire.Options{MaxBytes: int64(len(good))}, []string{a}, "TOO_LARGE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, read := range tt.readers {
				// A body that comes byte by byte must read the same.
				for _, body := range []io.Reader{strings.NewReader(tt.body), iotest.OneByteReader(strings.NewReader(tt.body)), iotest.DataErrReader(strings.NewReader(tt.body))} {
					got, err := collect(t, read, body, tt.o)
					if !reflect.DeepEqual(got, tt.want) || errs.CodeOf(err) != tt.code {
						t.Errorf("body %.100q\n got %q, %v\nwant %q, %q", tt.body, got, err, tt.want, tt.code)
					}
					if wantKind := kindOf(tt.code); err != nil && errs.KindOf(err) != wantKind {
						t.Errorf("kind of %v = %v, want %v", err, errs.KindOf(err), wantKind)
					}
				}
			}
		})
	}
}

func kindOf(code string) errs.Kind {
	if code == "TOO_LARGE" {
		return errs.TooLarge
	}
	return errs.Invalid
}

// The vectors of studio-ingest section 3 that are about reading; the others are
// about what was stored before.
func TestStudioVectors(t *testing.T) {
	const single = `{"id":"b35698bc-c6e5-4ef9-b3ec-90f0f6421be1","type":"user.joined","timestamp":"2026-11-22T01:09:22.802Z","status":"success","userId":"u1","sessionId":"","metadata":{"email":"a@x.io","name":"Alice Doe"},"ipAddress":"203.0.113.7, 10.0.0.1","source":"app","display":{"message":"Alice Doe joined!","severity":"success"}}`
	tests := []struct {
		name, body string
		want       []string
		code       string
		check      func(t *testing.T, ev eventlog.Event)
	}{
		{"1: the single sample", single, []string{"b35698bc-c6e5-4ef9-b3ec-90f0f6421be1 user.joined"}, "", func(t *testing.T, ev eventlog.Event) {
			want := eventlog.Event{
				ID: "b35698bc-c6e5-4ef9-b3ec-90f0f6421be1", GivenID: true, Type: "user.joined",
				Time: 1795309762802, GivenTime: true, Shown: eventlog.SeveritySuccess, UserID: "u1", Key: "u1",
				Personal: eventlog.Personal{
					Metadata: []byte(`{"email":"a@x.io","name":"Alice Doe"}`), IPAddress: "203.0.113.7",
					Message: "Alice Doe joined!", Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyStudio},
				},
			}
			if !reflect.DeepEqual(ev, want) {
				t.Errorf("\n got %+v\nwant %+v", ev, want)
			}
		}},
		{"4: an empty batch", `{"events":[]}`, nil, "", nil},
		{"5: one of three is bad", `{"events":[` + good + `,{"type":"NOPE!"},` + good2 + `]}`, []string{"a user.joined", " INVALID_TYPE", "b team.created"}, "", nil},
		{"6: a secret", `{"type":"user.delete_verification_requested","status":"success","metadata":{"email":"a@x.io","token":"736dsdrm"}}`, []string{" user.delete_verification_requested"}, "", func(t *testing.T, ev eventlog.Event) {
			if got, want := string(ev.Metadata), `{"email":"a@x.io","token":"[redacted]"}`; got != want {
				t.Errorf("metadata = %s, want %s", got, want)
			}
			if ev.GivenID {
				t.Error("the event has an id of its own")
			}
		}},
		{"7: a message", `{"type":"organization.created","metadata":{"organizationName":"Acme Corp","email":"a@x.io"},"display":{"severity":"nope","message":"New organization \"Acme Corp\" created by undefined"}}`, []string{" organization.created"}, "", func(t *testing.T, ev eventlog.Event) {
			if got, want := ev.Message, `New organization "Acme Corp" created by undefined`; got != want || ev.Shown != eventlog.SeverityNone {
				t.Errorf("message = %q, severity %v, want %q and none", got, ev.Shown, want)
			}
		}},
		{"8: a reserved type", `{"type":"dashd.export.created","status":"success"}`, []string{" RESERVED_TYPE"}, "", nil},
		{"9: no JSON", `not json`, nil, "INVALID_JSON", nil},
		{"10: the first address of a list", `{"type":"user.logged_in","ipAddress":"unknown, 198.51.100.4:443"}`, []string{" user.logged_in"}, "", func(t *testing.T, ev eventlog.Event) {
			if ev.IPAddress != "198.51.100.4" {
				t.Errorf("ip = %q", ev.IPAddress)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := collect(t, wire.ReadStudio, strings.NewReader(tt.body), wire.Options{})
			if !reflect.DeepEqual(got, tt.want) || errs.CodeOf(err) != tt.code {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.code)
			}
			if tt.check != nil {
				tt.check(t, one(t, wire.ReadStudio, tt.body, wire.Options{}))
			}
		})
	}
}

// one reads a body of one event without a problem.
func one(t testing.TB, read reading, body string, o wire.Options) (ev eventlog.Event) {
	t.Helper()
	err := read(strings.NewReader(body), o, now, func(i int, e eventlog.Event, problem error) error {
		ev = e
		if i > 0 {
			t.Errorf("a second event in %s", body)
		}
		return problem
	})
	if err != nil {
		t.Errorf("%v in %s", err, body)
	}
	return ev
}

// The rows that the studio's databases hold, as they are exported.
func TestDatabaseRows(t *testing.T) {
	want := eventlog.Event{
		ID: "r1", GivenID: true, Type: "user.logged_in", Time: 1795309762802, GivenTime: true,
		Status: eventlog.Failed, Source: eventlog.SourceAPI, Shown: eventlog.SeverityFailed, UserID: "7", OrganizationID: "o1", Key: "7",
		Personal: eventlog.Personal{
			Metadata: []byte(`{"email":"a@x.io","n":1.0}`), IPAddress: "203.0.113.7", UserAgent: "Mozilla/5.0",
			Message: "a@x.io failed to login", Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyImport},
		},
	}
	for name, row := range map[string]string{
		"row_to_json of PostgreSQL": `{"id":"r1","type":"user.logged_in","timestamp":"2026-11-22T02:09:22.802345+01:00","status":"failed","user_id":"7","session_id":null,"organization_id":"o1","metadata":{"email":"a@x.io","n":1.0},"ip_address":"203.0.113.7","user_agent":"Mozilla/5.0","source":"api","display_message":"a@x.io failed to login","display_severity":"failed","created_at":"2026-11-22T02:09:22.802345+01:00"}`,
		"text of ClickHouse":        `{"id":"r1","type":"user.logged_in","timestamp":"2026-11-22 01:09:22.802","status":"failed","user_id":7,"session_id":"","organization_id":"o1","metadata":"{\"email\":\"a@x.io\",\"n\":1.0}","ip_address":"203.0.113.7","user_agent":"Mozilla/5.0","source":"api","display_message":"a@x.io failed to login","display_severity":"failed","created_at":"2026-11-22 01:09:23"}`,
		"camelCase of an adapter":   `{"id":"r1","type":"user.logged_in","timestamp":1795309762802,"status":"failed","userId":"7","sessionId":null,"organizationId":"o1","metadata":" {\"email\":\"a@x.io\",\"n\":1.0} ","ipAddress":"203.0.113.7","userAgent":"Mozilla/5.0","source":"api","displayMessage":"a@x.io failed to login","displaySeverity":"failed","createdAt":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := one(t, wire.ReadStudio, row, wire.Options{Import: true}); !reflect.DeepEqual(got, want) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
		})
	}
	t.Run("empty text and null are absent", func(t *testing.T) {
		got := one(t, wire.ReadStudio, `{"id":"","type":"login.failed","timestamp":"","status":"","user_id":null,"metadata":"","ip_address":"","source":null,"display_message":null,"display_severity":""}`, wire.Options{})
		want := eventlog.Event{
			Type: "login.failed", Time: now, Status: eventlog.Failed, Key: "unknown",
			Personal: eventlog.Personal{Metadata: []byte("{}"), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyStudio}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	})
	t.Run("the first of two names that says something counts", func(t *testing.T) {
		got := one(t, wire.ReadStudio, `{"type":"user.joined","userId":"","user_id":"u1","display":{"message":"m"},"display_message":"n"}`, wire.Options{})
		if got.UserID != "u1" || got.Message != "m" {
			t.Errorf("user %q, message %q; want u1 and m", got.UserID, got.Message)
		}
	})
	t.Run("the native API knows no columns", func(t *testing.T) {
		if got := one(t, wire.ReadEvents, `{"type":"user.joined","user_id":"u1"}`, wire.Options{}); got.UserID != "" {
			t.Errorf("user = %q, want none", got.UserID)
		}
	})
}

// Each row is one field of an event, and what becomes of it.
func TestFields(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":0`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	named := func(n int) string { return `{"` + strings.Repeat("k", n) + `":0}` }
	tests := []struct{ name, member, problem string }{
		{"an id with a blank", `"id":"a b"`, "INVALID_ID"},
		{"an id that is a list", `"id":[]`, "INVALID_ID"},
		{"an id that is a number", `"id":12`, ""},
		{"a status of another kind", `"status":"maybe"`, "INVALID_STATUS"},
		{"a status that is no text", `"status":true`, "INVALID_STATUS"},
		{"a source of another kind", `"source":"web"`, "INVALID_SOURCE"},
		{"a source that is no text", `"source":1`, "INVALID_SOURCE"},
		{"a timestamp of milliseconds", `"timestamp":1795309762802`, ""},
		{"a timestamp with decimals", `"timestamp":1795309762802.75`, ""},
		{"a timestamp of another kind", `"timestamp":"yesterday"`, "INVALID_TIMESTAMP"},
		{"a timestamp that is an object", `"timestamp":{}`, "INVALID_TIMESTAMP"},
		{"a timestamp beyond all years", `"timestamp":1e300`, "INVALID_TIMESTAMP"},
		{"a timestamp in two days", `"timestamp":"2026-11-24T01:12:00Z"`, "INVALID_TIMESTAMP"},
		{"a user that is a truth", `"userId":true`, "INVALID_EVENT"},
		{"a user too long", `"userId":"` + strings.Repeat("u", 256) + `"`, "INVALID_EVENT"},
		{"an address that is a number", `"ipAddress":1`, "INVALID_EVENT"},
		{"metadata that is a list", `"metadata":[]`, "INVALID_EVENT"},
		{"metadata that is the text of a list", `"metadata":"[]"`, "INVALID_EVENT"},
		{"metadata that is the text of half an object", `"metadata":"{"`, "INVALID_EVENT"},
		{"metadata that is the text of null", `"metadata":"null"`, ""},
		{"metadata that is the text of an object with a name twice", `"metadata":"{\"a\":1,\"a\":1}"`, "INVALID_EVENT"},
		{"metadata of 16 levels", `"metadata":` + deep(16), ""},
		{"metadata of 17 levels", `"metadata":` + deep(17), "METADATA_TOO_LARGE"},
		{"metadata of 17 levels as text", `"metadata":` + quote(deep(17)), "METADATA_TOO_LARGE"},
		{"metadata of 16 levels as text", `"metadata":` + quote(deep(16)), ""},
		{"metadata of 256 members", `"metadata":` + wide(256), ""},
		{"metadata of 257 members", `"metadata":` + wide(257), "METADATA_TOO_LARGE"},
		{"metadata with a name of 128 bytes", `"metadata":` + named(128), ""},
		{"metadata with a name of 129 bytes", `"metadata":` + named(129), "METADATA_TOO_LARGE"},
		{"metadata of 64 KiB", `"metadata":{"a":"` + strings.Repeat("x", 64<<10-8) + `"}`, ""},
		{"metadata of 64 KiB and a byte", `"metadata":{"a":"` + strings.Repeat("x", 64<<10-7) + `"}`, "METADATA_TOO_LARGE"},
		{"another field of 17 levels", `"x":` + deep(17), "INVALID_EVENT"},
		{"another field of 257 members", `"x":` + wide(257), "INVALID_EVENT"},
		{"another field with a long name", `"x":` + named(129), "INVALID_EVENT"},
		{"a display that is text", `"display":"x"`, "INVALID_EVENT"},
		{"a message that is a number", `"display":{"message":1}`, "INVALID_EVENT"},
		{"a severity that is a number", `"display":{"severity":1}`, ""},
		{"a field that nobody knows", `"seq":12,"hash":[{}]`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := `[{` + tt.member + `,"type":"user.joined"},` + good2 + `]`
			got, err := collect(t, wire.ReadEvents, strings.NewReader(body), wire.Options{})
			if err != nil || len(got) != 2 || got[1] != "b team.created" {
				t.Fatalf("%.200s: %q, %v", body, got, err)
			}
			what := got[0][strings.LastIndexByte(got[0], ' ')+1:]
			if want := tt.problem; what != want && (want != "" || what != "user.joined") {
				t.Errorf("%.200s: %q, want %q", body, what, want)
			}
		})
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestNumbersAsIDs(t *testing.T) {
	for number, want := range map[string]string{
		"12": "12", "-3": "-3", "9007199254740993": "9007199254740993", "1e3": "1000", "1.0": "1", "2.5": "2.5", "0": "0",
	} {
		if got := one(t, wire.ReadEvents, `{"type":"user.joined","userId":`+number+`}`, wire.Options{}); got.UserID != want {
			t.Errorf("userId %s is read as %q, want %q", number, got.UserID, want)
		}
	}
}

// An error of emit, or of the body, is the caller's and comes back as it is.
func TestErrorsOfOthersComeBack(t *testing.T) {
	mine := errors.New("enough")
	n := 0
	err := wire.ReadEvents(strings.NewReader("["+good+","+good2+"]"), wire.Options{}, now, func(int, eventlog.Event, error) error {
		n++
		return mine
	})
	if !errors.Is(err, mine) || n != 1 {
		t.Errorf("after %d events: %v, want %v after 1", n, err, mine)
	}
	for _, lines := range []bool{false, true} {
		body := io.MultiReader(strings.NewReader(good+"\n"+good2+"\n{"), iotest.ErrReader(mine))
		got, err := collect(t, wire.ReadEvents, body, wire.Options{Lines: lines})
		if !errors.Is(err, mine) || len(got) != 2 {
			t.Errorf("lines %t: %q, %v; want two events and %v", lines, got, err, mine)
		}
	}
}

// repeated is a body that is made while it is read.
type repeated struct {
	n    int // times that text is still to come
	text string
	rest string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// allocated is how many bytes f allocates, and how many times it does.
func allocated(f func()) (bytes, times float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc), float64(after.Mallocs - before.Mallocs)
}

// A body may be as long as it likes: what it takes is one buffer, and what is
// emitted.
func TestMemoryDoesNotGrowWithTheBody(t *testing.T) {
	const many = 32 << 20
	tests := []struct {
		name         string
		before       string
		repeat       string
		after        string
		o            wire.Options
		events       int // besides those repeated
		bytesPerTime float64
	}{
		{"many events in an envelope", `{"events":[`, sample + ",", sample + "]}", wire.Options{}, 1, 600},
		{"many events on lines", "", sample + "\n", "", wire.Options{Lines: true}, 0, 600},
		{"one huge event", `[{"type":"a.b","x":"`, strings.Repeat("x", 1000), `"},` + sample + "]", wire.Options{}, 2, 0},
		{"one huge line", "[", strings.Repeat(" ", 1000), "]\n" + sample, wire.Options{Lines: true}, 2, 0},
		{"one huge number", "[", strings.Repeat("1", 1000), "," + sample + "]", wire.Options{}, 2, 0},
		{"levels without end", `[{"x":`, strings.Repeat("[", 1000), "", wire.Options{}, -1, 0},
		{"blanks", "", strings.Repeat(" ", 1000), sample, wire.Options{}, 1, 0},
		{"something huge beside the list", `{"events":[` + sample + `],"x":"`, strings.Repeat("x", 1000), `"}`, wire.Options{}, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := many / len(tt.repeat) / 4
			want := tt.events
			if tt.bytesPerTime > 0 {
				want += n
			}
			seen := 0
			bytes, times := allocated(func() {
				body := io.MultiReader(strings.NewReader(tt.before), &repeated{n: n, text: tt.repeat}, strings.NewReader(tt.after))
				err := wire.ReadStudio(body, tt.o, now, func(int, eventlog.Event, error) error {
					seen++
					return nil
				})
				if (err != nil) != (want < 0) || (want >= 0 && seen != want) {
					t.Errorf("%d events, %v; want %d", seen, err, want)
				}
			})
			if limit := 2<<20 + tt.bytesPerTime*float64(n); bytes > limit && !raceEnabled {
				t.Errorf("%.0f bytes allocated in %.0f pieces, want no more than %.0f", bytes, times, limit)
			}
		})
	}
}

const sample = `{"id":"29cb1482-1111-4111-8111-aaaaaaaaaaaa","type":"user.logged_in","timestamp":"2026-11-22T01:09:22.965Z","status":"success","userId":"u-183729","sessionId":"s-9938271","metadata":{"email":"alice@example.com","name":"Alice Doe","loginMethod":"email"},"ipAddress":"203.0.113.7","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","source":"app","display":{"message":"Alice Doe logged in","severity":"success"}}`

func BenchmarkReadEvents(b *testing.B) {
	const n = 1000
	array := "[" + strings.Repeat(sample+",", n-1) + sample + "]"
	lines := strings.Repeat(sample+"\n", n)
	track := `{"eventType":"user_signed_in","eventData":{"userId":"dGOJ","userName":"Ada","userEmail":"ada@example.com","sessionId":"9P1p","loginMethod":"email","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","triggeredBy":"dGOJ","triggerContext":"user"},"eventKey":"dGOJ","eventDisplayName":"Signed in via email","ipAddress":"203.0.113.7","countryCode":"DE"}`
	for name, body := range map[string]string{"array": array, "lines": lines} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(sample)))
			for i := 0; i < b.N; i += n {
				err := wire.ReadEvents(strings.NewReader(body), wire.Options{}, now, func(_ int, _ eventlog.Event, problem error) error { return problem })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("track", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(track)))
		for b.Loop() {
			if _, err := wire.ParseTrack([]byte(track), now); err != nil {
				b.Fatal(err)
			}
		}
	})
}
