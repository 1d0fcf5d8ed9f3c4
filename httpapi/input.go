package httpapi

import (
	"encoding/json"
	"net/http"

	"dashd/internal/commands"
	"dashd/projections"
)

// input is what a request to the dashboard's API says, wherever it says it: in its
// body, its query, its path or the claims of its token. The first thing that is wrong
// with it is kept, and told by err; after that, what the methods return has no meaning.
type input struct{ inputSkeleton }

type inputSkeleton struct{}

// read reads what a request says. GET: the query; POST, PATCH: the JSON body, DELETE: either. A
// POST or PATCH without a body is an error unless the route says bodyOptional.
func (s *Server) read(w http.ResponseWriter, r *request) *input { panic("skeleton") }

// err is the first violation, or nil.
func (in *input) err() error { panic("skeleton") }

// refuse makes a violation of a field: "[body.name] reason".
func (in *input) refuse(name, reason string) { panic("skeleton") }

// id returns the identifier of a thing: from path, claims, query or body, under its name or (body and query only)
// "id" where synonym says so. It is required; two different values are refused: "<Thing> ID mismatch".
func (in *input) id(name string) string { panic("skeleton") }

// optionalID is id for one that may be absent: "".
func (in *input) optionalID(name string) string { panic("skeleton") }

// idOf is id with "id" as a synonym.
func (in *input) idOf(name string) string { panic("skeleton") }

// ids returns a required list of identifiers: a JSON array, a claim, or comma-separated in the query.
func (in *input) ids(name string) []string { panic("skeleton") }

// given reports whether the field is there, even as null.
func (in *input) given(name string) bool { panic("skeleton") }

// text returns a required string.
func (in *input) text(name string, checks ...check) string { panic("skeleton") }

// optionalText returns nil if the field is absent; null is a violation.
func (in *input) optionalText(name string, checks ...check) *string { panic("skeleton") }

// nullableText is optionalText for a field that may be null: then it returns a pointer to "".
func (in *input) nullableText(name string, checks ...check) *string { panic("skeleton") }

// optionalFlag returns nil if the field is absent. In a query: "true" or "false".
func (in *input) optionalFlag(name string) *bool { panic("skeleton") }

// flag is optionalFlag with a default.
func (in *input) flag(name string, def bool) bool { panic("skeleton") }

// optionalNumber returns nil if the field is absent or null.
func (in *input) optionalNumber(name string) *float64 { panic("skeleton") }

// texts returns a list of strings, nil if the field is absent.
func (in *input) texts(name string, checks ...check) []string { panic("skeleton") }

// object returns a nested object: its violations are those of in, with a longer path. nil if absent.
func (in *input) object(name string) *input { panic("skeleton") }

// raw returns the JSON text of a field, nil if it is absent.
func (in *input) raw(name string) json.RawMessage { panic("skeleton") }

// check finds out what is wrong with a text: a reason, or "".
type check func(string) string

func atLeast(n int) check          { panic("skeleton") } // Too small: expected string to have >=8 characters
func atMost(n int) check           { panic("skeleton") }
func oneOf(values ...string) check { panic("skeleton") } // Invalid option: expected one of "asc"|"desc"
func email(string) string          { panic("skeleton") } // Invalid email address
func slug(string) string           { panic("skeleton") }
func role(string) string           { panic("skeleton") }
func httpURL(string) string        { panic("skeleton") } // URL must be a valid http(s) URL without credentials

// call is what a command of this request carries.
func (r *request) call() commands.Call { panic("skeleton") }

// tables returns the tables of the request's project, as of at least the seq it asks for with after=, and says in
// the answer's Dashd-Seq what they are as of.
func (s *Server) tables(w http.ResponseWriter, r *request) (*projections.Tables, error) {
	panic("skeleton")
}

// done answers a command: v as JSON, with Dashd-Seq.
func (s *Server) done(w http.ResponseWriter, d commands.Done, v any) error { panic("skeleton") }

// success is the answer to a command that makes nothing to show.
var success = struct {
	Success bool `json:"success"`
}{true}
