package display

import "dashd/eventlog"

// Message is the sentence for an event without one of its own: the template of its type, or the type.
func Message(e *eventlog.Event) string { panic("skeleton") }

// Of returns the message and severity an event shows (auth-events section 4.4).
func Of(e *eventlog.Event) (string, eventlog.Severity) { panic("skeleton") }

// Keep decides what of a producer's display is stored: it clears e.Message if it is
// empty, equal to the type or to the template, or a known defect.
func Keep(e *eventlog.Event) { panic("skeleton") }
