package display

import (
	"slices"
	"strings"

	"dashd/eventlog"
)

// A sentence is wording ready to be filled: the parts in order, then tail.
type sentence struct {
	keys  []string // the fields of the metadata that its slots may need
	parts []part
	tail  string
}

// A part is literal text and the slot behind it.
type part struct {
	literal    string
	words      string // before the slot, if it holds anything
	candidates []candidate
	otherwise  string
}

type candidate struct {
	key   int                          // the field, as an index of the sentence's keys
	own   func(*eventlog.Event) string // or else what the event itself says
	dash  bool                         // "unknown" is no text
	first bool                         // the first word only
}

// maxKeys is how many fields a sentence can need, so that they fit on the stack.
const maxKeys = 8

// A template has the sentences of a type.
type template struct{ success, failed sentence }

var templates = func() map[eventlog.Type]*template {
	m := make(map[eventlog.Type]*template, len(rows))
	for _, r := range rows {
		m[r.t] = &template{success: compile(r.success), failed: compile(r.failed)}
	}
	return m
}()

// compile reads the notation of templates.go. An error in it is one in this
// package, and stops the program when it starts.
func compile(text string) sentence {
	var s sentence
	for {
		literal, rest, found := strings.Cut(text, "{")
		if !found {
			s.tail = text
			break
		}
		inside, rest, _ := strings.Cut(rest, "}")
		words, name, ok := strings.Cut(inside, "|")
		if !ok {
			words, name = "", inside
		}
		slot, ok := slots[name]
		if !ok {
			panic("display: no slot " + name)
		}
		p := part{literal: literal, words: words, otherwise: slot.otherwise}
		for spec := range strings.FieldsSeq(slot.candidates) {
			p.candidates = append(p.candidates, s.candidate(spec))
		}
		s.parts = append(s.parts, p)
		text = rest
	}
	if len(s.keys) > maxKeys {
		panic("display: more than maxKeys fields in a sentence")
	}
	return s
}

// candidate reads the notation of slots.go.
func (s *sentence) candidate(spec string) candidate {
	switch spec {
	case "@userId":
		return candidate{own: func(e *eventlog.Event) string { return e.UserID }}
	case "@actorId":
		return candidate{own: func(e *eventlog.Event) string { return e.ActorID }}
	case "@ipAddress":
		return candidate{own: func(e *eventlog.Event) string { return e.IPAddress }}
	}
	var c candidate
	spec, c.dash = strings.CutPrefix(spec, "?")
	spec, c.first = strings.CutSuffix(spec, "/first")
	if c.key = slices.Index(s.keys, spec); c.key < 0 {
		c.key = len(s.keys)
		s.keys = append(s.keys, spec)
	}
	return c
}
