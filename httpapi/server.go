package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/julienschmidt/httprouter"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
	"dashd/projections"
)

// Log is the part of eventlog/store.Store that is read here.
type Log interface {
	Head() uint64
	Wait(ctx context.Context, seq uint64) error
	Read(seq uint64) (eventlog.Record, error)
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

// Options of New. All are required but Settings and Stopping.
type Options struct {
	Log      *slog.Logger
	Now      func() int64 // ms
	Store    Log
	Index    *index.Index
	Appender *appender.Appender
	Access   *projections.Follower
	Commands *commands.Commands
	Health   Health
	Settings Settings
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
}

// Server answers requests. It keeps no state of its own.
type Server struct {
	Options
	log *slog.Logger
}

// New returns a server over the parts of a running node.
func New(o Options) *Server {
	return &Server{Options: o, log: o.Log.With("component", "http")}
}

// Handler serves everything for applications and operators. operator marks
// requests that come over the local admin socket, whose peer may do everything.
func (s *Server) Handler(operator bool) http.Handler {
	router := httprouter.New()
	router.RedirectTrailingSlash = false
	router.RedirectFixedPath = false
	router.HandleOPTIONS = false
	router.HandleMethodNotAllowed = true
	router.NotFound = http.HandlerFunc(s.notFound)
	router.MethodNotAllowed = http.HandlerFunc(s.methodNotAllowed)
	router.PanicHandler = s.panicked
	for _, rt := range s.routes() {
		router.Handle(rt.method, rt.pattern, s.adapt(rt, operator))
	}
	return router
}

// adapt authenticates a request, bounds its body and turns what its handler
// returns into an answer.
func (s *Server) adapt(rt route, operator bool) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		req := &request{Request: r, params: ps}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if rt.scope != public {
			var err error
			if req.principal, err = s.authenticate(r, rt, operator); err != nil {
				s.fail(w, r, err)
				return
			}
		}
		if err := rt.handle(w, req); err != nil {
			s.fail(w, r, err)
		}
	}
}

// request is a request whose sender is known.
type request struct {
	*http.Request
	params    httprouter.Params
	principal projections.Principal
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, errs.New(errs.NotFound, "", "no such path: %s", r.URL.Path))
}

// methodNotAllowed answers a wrong method; the router has set Allow.
func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	_ = writeJSON(w, http.StatusMethodNotAllowed, errorBody{
		Message: r.Method + " is not allowed here", Code: "METHOD_NOT_ALLOWED",
	})
}

// panicked keeps one request's bug from ending the others.
func (s *Server) panicked(w http.ResponseWriter, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v) // close the connection without an answer, as the handler asked
	}
	s.log.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "err", v, "stack", string(debug.Stack()))
	_ = writeJSON(w, http.StatusInternalServerError, errorBody{Message: "internal error", Code: "INTERNAL_SERVER_ERROR"})
}
