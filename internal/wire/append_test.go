package wire_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"dashd/eventlog"
	"dashd/internal/wire"
)

// hostile is text that has broken one writer or another.
const hostile = "a\"b\\c\n\r\t\x00\x1b[31m\u2028\u2029\u202e\u200bé😀</script>\x7f=1,2"

func full() *eventlog.Record {
	return &eventlog.Record{
		Seq: 12, ReceivedAt: now + 1,
		Event: eventlog.Event{
			ID: "e1", Project: "p1", Type: "user.logged_in", Time: now, Status: eventlog.Failed, Source: eventlog.SourceAPI,
			UserID: "u1", SessionID: "s1", OrganizationID: "o1", ActorID: "op", Key: "k1", CountryCode: "DE",
			Personal: eventlog.Personal{
				Metadata: []byte(`{"name":"Alice","email":"a@x","n":1.0}`), IPAddress: "203.0.113.7", UserAgent: hostile,
				City: "Berlin", Region: "BE", Country: "Germany",
				Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyStudio, Type: "raw", DisplayName: "Label", RawIP: "nowhere"},
			},
		},
	}
}

func TestAppendEvent(t *testing.T) {
	tests := []struct {
		name string
		r    *eventlog.Record
		want string
	}{
		{
			"everything there is", full(),
			`{"id":"e1","type":"user.logged_in","timestamp":"2026-11-22T01:11:53.717Z","status":"failed","userId":"u1","sessionId":"s1","organizationId":"o1",
			"metadata":{"name":"Alice","email":"a@x","n":1.0},"ipAddress":"203.0.113.7","userAgent":` + quote(hostile) + `,"source":"api","display":{"message":"m","severity":"failed"},
			"seq":12,"receivedAt":"2026-11-22T01:11:53.718Z","actorId":"op","origin":{"vocabulary":"studio","type":"raw","displayName":"Label","rawIp":"nowhere"},
			"location":{"city":"Berlin","region":"BE","country":"Germany","countryCode":"DE"}}`,
		},
		{
			"nothing that may be absent", &eventlog.Record{Seq: 1, ReceivedAt: 0, Event: eventlog.Event{ID: "e", Type: "a.b"}},
			`{"id":"e","type":"a.b","timestamp":"1970-01-01T00:00:00.000Z","status":"success","metadata":{},"source":"app","display":{"message":"m","severity":"failed"},
			"seq":1,"receivedAt":"1970-01-01T00:00:00.000Z","origin":{"vocabulary":"api"}}`,
		},
		{
			"a country alone, and the key of a dash event", &eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e", Type: "a.b", Key: "k", CountryCode: "FR", Personal: eventlog.Personal{Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash}}}},
			`{"id":"e","type":"a.b","timestamp":"1970-01-01T00:00:00.000Z","status":"success","metadata":{},"source":"app","display":{"message":"m","severity":"failed"},
			"seq":1,"receivedAt":"1970-01-01T00:00:00.000Z","origin":{"vocabulary":"dash","key":"k"},"location":{"countryCode":"FR"}}`,
		},
		{
			"an erased event", &eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e", Type: "a.b", UserID: "u", Erased: true}},
			`{"id":"e","type":"a.b","timestamp":"1970-01-01T00:00:00.000Z","status":"success","userId":"u","metadata":{},"source":"app","display":{"message":"m","severity":"failed"},
			"seq":1,"receivedAt":"1970-01-01T00:00:00.000Z","erased":true}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := wire.AppendEvent([]byte("before"), tt.r, "m", eventlog.SeverityFailed)
			got, ok := bytes.CutPrefix(text, []byte("before"))
			if !ok {
				t.Fatalf("%s does not begin with what was there", text)
			}
			if !reflect.DeepEqual(object(t, got), object(t, []byte(tt.want))) {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			if bytes.ContainsAny(got, "\n\r\u2028\u2029") {
				t.Errorf("the end of a line in %q", got)
			}
		})
	}
}

// What dashd gives out, it can take in: nothing that a producer may send is lost.
func TestNativeEventsRoundTrip(t *testing.T) {
	ev := one(t, wire.ReadEvents, sample, wire.Options{})
	r := eventlog.Record{Seq: 1, ReceivedAt: now, Event: ev}
	again := one(t, wire.ReadEvents, string(wire.AppendEvent(nil, &r, ev.Message, ev.Shown)), wire.Options{})
	if !reflect.DeepEqual(again, ev) {
		t.Errorf("\n got %+v\nwant %+v", again, ev)
	}
}

func TestAppendDash(t *testing.T) {
	dash := full()
	dash.Origin.Vocabulary, dash.Origin.Type = eventlog.VocabularyDash, "user_sign_in_failed"
	docs := full()
	docs.Type, docs.Origin.Vocabulary, docs.Origin.Type = eventlog.UserJoined, eventlog.VocabularyDash, "user_created"
	bare := &eventlog.Record{Event: eventlog.Event{Type: "organization.deleted", OrganizationID: "o1", Personal: eventlog.Personal{Metadata: []byte(" { } ")}}}
	twice := full()
	twice.Metadata = []byte("{\"userId\":null,\"userName\":\"N\",\r\n\"name\":\"x\",\"email\":3,\"triggeredBy\":\"t\",\"userAgent\":\"\",\"organizationId\":[],\"sessionId\":{}}")
	const tail = `,"projectId":"p","ipAddress":"203.0.113.7","city":"Berlin","country":"Germany","countryCode":"DE","createdAt":"2026-11-22T01:11:53.717Z","updatedAt":"2026-11-22T01:11:53.717Z","ageInMinutes":2}`
	tests := []struct {
		name string
		r    *eventlog.Record
		o    wire.DashOptions
		want string
	}{
		{
			"from the plugin: as it was sent", dash,
			wire.DashOptions{},
			`{"eventType":"user_sign_in_failed","eventKey":"k1","eventDisplayName":"Label","eventData":{"name":"Alice","email":"a@x","n":1.0}` + tail,
		},
		{
			"from elsewhere: with the keys that the plugin knows", full(),
			wire.DashOptions{},
			`{"eventType":"user_sign_in_failed","eventKey":"k1","eventDisplayName":"Label","eventData":{"name":"Alice","email":"a@x","n":1.0,
			"userId":"u1","userName":"Alice","userEmail":"a@x","sessionId":"s1","userAgent":` + quote(hostile) + `,"organizationId":"o1","triggeredBy":"op"}` + tail,
		},
		{
			"from elsewhere: a key that is there stays", twice,
			wire.DashOptions{},
			`{"eventType":"user_sign_in_failed","eventKey":"k1","eventDisplayName":"Label","eventData":{"userId":null,"userName":"N","name":"x","email":3,"triggeredBy":"t","userAgent":"","organizationId":[],"sessionId":{}}` + tail,
		},
		{
			"under the name that was asked for", dash,
			wire.DashOptions{EventType: "login.failed"},
			`{"eventType":"login.failed","eventKey":"k1","eventDisplayName":"Label","eventData":{"name":"Alice","email":"a@x","n":1.0}` + tail,
		},
		{
			"in the words of the documentation", docs,
			wire.DashOptions{Names: eventlog.DocsNames},
			`{"eventType":"user_signed_up","eventKey":"k1","eventDisplayName":"Label","eventData":{"name":"Alice","email":"a@x","n":1.0}` + tail,
		},
		{
			"without a label, a key, a place, a user", bare,
			wire.DashOptions{Message: "M"},
			`{"eventType":"organization_deleted","eventKey":"o1","eventDisplayName":"M","eventData":{"organizationId":"o1","triggeredBy":"unknown"},"projectId":"p","ipAddress":null,"city":null,"country":null,"countryCode":null,
			"createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","ageInMinutes":29921833}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.ProjectID, tt.o.Now = "p", now+179_999
			got := wire.AppendDash(nil, tt.r, tt.o)
			want := object(t, []byte(tt.want))
			if tt.r.Time == 0 {
				want["ageInMinutes"] = float64((now + 179_999) / 60_000)
			}
			if !reflect.DeepEqual(object(t, got), want) {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			wantUniqueNames(t, got)
			if bytes.ContainsAny(got, "\n\r") {
				t.Errorf("the end of a line in %q", got)
			}
		})
	}
	t.Run("an event of the future has no age", func(t *testing.T) {
		got := object(t, wire.AppendDash(nil, full(), wire.DashOptions{Now: now - 3_600_000}))
		if got["ageInMinutes"] != 0.0 {
			t.Errorf("age = %v, want 0", got["ageInMinutes"])
		}
	})
}

func TestAppendListItem(t *testing.T) {
	const coreTail = `,"seq":12,"receivedAt":"2026-11-22T01:11:53.718Z","actorId":"op","origin":{"vocabulary":"studio","type":"raw","displayName":"Label","rawIp":"nowhere"},`
	tests := []struct {
		name string
		r    *eventlog.Record
		want string
	}{
		{
			"everything there is", full(),
			`{"id":"e1","type":"user.logged_in","timestamp":"2026-11-22T01:11:53.717Z","status":"failed","userId":"u1","sessionId":"s1","organizationId":"o1",
			"metadata":{"name":"Alice","email":"a@x","n":1.0},"ipAddress":"203.0.113.7","userAgent":` + quote(hostile) + `,"source":"api","display":{"message":"m","severity":"failed"}` + coreTail + `
			"eventType":"user_sign_in_failed","eventKey":"k1","eventDisplayName":"Label","eventData":{"name":"Alice","email":"a@x","n":1.0,
			"userId":"u1","userName":"Alice","userEmail":"a@x","sessionId":"s1","userAgent":` + quote(hostile) + `,"organizationId":"o1","triggeredBy":"op"},
			"projectId":"p","createdAt":"2026-11-22T01:11:53.717Z","updatedAt":"2026-11-22T01:11:53.717Z","ageInMinutes":0,
			"location":{"ipAddress":"203.0.113.7","city":"Berlin","region":"BE","country":"Germany","countryCode":"DE"}}`,
		},
		{
			"no place is known", &eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e", Type: "user.joined", Time: now, UserID: "u"}},
			`{"id":"e","type":"user.joined","timestamp":"2026-11-22T01:11:53.717Z","status":"success","userId":"u","metadata":{},"source":"app","display":{"message":"m","severity":"failed"},
			"seq":1,"receivedAt":"1970-01-01T00:00:00.000Z","origin":{"vocabulary":"api"},
			"eventType":"user_created","eventKey":"u","eventDisplayName":"m","eventData":{"userId":"u","triggeredBy":"u"},"projectId":"p",
			"createdAt":"2026-11-22T01:11:53.717Z","updatedAt":"2026-11-22T01:11:53.717Z","ageInMinutes":0}`,
		},
		{
			"an address alone", &eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e", Type: "user.joined", Time: now, UserID: "u", Personal: eventlog.Personal{IPAddress: "::1"}}},
			`{"id":"e","type":"user.joined","timestamp":"2026-11-22T01:11:53.717Z","status":"success","userId":"u","metadata":{},"ipAddress":"::1","source":"app","display":{"message":"m","severity":"failed"},
			"seq":1,"receivedAt":"1970-01-01T00:00:00.000Z","origin":{"vocabulary":"api"},
			"eventType":"user_created","eventKey":"u","eventDisplayName":"m","eventData":{"userId":"u","triggeredBy":"u"},"projectId":"p",
			"createdAt":"2026-11-22T01:11:53.717Z","updatedAt":"2026-11-22T01:11:53.717Z","ageInMinutes":0,"location":{"ipAddress":"::1"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := wire.AppendListItem(nil, tt.r, eventlog.SeverityFailed, wire.DashOptions{ProjectID: "p", Message: "m", Now: now})
			if !reflect.DeepEqual(object(t, got), object(t, []byte(tt.want))) {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			wantUniqueNames(t, got)
		})
	}
}

// wantUniqueNames fails if an object anywhere in text has a name twice: the
// strict reader of this package says so.
func wantUniqueNames(t *testing.T, text []byte) {
	t.Helper()
	body := `{"eventType":"x","eventKey":"k","eventData":` + string(text) + `}`
	if _, err := wire.ParseTrack([]byte(body), now); err != nil {
		t.Errorf("%v in %s", err, text)
	}
}

func TestAppendTakesNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector, sync.Pool forgets on purpose")
	}
	r, buf := full(), make([]byte, 0, 8<<10)
	o := wire.DashOptions{ProjectID: "p", Message: "m", Now: now}
	for name, f := range map[string]func(){
		"AppendEvent":    func() { wire.AppendEvent(buf, r, "m", eventlog.SeverityInfo) },
		"AppendListItem": func() { wire.AppendListItem(buf, r, eventlog.SeverityInfo, o) },
		"AppendDash":     func() { wire.AppendDash(buf, r, o) },
		"AppendCSV":      func() { wire.AppendCSV(buf, r, "m", eventlog.SeverityInfo) },
		"AppendText":     func() { wire.AppendText(buf, r, "m", eventlog.SeverityInfo) },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0.5 {
			t.Errorf("%s allocates %.1f times", name, n)
		}
	}
}

// Any text survives as a JSON string, in a CSV cell and, if it shows, in a line.
func TestAnyTextSurvives(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	alphabet := []rune(hostile + "\u0085\ufeff\U000e0001\U0001f468x y'")
	for range 2_000 {
		var b strings.Builder
		for range rnd.IntN(12) {
			b.WriteRune(alphabet[rnd.IntN(len(alphabet))])
		}
		s := b.String()
		r := &eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e", Type: "a.b", UserID: s, Project: "p"}}
		var back struct{ UserID string }
		text := wire.AppendEvent(nil, r, "m", eventlog.SeverityInfo)
		if err := json.Unmarshal(text, &back); err != nil || back.UserID != s {
			t.Fatalf("seed %d: %q came back from JSON as %q, %v", seed, s, back.UserID, err)
		}
		row := csvRow(t, r)
		lf := strings.ReplaceAll(s, "\r\n", "\n") // encoding/csv reads it so
		if cell := row["userId"]; (cell != lf && cell != "'"+lf) || (cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0]))) {
			t.Fatalf("seed %d: %q came back from CSV as %q", seed, s, cell)
		}
		line := wire.AppendText(nil, r, s, eventlog.SeverityInfo)
		if !utf8.Valid(line) {
			t.Fatalf("seed %d: %q made %q", seed, s, line)
		}
		for _, c := range string(line[:len(line)-1]) {
			if c != ' ' && !unicode.IsGraphic(c) {
				t.Fatalf("seed %d: %q left %U in %q", seed, s, c, line)
			}
		}
	}
}

// csvRow reads back the row of an event, by column.
func csvRow(t testing.TB, r *eventlog.Record) map[string]string {
	t.Helper()
	in := csv.NewReader(bytes.NewReader(wire.AppendCSV([]byte(wire.CSVHeader), r, "=m", eventlog.SeverityWarning)))
	header, err := in.Read()
	if err != nil {
		t.Fatal(err)
	}
	row, err := in.Read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Read(); err != io.EOF {
		t.Fatalf("a second row: %v", err)
	}
	cells := map[string]string{}
	for i, name := range header {
		cells[name] = row[i]
	}
	return cells
}

func TestAppendCSV(t *testing.T) {
	r := full()
	r.UserAgent = "@SUM(A1), \"x\"\nnext"
	want := map[string]string{
		"seq": "12", "id": "e1", "project": "p1", "type": "user.logged_in", "timestamp": "2026-11-22T01:11:53.717Z", "receivedAt": "2026-11-22T01:11:53.718Z",
		"status": "failed", "severity": "warning", "message": "'=m", "source": "api", "userId": "u1", "sessionId": "s1", "organizationId": "o1", "actorId": "op", "eventKey": "k1",
		"ipAddress": "203.0.113.7", "city": "Berlin", "region": "BE", "country": "Germany", "countryCode": "DE", "userAgent": "'@SUM(A1), \"x\"\nnext",
		"origin": "studio", "originType": "raw", "metadata": `{"name":"Alice","email":"a@x","n":1.0}`,
	}
	if got := csvRow(t, r); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestCellsThatLookLikeFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"a=1": "a=1", "'=1": "'=1", "": "", " =1": " =1",
	} {
		r := &eventlog.Record{Event: eventlog.Event{UserID: in}}
		if got := csvRow(t, r)["userId"]; got != want {
			t.Errorf("cell of %q = %q, want %q", in, got, want)
		}
	}
}

func TestAppendText(t *testing.T) {
	tests := []struct {
		name, message string
		r             *eventlog.Record
		want          string
	}{
		{
			"an ordinary event", "Failed login attempt for a@x",
			&eventlog.Record{Seq: 12, Event: eventlog.Event{ID: "e1", Project: "default", Type: "login.failed", Time: now, UserID: "u1", CountryCode: "DE", Personal: eventlog.Personal{IPAddress: "203.0.113.7"}}},
			"2026-11-22T01:11:53.717Z  #12  failed  login.failed  Failed login attempt for a@x  user=u1 ip=203.0.113.7 country=DE project=default id=e1\n",
		},
		{
			"an event that wants to be another", "a\x1b[2K\r\nb\u202eevil\u0085\\ é😀\U000e0001\xff",
			&eventlog.Record{Seq: 1, Event: eventlog.Event{ID: "e1", Type: "a.b", UserID: `x" ip=1`, Erased: true}},
			"1970-01-01T00:00:00.000Z  #1  failed  a.b  a\\u001b[2K\\r\\nb\\u202eevil\\u0085\\\\ é😀\\U000e0001\\xff  user=\"x\\\" ip=1\" id=e1 erased\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(wire.AppendText(nil, tt.r, tt.message, eventlog.SeverityFailed)); got != tt.want {
				t.Errorf("\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	r := full()
	r.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
	o := wire.DashOptions{ProjectID: "p", Message: "Alice logged in", Now: now}
	buf := make([]byte, 0, 8<<10)
	for name, f := range map[string]func() []byte{
		"event": func() []byte { return wire.AppendEvent(buf, r, "Alice logged in", eventlog.SeverityInfo) },
		"dash":  func() []byte { return wire.AppendDash(buf, r, o) },
		"list":  func() []byte { return wire.AppendListItem(buf, r, eventlog.SeverityInfo, o) },
		"csv":   func() []byte { return wire.AppendCSV(buf, r, "Alice logged in", eventlog.SeverityInfo) },
		"text":  func() []byte { return wire.AppendText(buf, r, "Alice logged in", eventlog.SeverityInfo) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.SetBytes(int64(len(f())))
		})
	}
}
