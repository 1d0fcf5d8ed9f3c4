package httpapi

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// maxText bounds a text that has no limit of its own, in characters.
const maxText = 32 << 10

// text returns a required string.
func (in *input) text(name string, checks ...check) string {
	text, at, ok := in.optional(name, "string")
	if !ok {
		if in.ok() {
			in.missing(name, "string")
		}
		return ""
	}
	return in.checked(at, text, checks)
}

// optionalText returns nil if the field is absent; null is a violation.
func (in *input) optionalText(name string, checks ...check) *string {
	text, at, ok := in.optional(name, "string")
	if !ok {
		return nil
	}
	value := in.checked(at, text, checks)
	return &value
}

// nullableText is optionalText for a field that may be null: then it returns a pointer
// to "", which is not checked.
func (in *input) nullableText(name string, checks ...check) *string {
	text, at, ok := in.optional(name, "string")
	if !ok {
		return nil
	}
	if kindOf(text) == "null" {
		return new(string)
	}
	value := in.checked(at, text, checks)
	return &value
}

// optionalFlag returns nil if the field is absent. In a query: "true" or "false".
func (in *input) optionalFlag(name string) *bool {
	text, at, ok := in.optional(name, "boolean")
	if !ok {
		return nil
	}
	if inQuery(at) {
		text = json.RawMessage(strings.Trim(string(text), `"`))
	}
	switch string(text) {
	case "true", "false":
		value := string(text) == "true"
		return &value
	}
	if inQuery(at) {
		in.mistyped(at, "boolean", "string")
	} else {
		in.mistyped(at, "boolean", kindOf(text))
	}
	return nil
}

// flag is optionalFlag with a default.
func (in *input) flag(name string, def bool) bool {
	if value := in.optionalFlag(name); value != nil {
		return *value
	}
	return def
}

// optionalNumber returns nil if the field is absent or null.
func (in *input) optionalNumber(name string) *float64 {
	text, at, ok := in.optional(name, "number")
	if !ok || kindOf(text) == "null" {
		return nil
	}
	kind := kindOf(text)
	if inQuery(at) {
		kind, text = "number", json.RawMessage(strings.Trim(string(text), `"`))
	}
	if kind != "number" {
		in.mistyped(at, "number", kind)
		return nil
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
		in.mistyped(at, "number", "NaN")
		return nil
	}
	return &value
}

// texts returns a list of strings, nil if the field is absent. In a query:
// comma-separated.
func (in *input) texts(name string, checks ...check) []string {
	text, at, ok := in.optional(name, "array")
	if !ok {
		return nil
	}
	if inQuery(at) {
		return list(in.fields, name)
	}
	values := in.array(at, text)
	for i, value := range values {
		in.apply(at+"."+strconv.Itoa(i), value, checks)
	}
	return values
}

// array reads a JSON array of strings. It is not nil.
func (in *input) array(at string, text json.RawMessage) []string {
	var items []json.RawMessage
	if kind := kindOf(text); kind != "array" || json.Unmarshal(text, &items) != nil {
		in.mistyped(at, "array", kind)
		return nil
	}
	values := make([]string, len(items))
	for i, item := range items {
		values[i] = in.string(at+"."+strconv.Itoa(i), item)
	}
	return values
}

// string reads a JSON string.
func (in *input) string(at string, text json.RawMessage) string {
	var value string
	if kind := kindOf(text); kind != "string" || json.Unmarshal(text, &value) != nil {
		in.mistyped(at, "string", kind)
	}
	return value
}

// checked reads a JSON string and checks it.
func (in *input) checked(at string, text json.RawMessage, checks []check) string {
	value := in.string(at, text)
	in.apply(at, value, checks)
	return value
}

// apply keeps the first thing that checks find wrong with a text.
func (in *input) apply(at, value string, checks []check) {
	if !in.ok() {
		return
	}
	for _, wrong := range checks {
		if reason := wrong(value); reason != "" {
			in.refuseAt(at, reason)
			return
		}
	}
	if reason := atMost(maxText)(value); reason != "" {
		in.refuseAt(at, reason)
	}
}

// inQuery reports whether a field stands in the query string, where everything is text.
func inQuery(at string) bool { return strings.HasPrefix(at, "query.") }
