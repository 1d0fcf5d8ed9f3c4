package wire_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/wire"

	"github.com/go-json-experiment/json/jsontext"
)

// outcome is what reading a body came to.
type outcome struct {
	events   []eventlog.Event
	problems []string // one for each event; "" if it was accepted
	code     string
}

func outcomeOf(t *testing.T, read reading, body []byte, o wire.Options, oneByte bool) (out outcome) {
	t.Helper()
	in := strings.NewReader(string(body))
	r := iotest.DataErrReader(in)
	if oneByte {
		r = iotest.OneByteReader(in)
	}
	err := read(r, o, now, func(i int, ev eventlog.Event, problem error) error {
		if i != len(out.events) {
			t.Fatalf("event %d emitted as %d", len(out.events), i)
		}
		out.events = append(out.events, ev)
		what := ""
		if problem != nil {
			what = problem.(*eventlog.Problem).Code // nothing else may come
		}
		out.problems = append(out.problems, what)
		return nil
	})
	if err != nil {
		if out.code = errs.CodeOf(err); out.code == "" {
			t.Fatalf("an error without a code: %v", err)
		}
	}
	return out
}

func (o outcome) clean() bool {
	for _, p := range o.problems {
		if p != "" {
			return false
		}
	}
	return o.code == ""
}

// roundTrips fails if ev is not read again from what AppendEvent makes of it.
func roundTrips(t *testing.T, ev eventlog.Event) {
	t.Helper()
	text := wire.AppendEvent(nil, &eventlog.Record{Event: ev}, ev.Message, ev.Shown)
	if bytes.ContainsAny(text, "\r\n") {
		t.Fatalf("more than one line: %q", text)
	}
	again := outcomeOf(t, wire.ReadEvents, text, wire.Options{}, false)
	if len(again.events) != 1 || again.problems[0] != "" || again.code != "" {
		t.Fatalf("%s is not read again: %+v", text, again)
	}
	// The text says when and under which canonical type, not how that was known.
	ev.GivenTime, ev.Origin = true, eventlog.Origin{}
	if got := again.events[0]; !reflect.DeepEqual(got, ev) {
		t.Fatalf("%s\nis read as %+v\n    from %+v", text, got, ev)
	}
}

func FuzzEventJSON(f *testing.F) {
	for _, s := range []string{
		sample, "[" + sample + "," + good + "]", `{"events":[` + good + `]}`, good + "\n" + good2, bigEvent,
		`{"type":"a.b","metadata":{"a":[1.0,null,true,{"b":"\ud83d\ude00\ud83d"}],"token":"x"}}`,
		`{"type":"a.b","metadata":"{\"a\":1}","user_id":1e3,"timestamp":"2026-11-22 01:09:22+01"}`,
		`{"x":1,"events":[{"type":"a.b"},3],"y":[{}]}`, `[{"type":"a.b","type":1},{"type":tru}]`, "\ufeff{}", `"x"`, `{"a":`,
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, studio bool) {
		read := reading(wire.ReadEvents)
		if studio {
			read = wire.ReadStudio
		}
		got := outcomeOf(t, read, body, wire.Options{}, false)
		if len(body) < 2_000 {
			if slow := outcomeOf(t, read, body, wire.Options{}, true); !reflect.DeepEqual(got, slow) {
				t.Fatalf("byte by byte: %+v\n  at once: %+v", slow, got)
			}
		}
		for i, ev := range got.events {
			if got.problems[i] == "" {
				roundTrips(t, ev)
			}
		}
		text := bytes.TrimPrefix(body, []byte("\ufeff"))
		if !got.clean() || bytes.IndexByte(text, '\n') >= 0 { // it may be several values
			return
		}
		// Nobody else may be stricter, except about half of a surrogate pair, and
		// names beside the list in an envelope, which mean nothing.
		if !jsontext.Value(text).IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(studio)) {
			t.Fatalf("accepted, but no JSON: %q", body)
		}
		var plain map[string]any
		if len(got.events) != 1 || json.Unmarshal(text, &plain) != nil {
			return
		}
		want, ok := plain["metadata"].(map[string]any)
		if ok && plain["type"] != nil && !bytes.Contains(got.events[0].Metadata, []byte("[redacted]")) {
			if kept := object(t, got.events[0].Metadata); !reflect.DeepEqual(kept, want) {
				t.Fatalf("metadata of %q is %v, encoding/json reads %v", body, kept, want)
			}
		}
	})
}

// What becomes of a line does not depend on the lines around it.
func FuzzNDJSON(f *testing.F) {
	f.Add([]byte(sample + "\n" + good + "\r\n\n{\"type\":tru}\n[]\nx\n" + good2))
	f.Add([]byte(good + "\n" + strings.Repeat("\\\"", 70_000) + "\n" + good))
	f.Add([]byte("\ufeff\n" + good))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := outcomeOf(t, wire.ReadStudio, body, wire.Options{Lines: true}, false)
		if got.code != "" {
			t.Fatalf("%s: nothing in a line may end the reading", got.code)
		}
		i := 0
		for line := range bytes.SplitSeq(bytes.TrimPrefix(body, []byte("\ufeff")), []byte("\n")) {
			if len(bytes.Trim(line, " \t\r")) == 0 && len(line) <= wire.MaxEvent {
				continue
			}
			alone := outcomeOf(t, wire.ReadStudio, append([]byte("\n"), line...), wire.Options{Lines: true}, false)
			if i == len(got.events) || len(alone.events) != 1 || got.problems[i] != alone.problems[0] || !reflect.DeepEqual(got.events[i], alone.events[0]) {
				t.Fatalf("line %d, %q, alone: %+v\namong others: %+v", i, line, alone, got)
			}
			i++
		}
		if i != len(got.events) {
			t.Fatalf("%d events on %d lines", len(got.events), i)
		}
	})
}

func FuzzTrack(f *testing.F) {
	for _, c := range captures(f, "event-*.json") {
		var b bytes.Buffer
		if err := json.Compact(&b, c.Request.Body); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"eventType":"X y\u0000","eventKey":"\ud83d","eventData":{"a":{"b":[1e400,"\udc00"]},"userid":12,"secret":1},"countryCode":"de","ipAddress":"for=1.2.3.4"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ev, err := wire.ParseTrack(body, now)
		if err != nil {
			if k := errs.KindOf(err); (k != errs.Invalid && k != errs.TooLarge) || errs.CodeOf(err) == "" {
				t.Fatalf("%v is of kind %v", err, k)
			}
			return
		}
		text := wire.AppendDash(nil, &eventlog.Record{Event: ev}, wire.DashOptions{ProjectID: "p"})
		again, err := wire.ParseTrack(text, now)
		if err != nil {
			t.Fatalf("%v in %s, made of %q", err, text, body)
		}
		if strings.Contains(ev.Origin.Type, "\ufffd") {
			again.Type = ev.Type // it had been made of what stood there before
			again.UserID, again.OrganizationID, again.ActorID = ev.UserID, ev.OrganizationID, ev.ActorID
			again.Status = ev.Status
		}
		again.Origin.RawIP = ev.Origin.RawIP // not given to readers of the plugin
		if !reflect.DeepEqual(again, ev) {
			t.Fatalf("%q\nis %+v\nand then %+v", body, ev, again)
		}
	})
}
