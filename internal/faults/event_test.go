package faults_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"dashd/eventlog"
)

// Forms in which an event is sent; the first letter of its name.
const (
	formTrack  = 't' // POST /events/track: no id, no time, no position in the answer
	formNative = 'n' // POST /ingest/events
	formStudio = 's' // POST /ingest/studio
)

// event is what a client sends. All of it follows from its name, which stands in
// its metadata and, unless the form has none, is its id: so nothing but names has
// to be remembered.
type event struct {
	name      string
	kind      string // its type, in the vocabulary of the form
	time      time.Time
	failed    bool
	user      string
	session   string
	ip        string
	userAgent string
	metadata  string
}

// Metadata has to come back byte for byte, so it holds what a careless reader of
// JSON would change.
var awkward = []string{
	`1.50`, `1e+23`, `12345678901234567890`, `-0`, `{"b":1,"a":{"b":[]}}`, `[[],{},null,true]`,
	`"\u00e9 é <&> \/ \"quoted\""`, `"\ud83d\ude00 \u2028"`, `""`, `"线路"`,
}

var (
	nativeKinds = []string{"user.logged_in", "user.joined", "user.updated", "organization.created", "member.added", "session.revoked", "shop.basket_paid"}
	trackKinds  = []string{"user_signed_in", "user_created", "user_sign_in_failed", "profile_updated", "session_created"}
)

// makeEvent returns the event of a name.
func makeEvent(name string) event {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	e := event{
		name:      name,
		time:      time.UnixMilli(1_735_689_600_000 + rng.Int64N(300*24*3600*1000)).UTC(),
		user:      fmt.Sprintf("u%d", rng.IntN(500)),
		session:   fmt.Sprintf("s%d", rng.IntN(5000)),
		ip:        fmt.Sprintf("203.0.113.%d", rng.IntN(255)),
		userAgent: fmt.Sprintf("Mozilla/5.0 (test %d)", rng.IntN(20)),
	}
	kinds := nativeKinds
	if name[0] == formTrack {
		kinds = trackKinds
	} else {
		e.failed = rng.IntN(10) == 0
	}
	e.kind = kinds[rng.IntN(len(kinds))]
	// Mostly small, now and then large enough that a few fill a block.
	pad := rng.IntN(200)
	if rng.IntN(100) == 0 {
		pad = rng.IntN(40_000)
	}
	e.metadata = fmt.Sprintf(`{"n":"%s","userId":"%s", "x" : %s,"pad":"%s"}`,
		name, e.user, awkward[rng.IntN(len(awkward))], padding(rng, pad))
	return e
}

func padding(rng *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz ABCDEF0123456789"
	var b strings.Builder
	for range n {
		b.WriteByte(letters[rng.IntN(len(letters))])
	}
	return b.String()
}

// nameOf returns the name that stands in metadata.
func nameOf(metadata []byte) string {
	rest, ok := strings.CutPrefix(string(metadata[:min(len(metadata), 64)]), `{"n":"`)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

func (e *event) status() eventlog.Status {
	if e.failed || e.kind == "user_sign_in_failed" {
		return eventlog.Failed
	}
	return eventlog.Success
}

// json is the event as it is sent.
func (e *event) json() []byte {
	var v any
	if e.name[0] == formTrack {
		v = map[string]any{
			"eventType": e.kind, "eventKey": e.user, "eventData": placeholder,
			"eventDisplayName": "It was " + e.name, "ipAddress": e.ip,
		}
	} else {
		v = map[string]any{
			"id": e.name, "type": e.kind, "timestamp": e.time.Format("2006-01-02T15:04:05.000Z"),
			"status": e.status().String(), "userId": e.user, "sessionId": e.session,
			"ipAddress": e.ip, "userAgent": e.userAgent, "metadata": placeholder,
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return []byte(strings.Replace(string(text), `"`+placeholder+`"`, e.metadata, 1))
}

// placeholder stands where metadata will: Marshal would compact it and escape
// characters in it.
const placeholder = "METADATA"

// diff says where a stored event differs from what was sent, "" if nowhere.
func (e *event) diff(r *eventlog.Record) string {
	type field struct{ name, got, want string }
	fields := []field{
		{"project", r.Project, "default"},
		{"metadata", string(r.Metadata), e.metadata},
		{"ipAddress", r.IPAddress, e.ip},
		{"status", r.Status.String(), e.status().String()},
		{"userId", r.UserID, e.user},
	}
	if e.name[0] == formTrack {
		fields = append(fields,
			field{"eventType", r.Origin.Type, e.kind},
			field{"eventKey", r.Key, e.user},
			field{"eventDisplayName", r.Origin.DisplayName, "It was " + e.name},
		)
	} else {
		fields = append(fields,
			field{"id", r.ID, e.name},
			field{"type", string(r.Type), e.kind},
			field{"timestamp", time.UnixMilli(r.Time).UTC().String(), e.time.String()},
			field{"sessionId", r.SessionID, e.session},
			field{"userAgent", r.UserAgent, e.userAgent},
		)
	}
	for _, f := range fields {
		if f.got != f.want {
			return fmt.Sprintf("%s is %q, sent was %q", f.name, f.got, f.want)
		}
	}
	return ""
}
