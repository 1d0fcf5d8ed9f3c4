package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"dashd/internal/errs"
)

// maxAdminBody bounds the body of a request to the dashboard's API.
const maxAdminBody = 256 << 10

// input is what a request to the dashboard's API says, wherever it says it: in the
// claims of its token, its path, its query or its body. The first thing that is wrong with
// it is kept, and told by err; after that, what the methods return has no meaning.
//
// Keys that nobody asks for are ignored.
type input struct {
	r        *request
	at       string // what is in front of a field's name in a message: "body", "query", "body.oidcConfig"
	body     object
	query    url.Values // where identifiers may stand
	fields   url.Values // where anything may stand; nil if that is the body only
	noBody   bool       // a body is due, and there is none
	violated *error     // shared with nested objects
	pinned   *bool      // a signed token has named what the request is about
}

// object is a JSON object whose members have not been looked at.
type object map[string]json.RawMessage

// read reads what a request says. GET: the query. POST and PATCH: the JSON body, and
// identifiers also in the query. DELETE: either. A POST or PATCH without a body is
// wrong as soon as something of the body is asked for, unless the route says
// bodyOptional.
func (s *Server) read(w http.ResponseWriter, r *request) *input {
	in := &input{r: r, at: "query", query: r.query, fields: r.query, violated: new(error), pinned: new(bool)}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return in
	}
	text, err := s.readBody(w, r, maxAdminBody)
	if err != nil {
		in.fail(err)
		return in
	}
	r.body = text
	text = bytes.TrimSpace(text)
	if r.Method != http.MethodDelete {
		in.fields, in.noBody = nil, len(text) == 0 && !r.route.bodyOptional
	} else if len(text) == 0 {
		return in
	}
	in.at = "body"
	if len(text) == 0 {
		return in
	}
	if !json.Valid(text) {
		in.fail(errs.New(errs.Invalid, "BAD_REQUEST", "Invalid JSON in request body"))
		return in
	}
	in.body = in.members(in.at, text)
	return in
}

// members takes a JSON object apart.
func (in *input) members(at string, text json.RawMessage) object {
	if kind := kindOf(text); kind != "object" {
		in.mistyped(at, "object", kind)
		return nil
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		in.fail(errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "Invalid JSON in request body"))
	}
	return o
}

// err is the first violation, or nil.
func (in *input) err() error { return *in.violated }

// ok reports whether nothing is wrong so far.
func (in *input) ok() bool { return *in.violated == nil }

// fail keeps the first violation.
func (in *input) fail(err error) {
	if in.ok() {
		*in.violated = err
	}
}

// refuse makes a violation of a field: "[body.name] reason".
func (in *input) refuse(name, reason string) {
	at := in.at
	if name != "" {
		at += "." + name
	}
	in.refuseAt(at, reason)
}

func (in *input) refuseAt(at, reason string) {
	in.fail(errs.New(errs.Invalid, "VALIDATION_ERROR", "[%s] %s", at, reason))
}

// mistyped refuses a value of another JSON type than is expected.
func (in *input) mistyped(at, want, got string) {
	in.refuseAt(at, "Invalid input: expected "+want+", received "+got)
}

// missing refuses that a field is not there.
func (in *input) missing(name, want string) {
	if in.noBody {
		in.mistyped("body", "object", "undefined")
		return
	}
	in.mistyped(in.at+"."+name, want, "undefined")
}

// value returns the JSON text of a field, and where it stands; nil if it is absent.
// What a token's claims say goes before the body, and the body before the query.
func (in *input) value(name string) (text json.RawMessage, at string) {
	if claim, ok := in.claim(name); ok {
		return claim, "claims." + name
	}
	if text, ok := in.body[name]; ok {
		return text, in.at + "." + name
	}
	if values := in.fields[name]; len(values) > 0 {
		text, _ := json.Marshal(values[0]) // a string always has a JSON text
		return text, "query." + name
	}
	return nil, ""
}

// claim returns what the token says under a name. The claims are about the request as a
// whole, not about what is in an object of its body.
func (in *input) claim(name string) (json.RawMessage, bool) {
	if strings.ContainsRune(in.at, '.') {
		return nil, false
	}
	text, ok := in.r.claims[name]
	return text, ok
}

// optional is value of a field that may be absent: ok is false then.
func (in *input) optional(name, want string) (text json.RawMessage, at string, ok bool) {
	if !in.ok() {
		return nil, "", false
	}
	text, at = in.value(name)
	if text == nil && in.noBody {
		in.missing(name, want)
	}
	return text, at, text != nil
}

// given reports whether the field is there, even as null.
func (in *input) given(name string) bool {
	text, _ := in.value(name)
	return text != nil
}

// raw returns the JSON text of a field, nil if it is absent. What stands in a query is
// a JSON string.
func (in *input) raw(name string) json.RawMessage {
	text, _, _ := in.optional(name, "")
	return text
}

// object returns a nested object: its violations are those of in, with a longer path.
// nil if absent.
func (in *input) object(name string) *input {
	text, at, ok := in.optional(name, "object")
	if !ok {
		return nil
	}
	nested := *in
	nested.at, nested.query, nested.fields = at, nil, nil
	nested.body = in.members(at, text)
	return &nested
}

// kindOf is the name of the type of a JSON value, as violations write it.
func kindOf(text json.RawMessage) string {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 {
		return "undefined"
	}
	switch text[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
