package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
)

// recorded is how many exchanges with the reference were recorded.
const recorded = 401

// exchange is one of them: a request to the reference, and what it answered.
type exchange struct {
	Case, Note, Dataset string
	Request             struct {
		Method, Path, Auth string
		Query              map[string]string
		Claims             map[string]any `json:"jwtClaims"` // nil: it came with a user's session, or nothing
		Body               json.RawMessage
	}
	Response struct {
		Status      int
		ContentType string // "" with an empty body
		Location    string
		SetCookie   []string
		Body        json.RawMessage
	}
	// EventsTracked is what the plugin reported because of it.
	EventsTracked []struct {
		EventType string
		EventData map[string]any
	}

	file  string
	index int
	// user is the application's user whose session a request to /events/* came with, and
	// organization the one he works in.
	user, organization string
	bearer             string // what it came with instead of what is recorded
	contentType        string // of the body, instead of JSON
}

func (x *exchange) String() string { return fmt.Sprintf("%s %d (%s)", x.file, x.index, x.Case) }

// contract says how a file of exchanges is replayed.
type contract struct {
	file string // in testdata/responses, without .json
	// build makes the state in which an exchange was recorded, in a project of its own that
	// is empty. It may change the exchange: put an id for a placeholder, for example.
	build func(s *scene, x *exchange)
	// settings are changes to those of the server, if there are any.
	settings func(x *exchange) []with
	// tells checks what the request has appended, if that is to be checked.
	tells func(t *testing.T, x *exchange, appended []eventlog.Event)
}

// contracts are all files that are replayed.
func contracts() []contract {
	return slices.Concat(analyticsContracts, systemContracts, userContracts, organizationContracts, ssoContracts, drainContracts)
}

// Each exchange is replayed twice: as it was recorded, at the reference's path with a signed token
// that carries the recorded claims, and at the seed's path with an API key. Each time dashd must
// give the recorded answer: the same status, message, code and content type, and the same
// keys with values of the same types. Where it does not, contract_exceptions_test.go says why.
func TestContract(t *testing.T) {
	d := startAt(t, recordedAt)
	used := newExceptions()
	files, failed := map[string]int{}, false
	for _, c := range contracts() {
		files[c.file] = 0
		ok := t.Run(c.file, func(t *testing.T) {
			for _, x := range exchanges(t, c.file) {
				files[c.file]++
				c.replay(t, d, x, used)
			}
		})
		failed = failed || !ok
	}
	if failed {
		return
	}
	total := 0
	for _, file := range recordings(t) {
		n, replayed := files[file]
		switch {
		case !replayed:
			t.Errorf("%s is not replayed", file)
		case n == 0:
			return // only some were asked for with -run
		}
		total += n
	}
	if total != recorded {
		t.Errorf("%d exchanges, want %d", total, recorded)
	}
	used.wantAllUsed(t)
}

// replay sends an exchange's request in both ways, each in a state of its own unless the first
// can have changed nothing.
func (c contract) replay(t *testing.T, d *daemon, recorded exchange, used *exceptions) {
	if used.allows(recorded, "not replayed") {
		return
	}
	var s *scene
	var x exchange
	for _, way := range []string{"reference", "seed"} {
		if s == nil || recorded.Request.Method != "GET" {
			x = recorded // what build changes in it is for one state
			if s = d.scene(t, c, &x); c.build != nil {
				c.build(s, &x)
			}
		}
		before := s.node.Store.Head()
		a, sent := s.send(&x, way)
		if !sent {
			continue
		}
		if c.tells != nil {
			c.tells(t, &x, s.appended(before))
		}
		var wrong []string
		for _, difference := range differences(&x, a) {
			// That a refusal takes the place of an answer is said by its status; a deviation may
			// name the message too.
			if !used.allows(x, difference) && !isMessage(difference) {
				wrong = append(wrong, difference)
			}
		}
		if len(wrong) > 0 {
			t.Errorf("%s at the %s's path:\n  %s\n captured %d %s\n      got %d %s", &x, way, strings.Join(wrong, "\n  "),
				x.Response.Status, compact(x.Response.Body), a.status, a.body)
		}
	}
}

// isMessage reports whether a difference is the message of a refusal where there was none.
func isMessage(difference string) bool {
	return strings.HasPrefix(difference, "message ") && strings.HasSuffix(difference, ", captured none")
}

// compact is a JSON text without the spaces between its parts.
func compact(text []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

// recordings are the names of all files of exchanges.
func recordings(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("testdata/responses/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".json"))
	}
	return names
}

// exchanges reads a file of them.
func exchanges(t *testing.T, file string) []exchange {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "responses", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var recording struct{ Exchanges []exchange }
	if err := json.Unmarshal(text, &recording); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for i := range recording.Exchanges {
		recording.Exchanges[i].file, recording.Exchanges[i].index = file, i
	}
	return recording.Exchanges
}
