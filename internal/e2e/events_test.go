package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
)

// event is what the plugin sends and what a reader gets back. Numbers are kept
// as text, so that a changed digit shows.
type event struct {
	Type        string
	Key         string
	DisplayName string // not told by the application's own endpoints
	Data        map[string]any
	Place       place
}

// place is where an event came from; what is absent or null is empty.
type place struct {
	IPAddress   string `json:"ipAddress"`
	City        string `json:"city"`
	Country     string `json:"country"`
	CountryCode string `json:"countryCode"`
}

// text returns an event as one line that is equal for equal events only.
func (e event) text() string {
	b, err := json.Marshal(e) // map keys come sorted
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (e event) data(name string) string {
	s, _ := e.Data[name].(string)
	return s
}

// sent is an event with the proof of when it was stored.
type sent struct {
	event
	began, ended int // see call
}

// parseSent reads what the plugin sent and fails the test unless dashd
// acknowledged it, or its sender went before it was answered and may do so.
func parseSent(t *testing.T, calls []*call, mayGo bool) []sent {
	t.Helper()
	var events []sent
	for _, c := range calls {
		const stored = `200 application/json {"success":true}`
		got := fmt.Sprintf("%d %s %s", c.status, c.contentType, bytes.TrimSpace(c.answer))
		if c.gone && mayGo {
			c.ended = math.MaxInt // it may be stored at any time
		} else if got != stored {
			t.Errorf("answer to %s\n got %s\nwant %s", c.body, got, stored)
		}
		var body struct {
			Type        string         `json:"eventType"`
			Key         string         `json:"eventKey"`
			DisplayName string         `json:"eventDisplayName"`
			Data        map[string]any `json:"eventData"`
			place
		}
		decode(t, c.body, &body)
		events = append(events, sent{
			event: event{Type: body.Type, Key: body.Key, DisplayName: body.DisplayName, Data: body.Data, Place: body.place},
			began: c.began, ended: c.ended,
		})
	}
	return events
}

// decode reads one JSON text, numbers as text.
func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

// only returns the events for which keep is true.
func only(events []sent, keep func(event) bool) []sent {
	return slices.DeleteFunc(slices.Clone(events), func(s sent) bool { return !keep(s.event) })
}

// keys returns the event keys, each once, in the order of their first event.
func keys(events []sent) []string {
	var keys []string
	for _, s := range events {
		if !slices.Contains(keys, s.Key) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// types returns the sorted types of events.
func types(events []sent) []string {
	var types []string
	for _, s := range events {
		types = append(types, s.Type)
	}
	slices.Sort(types)
	return types
}

// sameHistory says what is wrong with got, newest first, as the account of
// want: each event once and nothing else, and no event before one that was
// acknowledged before it was sent. Events that were under way together may
// stand in either order.
func sameHistory(got []event, want []sent) error {
	waiting := map[string][]sent{} // by text, in the order in which they were sent
	for _, s := range want {
		waiting[s.text()] = append(waiting[s.text()], s)
	}
	var latest sent // of the events seen so far, the one that was sent last
	for _, e := range slices.Backward(got) {
		same := waiting[e.text()]
		if len(same) == 0 {
			return fmt.Errorf("an event that was not sent, or not so often: %s", e.text())
		}
		s := same[0]
		waiting[e.text()] = same[1:]
		if s.ended < latest.began {
			return fmt.Errorf("stands after an event that was sent only after its acknowledgement: %s", s.text())
		}
		if s.began > latest.began {
			latest = s
		}
	}
	for text, lost := range waiting {
		if len(lost) > 0 {
			return fmt.Errorf("acknowledged %d times more often than it can be read: %s", len(lost), text)
		}
	}
	return nil
}
