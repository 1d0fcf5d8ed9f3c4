package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/julienschmidt/httprouter"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/geo"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/internal/tokens"
	"dashd/projections"
)

// Log is the part of eventlog/store.Store that is read here.
type Log interface {
	Head() uint64
	Wait(ctx context.Context, seq uint64) error
	Read(seq uint64) (eventlog.Record, error)
	ReceivedAt(seq uint64) (ms int64, err error)
	Blocks(ctx context.Context, from uint64, fn func(first uint64, raw []byte, b block.Block) error) error
	FindID(project, id string) (seq uint64, ok bool, err error)
}

// Health is what a node says about itself.
type Health interface {
	// Ready returns nil if the node can take and answer requests, or a sentence
	// for each reason why not.
	Ready() []string
	// Status is the node's state as a JSON value.
	Status() any
}

// Dash is the image that the dashboard's reads are answered from: a
// *projections.DashFollower.
type Dash interface {
	Image() *projections.DashImage
	Wait(ctx context.Context, seq uint64) error
	Ready() error // nil once the image holds what was in the log at the start
}

// Places says where addresses are: a *geo.Locator.
type Places interface {
	// Locate gives a checked event its place, unless its producer did.
	Locate(ev *eventlog.Event)
	// CityPoint is where a city is, if that is known.
	CityPoint(countryCode, city string) (geo.Point, bool)
	// Attribution has to be shown with places; nil if there is none to show.
	Attribution() *geo.Attribution
}

// Appender takes events that were sent to this node: a *relay.Relay.
type Appender interface {
	// AppendFor appends what by has sent, wherever the leader is.
	AppendFor(ctx context.Context, by projections.Principal, events []eventlog.Event) ([]appender.Result, error)
	// Now is the time to stamp on events.
	Now() int64
}

// Refusals records requests that are refused for their credential: a *refusals.Recorder.
type Refusals interface {
	// Note does not wait for anything.
	Note(commands.Refusal)
}

// Options of New. All are required but Cluster, Places, Refusals, Settings, Tokens and Stopping.
type Options struct {
	Log      *slog.Logger
	Now      func() int64 // ms
	Store    Log
	Index    *index.Index
	Appender Appender
	Access   *projections.Follower
	Dash     *projections.DashFollower
	History  History
	Commands *commands.Commands
	Drains   Drains
	Health   Health
	Cluster  Cluster // nil: this node is alone, and always leads
	// Membership is the cluster; nil: this node is alone.
	Membership Membership
	Places     Places   // nil: places are those that producers name
	Refusals   Refusals // nil: they are not recorded
	Settings   Settings
	Tokens     *tokens.Sets // of those who sign tokens; nil: nobody but dashd
	// Stopping is closed when the node is about to stop: streams end then, and
	// other requests may finish.
	Stopping <-chan struct{}
}

// Settings are the operator's choices. The zero value is the recommended one.
type Settings struct {
	// AnswerUnavailable makes POST /ingest/studio answer 503 when nothing can be
	// stored. The default is to close the connection, which is the only thing the
	// studio's client retries.
	AnswerUnavailable bool
	// Names is the vocabulary of event names that dash readers get.
	Names eventlog.Names
	// Version is that of dashd, for people.
	Version string
	// PublicURL is where this node is reached from outside, without a slash at the end.
	PublicURL string
	// Redact holds further keys of metadata, as eventlog.FoldKey gives them, whose
	// values are not to be stored. It must not be changed.
	Redact map[string]bool
	// Off holds the features that are switched off. It must not be changed.
	Off map[Feature]bool
	// ActivityTracking shows when users were last active, and counts who is there.
	ActivityTracking bool
	// BackupCodesViewable keeps new backup codes so that they can be looked at again,
	// sealed, and shows those that were kept.
	BackupCodesViewable bool
	// TrustedOrigins are those of the applications that a browser may be sent to, see
	// ParseOrigins. It must not be changed.
	TrustedOrigins map[string]bool
}

// patience is how long the server waits for others.
type patience struct {
	heartbeat time.Duration // a silent stream says that it is alive
	write     time.Duration // a client takes what was sent to him
	body      time.Duration // a client sends the next piece of a body
	query     time.Duration // a query is answered
	fold      time.Duration // this node has folded what a read asks for
	settle    time.Duration // the same, of a read that does not say how new it has to be
	lead      time.Duration // the cluster has a leader
	answer    time.Duration // the leader answers a command
}

var defaultPatience = patience{
	heartbeat: 15 * time.Second,
	write:     30 * time.Second,
	body:      30 * time.Second,
	query:     5 * time.Second,
	fold:      2 * time.Second,
	settle:    250 * time.Millisecond,
	lead:      10 * time.Second,
	answer:    30 * time.Second,
}

// Server answers requests. It keeps no state of its own.
type Server struct {
	Options
	log      *slog.Logger
	patience patience
	weighing sync.Mutex // held while somebody looks at the memory of the tables
}

// New returns a server over the parts of a running node.
func New(o Options) *Server {
	return &Server{Options: o, log: o.Log.With("component", "http"), patience: defaultPatience}
}

