package display

import (
	"bytes"
	"unicode"

	"dashd/eventlog"
)

// append appends the sentence for e.
func (s *sentence) append(dst []byte, e *eventlog.Event) []byte {
	var fields [maxKeys][]byte
	eventlog.MetadataFields(e.Metadata, s.keys, fields[:])
	for i := range s.parts {
		dst = s.parts[i].append(dst, e, &fields)
	}
	return append(dst, s.tail...)
}

func (p *part) append(dst []byte, e *eventlog.Event, fields *[maxKeys][]byte) []byte {
	dst = append(dst, p.literal...)
	end := len(dst)
	dst = append(dst, p.words...)
	for i := range p.candidates {
		var ok bool
		if dst, ok = p.candidates[i].append(dst, e, fields); ok {
			return dst
		}
	}
	return append(dst[:end], p.otherwise...)
}

// append appends the candidate's text and reports whether it holds any.
func (c *candidate) append(dst []byte, e *eventlog.Event, fields *[maxKeys][]byte) ([]byte, bool) {
	if c.own != nil {
		text := c.own(e)
		return append(dst, text...), text != ""
	}
	start := len(dst)
	dst, ok := eventlog.AppendText(dst, fields[c.key])
	if !ok || (c.dash && string(dst[start:]) == "unknown") {
		return dst[:start], false
	}
	if c.first {
		word := firstWord(dst[start:])
		return append(dst[:start], word...), len(word) > 0
	}
	return dst, true
}

// firstWord is the first of the words of s that white space separates.
func firstWord(s []byte) []byte {
	s = bytes.TrimSpace(s)
	if i := bytes.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i]
	}
	return s
}
