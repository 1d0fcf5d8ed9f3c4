package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
)

// differences compares an answer with the recorded one, in short sentences, ordered.
func differences(x *exchange, a answer) (all []string) {
	want := &x.Response
	if a.status != want.Status {
		all = append(all, fmt.Sprintf("status %d, captured %d", a.status, want.Status))
	}
	got, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if want.ContentType != "" && got != want.ContentType {
		all = append(all, fmt.Sprintf("content type %q, captured %q", got, want.ContentType))
	}
	if has := a.header.Get("Location") != ""; has != (want.Location != "") {
		all = append(all, fmt.Sprintf("location: %v, captured: %v", has, want.Location != ""))
	}
	if has := len(a.header["Set-Cookie"]) > 0; has != (len(want.SetCookie) > 0) {
		all = append(all, fmt.Sprintf("cookie: %v, captured: %v", has, len(want.SetCookie) > 0))
	}
	var recorded, answered any
	_ = json.Unmarshal(want.Body, &recorded) // absent: nothing was answered
	text, several := recorded.(string)
	switch {
	case want.ContentType == "application/x-ndjson" && several:
		compare(&all, "body", lines([]byte(text)), lines(a.body))
	case want.ContentType == "application/x-ndjson": // a single line was kept as JSON
		compare(&all, "body", []any{recorded}, lines(a.body))
	case recorded == nil || recorded == "":
		if len(a.body) > 0 {
			all = append(all, "a body, captured none")
		}
	case json.Unmarshal(a.body, &answered) != nil:
		all = append(all, "no JSON")
	case want.Status >= 400 && a.status < 400:
		// The status says it all.
	case want.Status < 400 && a.status >= 400:
		message, _ := answered.(map[string]any)
		all = append(all, fmt.Sprintf("message %q, captured none", message["message"]))
	case want.Status >= 400 || a.status >= 400:
		compareErrors(&all, recorded, answered)
	default:
		compare(&all, "body", recorded, answered)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lines are the values of NDJSON.
func lines(text []byte) any {
	values := []any{}
	for line := range bytes.Lines(text) {
		var v any
		_ = json.Unmarshal(line, &v)
		values = append(values, v)
	}
	return values
}

// compareErrors compares message and code. dashd always sends a code; where the reference sends
// none, it is the message in capitals, or that of the kind of refusal.
func compareErrors(all *[]string, want, got any) {
	w, _ := want.(map[string]any)
	g, _ := got.(map[string]any)
	if w["message"] != g["message"] {
		*all = append(*all, fmt.Sprintf("message %q, captured %q", g["message"], w["message"]))
		return
	}
	code, coded := w["code"].(string)
	message, _ := w["message"].(string)
	if !coded {
		code = strings.Join(strings.FieldsFunc(strings.ToUpper(message), func(c rune) bool {
			return (c < 'A' || c > 'Z') && (c < '0' || c > '9')
		}), "_")
		if message == "Invalid API key" {
			code = "UNAUTHORIZED" // section 2.2
		}
	}
	if g["code"] != code {
		*all = append(*all, fmt.Sprintf("code %q, want %q", g["code"], code))
	}
}

// compare finds out where two values have other keys or types.
func compare(all *[]string, at string, want, got any) {
	note := func(format string, args ...any) { *all = append(*all, at+": "+fmt.Sprintf(format, args...)) }
	if typeOf(want) != typeOf(got) {
		note("%s, captured %s", typeOf(got), typeOf(want))
		return
	}
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		keys := maps.Clone(want)
		maps.Copy(keys, got)
		for key := range keys {
			w, captured := want[key]
			g, there := got[key]
			switch {
			case !captured:
				*all = append(*all, at+"."+key+": added")
			case !there:
				*all = append(*all, at+"."+key+": missing")
			default:
				compare(all, at+"."+key, w, g)
			}
		}
	case []any:
		got := got.([]any)
		if len(want) != len(got) {
			note("%d items, captured %d", len(got), len(want))
		}
		for i := range min(len(want), len(got)) {
			compare(all, at+"[]", want[i], got[i])
		}
	}
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
