package httpapi

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"dashd/internal/errs"
)

const (
	// maxID is the length of an identifier, in characters.
	maxID = 255
	// maxIDs is how many things one request may be about.
	maxIDs = 1000
)

// id returns the identifier of a thing: from the claims, the path, the query or the
// body. It is required; two different values are refused: "Organization ID mismatch".
//
// A signed token is limited to what it names: the thing that a request changes, which is
// the first its handler asks for, must be in the claims, unless the route says
// anyTarget.
func (in *input) id(name string) string { return in.required(name, in.identifier(name)) }

// idOf is id with "id" as a synonym in query and body.
func (in *input) idOf(name string) string { return in.required(name, in.identifier(name, "id")) }

// optionalID is id for one that may be absent: "".
func (in *input) optionalID(name string) string { return in.identifier(name) }

func (in *input) required(name, id string) string {
	switch {
	case !in.ok():
		return ""
	case id == "" && in.r.route.anyTarget: // the body should have it
		in.missing(name, "string")
	case !in.covers(name, id != ""):
		in.fail(badToken("the claims lack " + name))
	case id == "":
		in.missing(name, "string")
	}
	return id
}

// covers reports whether the request's token, if it has one, may be used on the thing
// that name identifies.
func (in *input) covers(name string, elsewhere bool) bool {
	if in.r.claims == nil {
		return true
	}
	if _, claimed := in.claim(name); claimed || *in.pinned {
		*in.pinned = true
		return true
	}
	return elsewhere && (in.r.route.anyTarget || !in.r.route.mutates())
}

// identifier returns what all places that name the thing agree on, "" if there are none.
func (in *input) identifier(name string, synonyms ...string) string {
	if !in.ok() {
		return ""
	}
	var found []string
	if text, ok := in.claim(name); ok {
		var id string
		if json.Unmarshal(text, &id) != nil || id == "" {
			in.fail(badToken("the claim " + name + " is no identifier"))
			return ""
		}
		found = append(found, id)
	}
	if id := in.r.params.ByName(name); id != "" && in.query != nil {
		found = append(found, id)
	}
	for _, key := range append([]string{name}, synonyms...) {
		if id, ok := first(in.query, key); ok {
			found = append(found, in.bounded("query."+key, id))
		}
		if text, ok := in.body[key]; ok {
			found = append(found, in.bounded(in.at+"."+key, in.string(in.at+"."+key, text)))
		}
	}
	if len(found) == 0 || !in.ok() {
		return ""
	}
	if slices.ContainsFunc(found, func(id string) bool { return id != found[0] }) {
		in.mismatch(name, "ID")
		return ""
	}
	return found[0]
}

// mismatch refuses that a request names two different things as one.
func (in *input) mismatch(name, id string) {
	message := thing(name) + " " + id + " mismatch"
	in.fail(errs.New(errs.Invalid, codeOf(message), "%s", message))
}

// bounded checks the length of an identifier.
func (in *input) bounded(at, id string) string {
	for _, wrong := range []check{atLeast(1), atMost(maxID)} {
		if reason := wrong(id); reason != "" {
			in.refuseAt(at, reason)
		}
	}
	return id
}

// ids returns a required list of identifiers: a JSON array, a claim, or
// comma-separated in the query.
func (in *input) ids(name string) []string {
	if !in.ok() {
		return nil
	}
	claimed, isClaimed := in.claim(name)
	if !in.covers(name, !isClaimed) {
		in.fail(badToken("the claims lack " + name))
		return nil
	}
	var found [][]string
	if isClaimed {
		var ids []string
		if json.Unmarshal(claimed, &ids) != nil {
			in.fail(badToken("the claim " + name + " is no list of identifiers"))
			return nil
		}
		found = append(found, ids)
	}
	if ids := list(in.query, name); len(ids) > 0 {
		found = append(found, ids)
	}
	if text, ok := in.body[name]; ok {
		found = append(found, in.array(in.at+"."+name, text))
	}
	if len(found) == 0 {
		in.missing(name, "array")
	}
	if !in.ok() {
		return nil
	}
	for _, id := range found[0] {
		in.bounded(in.at+"."+name, id)
	}
	if len(found[0]) > maxIDs {
		in.refuse(name, "Too big: expected array to have <=1000 items")
	}
	if slices.ContainsFunc(found, func(ids []string) bool { return !slices.Equal(ids, found[0]) }) {
		in.mismatch(name, "IDs")
	}
	return found[0]
}

// thing is how a message calls what an identifier names: "Log drain" for logDrainId.
func thing(name string) string {
	var b strings.Builder
	for i, c := range strings.TrimSuffix(strings.TrimSuffix(name, "s"), "Id") {
		switch {
		case i == 0:
			c = unicode.ToUpper(c)
		case unicode.IsUpper(c):
			b.WriteByte(' ')
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

// codeOf makes an error's code of its message: USER_NOT_FOUND of "User not found".
func codeOf(message string) string {
	return strings.Join(strings.FieldsFunc(strings.ToUpper(message), func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < '0' || c > '9')
	}), "_")
}
