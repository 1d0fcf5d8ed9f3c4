package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/index"
	"dashd/internal/errs"
	"github.com/julienschmidt/httprouter"
)

// Route is a row of the route table.
type Route struct {
	Method, Pattern, Scope string
	Aliases                []string
	Section, Command       string
	Events                 []eventlog.Type
	KeyInURL, EndUsers     bool
	Endless                bool // no length known before, so no HEAD; and no JSON
	Present                string
}

// Public is the scope of the routes that answer anybody, AnyKey of those that answer
// any good key.
const (
	Public = string(public)
	AnyKey = string(anyKey)
)

// Routes is the route table.
func Routes() []Route {
	var all []Route
	for _, rt := range new(Server).routes() {
		all = append(all, Route{
			Method: rt.method, Pattern: rt.pattern, Scope: string(rt.scope), Aliases: rt.aliases,
			Section: rt.section, Command: rt.command, Events: rt.events, KeyInURL: rt.keyInURL, EndUsers: rt.endUsers, Endless: rt.endless, Present: rt.present,
		})
	}
	return all
}

// The limits of batches.
const (
	MaxBatchBody    = maxBatchBody
	MaxStudioEvents = maxStudioEvents
	BatchEvents     = batchEvents
	BatchBytes      = batchBytes
)

// SetPatience changes how long a server waits for others; 0 changes nothing.
func (s *Server) SetPatience(heartbeat, write, body, query time.Duration) {
	for _, p := range []struct {
		have *time.Duration
		want time.Duration
	}{{&s.patience.heartbeat, heartbeat}, {&s.patience.write, write}, {&s.patience.body, body}, {&s.patience.query, query}} {
		if p.want != 0 {
			*p.have = p.want
		}
	}
}

// SetClusterPatience changes how long a server waits for this node to fold, and for a leader.
func (s *Server) SetClusterPatience(fold, lead time.Duration) {
	s.patience.fold, s.patience.lead = fold, lead
}

// EventQuery reads the query string of GET /v1/events.
func (s *Server) EventQuery(q url.Values, project string) (index.Query, error) {
	return s.eventQuery(q, project)
}

// Asked is a request whose inputs are asked for, one after the other.
type Asked struct {
	Method, Target, Body string
	Claims               string // a JSON object of a signed token; "": the request has an API key
	Path                 map[string]string
	Mutates              bool // what its row says
	AnyTarget            bool
	BodyOptional         bool
}

// Ask reads a request and returns what it says to questions like "id userId" or "text
// name", and the message of the first violation.
func Ask(a Asked, questions ...string) (answers []any, message string) {
	r := httptest.NewRequest(a.Method, a.Target, strings.NewReader(a.Body))
	rt := &route{anyTarget: a.AnyTarget, bodyOptional: a.BodyOptional}
	if a.Mutates {
		rt.events = []eventlog.Type{eventlog.UserUpdated}
	}
	asked := &request{Request: r, route: rt, query: r.URL.Query()}
	for name, value := range a.Path {
		asked.params = append(asked.params, httprouter.Param{Key: name, Value: value})
	}
	if a.Claims != "" {
		if err := json.Unmarshal([]byte(a.Claims), &asked.claims); err != nil {
			panic(err)
		}
	}
	in := (&Server{patience: defaultPatience}).read(httptest.NewRecorder(), asked)
	for _, question := range questions {
		answers = append(answers, in.answer(question))
	}
	if err := in.err(); err != nil {
		return nil, errs.Message(err)
	}
	return answers, ""
}

// answer asks one question. Pointers come back as what they point to, or nil.
func (in *input) answer(question string) any {
	kind, name, _ := strings.Cut(question, " ")
	name, inner, nested := strings.Cut(name, " ")
	switch kind {
	case "id":
		return in.id(name)
	case "idOf":
		return in.idOf(name)
	case "optionalID":
		return in.optionalID(name)
	case "ids":
		return in.ids(name)
	case "text":
		return in.text(name)
	case "short":
		return in.text(name, atLeast(2), atMost(4))
	case "optionalText":
		return value(in.optionalText(name))
	case "nullableText":
		return value(in.nullableText(name))
	case "flag":
		return value(in.optionalFlag(name))
	case "number":
		return value(in.optionalNumber(name))
	case "texts":
		return in.texts(name, atLeast(1))
	case "order":
		return in.text(name, oneOf("asc", "desc"))
	case "email":
		return in.text(name, email)
	case "slug":
		return in.text(name, slug)
	case "role":
		return in.text(name, role)
	case "url":
		return in.text(name, httpURL)
	case "given":
		return in.given(name)
	case "raw":
		return string(in.raw(name))
	case "object":
		if object := in.object(name); object != nil && nested {
			return object.answer(inner)
		}
		return nil
	}
	panic("no such question: " + question)
}

func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// SetFoldPatience changes how long a read waits for what it asks for with after=.
func (s *Server) SetFoldPatience(d time.Duration) { s.patience.fold = d }
