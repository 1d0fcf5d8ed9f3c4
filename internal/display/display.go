package display

import (
	"strings"
	"unsafe"

	"dashd/eventlog"
)

// Of returns the message and severity an event shows: the producer's own, where
// it gave any of use, else the template's and the type's.
func Of(e *eventlog.Event) (string, eventlog.Severity) {
	message := e.Message
	if !worthKeeping(e) {
		message = Message(e)
	}
	return message, eventlog.SeverityOf(e.Type, e.Status, e.Shown)
}

// Teller is for those who show one event after the other: its messages stand where the last one stood.
// The zero value is ready. One goroutine at a time uses it.
type Teller struct{ text []byte }

// Of is the function of that name. The message is good until the next call.
func (t *Teller) Of(e *eventlog.Event) (string, eventlog.Severity) {
	message := e.Message
	if !worthKeeping(e) {
		message = string(e.Type)
		if s := sentenceOf(e); s != nil {
			t.text = s.append(t.text[:0], e)
			message = eventlog.CleanText(unsafe.String(unsafe.SliceData(t.text), len(t.text)))
		}
	}
	return message, eventlog.SeverityOf(e.Type, e.Status, e.Shown)
}

// Message is the sentence for an event without one of its own: the template of
// its type, or the type.
func Message(e *eventlog.Event) string {
	s := sentenceOf(e)
	if s == nil {
		return string(e.Type)
	}
	var buf [256]byte
	return eventlog.CleanText(string(s.append(buf[:0], e)))
}

// sentenceOf is that of an event's type; nil if it has none.
func sentenceOf(e *eventlog.Event) *sentence {
	t, ok := templates[e.Type]
	switch {
	case !ok:
		return nil
	case e.Status == eventlog.Failed:
		return &t.failed
	}
	return &t.success
}

// Keep decides what of a producer's display is stored: it clears e.Message if it
// is empty, equal to the type or to the template, or a known defect. It is called
// once, after Check, before the event enters the log.
func Keep(e *eventlog.Event) {
	if e.Message != "" && (!worthKeeping(e) || e.Message == Message(e)) {
		e.Message = ""
	}
}

// worthKeeping reports whether the message the event brought says something.
func worthKeeping(e *eventlog.Event) bool {
	switch e.Message {
	case "", string(e.Type), e.Origin.Type:
		return false
	}
	// Better Auth Studio's own hooks make this of an organization whose creator
	// has no name.
	broken := e.Type == eventlog.OrganizationCreated &&
		(strings.HasSuffix(e.Message, "created by undefined") || strings.HasSuffix(e.Message, "created by "))
	return !broken
}