// Handler serves everything for applications and operators. operator marks
// requests that come over the local admin socket, whose peer may do everything.
func (s *Server) Handler(operator bool) http.Handler {
	from := publicFace
	if operator {
		from = adminSocket
	}
	return s.plainPaths(s.sameOrigin(s.handler(from, func(*route) bool { return true })))
}

// handler serves the rows of the route table that are served to whoever comes from there.
func (s *Server) handler(from face, served func(*route) bool) http.Handler {
	router := httprouter.New()
	router.RedirectTrailingSlash = false
	router.RedirectFixedPath = false
	router.HandleMethodNotAllowed = true
	router.GlobalOPTIONS = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // the router has set Allow
	})
	router.MethodNotAllowed = http.HandlerFunc(s.methodNotAllowed)
	var references parametric
	for _, rt := range s.routes() {
		if !served(&rt) {
			continue
		}
		for _, at := range rt.places() {
			handle := s.adapt(rt, at, from)
			add := router.Handle
			if at.hasParameters() {
				add = references.add
			}
			add(at.method, at.pattern, handle)
			if at.method == http.MethodGet && !rt.endless && !rt.mutates() {
				add(http.MethodHead, at.pattern, handle)
			}
		}
	}
	router.NotFound = references.ready(http.HandlerFunc(s.notFound), router.MethodNotAllowed)
	return underBase(router)
}

// request is a request whose sender is known.
type request struct {
	*http.Request
	route     *route
	from      face
	params    httprouter.Params
	query     url.Values // must not be changed
	principal projections.Principal
	actor     string                     // who the events of a command are by
	claims    map[string]json.RawMessage // what a signed token limits the request to; nil with an API key
	token     *signed                    // nil with an API key
	body      []byte                     // of what was read as an input
	moment    *moment                    // that a read is answered as of; nil: the present
	fresh     freshness                  // of a read of the present
}

// adapt authenticates a request and turns what its handler returns into an answer.
func (s *Server) adapt(rt route, at place, from face) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		answer := &response{ResponseWriter: w, patience: s.patience.write}
		defer s.rescue(answer, r, rt)
		asked := &request{Request: r, route: &rt, from: from, params: ps}
		operator := from.operator(r)
		err := s.serve(answer, asked, rt, operator)
		if err != nil && !operator {
			s.noteRefusal(asked, at.pattern, err)
		}
		switch {
		case err == nil:
		case rt.unanswered && !s.Settings.AnswerUnavailable && mayBeStoredLater(err):
			if s.report(r, rt.pattern, err); r.Context().Err() == nil {
				s.log.Warn("batch not stored as a whole: the connection is closed, so that it is sent again", "path", rt.pattern, "err", err)
			}
			panic(http.ErrAbortHandler)
		case answer.began:
			s.report(r, rt.pattern, err)
			panic(http.ErrAbortHandler) // so that the client sees that it is not the end
		default:
			s.fail(answer, r, rt.pattern, err)
		}
	}
}

func (s *Server) serve(w *response, r *request, rt route, operator bool) (err error) {
	if rt.scope == public {
		if strings.Contains(r.URL.RawQuery, asOfParam+"=") {
			return rt.refusesAsOf()
		}
		return rt.handle(w, r)
	}
	if r.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return errs.Wrap(err, errs.Invalid, "INVALID_QUERY", "the query string is malformed")
	}
	if r.principal, err = s.authenticate(r, &rt, operator); err != nil {
		return err
	}
	if len(r.Header.Get("Idempotency-Key")) > maxIdempotencyKey {
		return errs.New(errs.Invalid, "INVALID_IDEMPOTENCY_KEY", "an Idempotency-Key has at most %d bytes", maxIdempotencyKey)
	}
	if rt.json {
		if err := declaredJSON(r, rt.ofDashboard()); err != nil {
			return err
		}
	}
	if err := s.when(w, r); err != nil {
		return err
	}
	if !rt.anyAge && r.from != otherNode {
		if err := s.useUp(r); err != nil {
			return err
		}
	}
	if rt.mutates() {
		return s.execute(w, r)
	}
	return rt.handle(w, r)
}

// rescue keeps one request's bug from ending the others.
func (s *Server) rescue(w *response, r *http.Request, rt route) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v) // close the connection without an answer, as was asked
	}
	s.log.ErrorContext(r.Context(), "handler panicked", "method", rt.method, "path", rt.pattern, "err", v, "stack", string(debug.Stack()))
	if w.began {
		panic(http.ErrAbortHandler)
	}
	_ = writeJSON(w, http.StatusInternalServerError, errorBody{"internal error", codes[errs.Internal]})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, "", errs.New(errs.NotFound, "", "there is nothing at this path"))
}

// methodNotAllowed answers a wrong method; the router has set Allow.
func (s *Server) methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	_ = writeJSON(w, http.StatusMethodNotAllowed, errorBody{"the method is not allowed here", "METHOD_NOT_ALLOWED"})
}
