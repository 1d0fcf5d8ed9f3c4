package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dashd/eventlog/index"
	"dashd/internal/errs"
	"dashd/internal/wire"
	"dashd/projections"
)

// History makes the tables of the past: a *projections.History.
type History interface {
	// At are the tables of a project as of a seq of the log.
	At(ctx context.Context, project string, seq uint64) (*projections.Tables, error)
	// Diff says what the events between two seqs have changed.
	Diff(ctx context.Context, q projections.DiffQuery) (*projections.Diff, error)
	// SeqAt is the last event received at or before a moment, 0 if there is none.
	SeqAt(ctx context.Context, ms int64) (seq uint64, err error)
}

// moment is what a read is answered as of, if not of the present.
type moment struct {
	seq uint64 // the last event there is
	at  int64  // ms: what "now" was
}

const asOfParam = "asOf"

// resolveMoment reads ?asOf=: an ISO 8601 time, or a whole number that is a seq. A time
// stands for the last event received up to then, a seq for the time at which it was received.
func (s *Server) resolveMoment(w http.ResponseWriter, r *request) error {
	if !r.query.Has(asOfParam) {
		return nil
	}
	if err := r.route.refusesAsOf(); err != nil {
		return err
	}
	values := r.query[asOfParam]
	if len(values) != 1 {
		return invalid(asOfParam, "expected it once")
	}
	m, err := s.momentOf(r.Context(), asOfParam, values[0])
	if err != nil {
		return err
	}
	r.moment = m
	setSeq(w, m.seq)
	w.Header().Set("Dashd-As-Of", time.UnixMilli(m.at).UTC().Format("2006-01-02T15:04:05.000Z"))
	return nil
}

// passed reports whether the log of this node holds all there will ever be of the moment that an asOf names: events of
// the millisecond of the newest one may yet come. What cannot be read is refused elsewhere.
func (s *Server) passed(text string) bool {
	head := s.Store.Head()
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
		return seq <= head
	}
	at, ok := wire.ParseTime([]byte(text))
	if !ok || head == 0 {
		return !ok
	}
	received, err := s.Store.ReceivedAt(head)
	return err == nil && at < received
}

// refusesAsOf is the refusal of a moment where it has no meaning: in what changes something, and
// in what tells of this node as it is.
func (rt *route) refusesAsOf() error {
	switch {
	case rt.mutates():
		return errs.New(errs.Invalid, "AS_OF_READ_ONLY", "asOf is for reads: the past cannot be changed")
	case rt.present != "":
		return errs.New(errs.Invalid, "AS_OF_NOT_SUPPORTED", "asOf has no meaning here: %s", rt.present)
	}
	return nil
}

// momentOf resolves the text of an asOf, or of another parameter that names a moment.
func (s *Server) momentOf(ctx context.Context, param, text string) (*moment, error) {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		return s.momentOfSeq(text)
	}
	at, ok := wire.ParseTime([]byte(text))
	if !ok {
		return nil, invalid(param, "expected an ISO 8601 time or a seq")
	}
	head := s.Store.Head()
	latest := s.Now()
	if head > 0 {
		received, err := s.Store.ReceivedAt(head) // by a clock that may be ahead of this one
		if err != nil {
			return nil, err
		}
		latest = max(latest, received)
	}
	if at > latest {
		return nil, errs.New(errs.Invalid, "AS_OF_IN_FUTURE", "that is in the future: the log ends at seq %d", head)
	}
	seq, err := s.History.SeqAt(ctx, at)
	if err != nil {
		return nil, err
	}
	return &moment{seq, at}, nil
}

func (s *Server) momentOfSeq(text string) (*moment, error) {
	head := s.Store.Head()
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil || seq > head {
		return nil, errs.New(errs.Invalid, "AS_OF_IN_FUTURE", "the log ends at seq %d", head)
	}
	switch {
	case head == 0:
		return &moment{0, s.Now()}, nil
	case seq == 0: // as late as may be, and before anything
		first, err := s.Store.ReceivedAt(1)
		return &moment{0, first - 1}, err
	}
	at, err := s.Store.ReceivedAt(seq)
	return &moment{seq, at}, err
}

// now is the moment that a read is answered for.
func (s *Server) now(r *request) projections.Time {
	if r.moment != nil {
		return projections.Time(r.moment.at)
	}
	return projections.Time(s.Now())
}

// tablesOf returns the tables of the request's project as of the moment it asks for.
func (s *Server) tablesOf(r *request) (*projections.Tables, error) {
	if r.query.Has("after") {
		return nil, errs.New(errs.Invalid, "AS_OF_WITH_AFTER", "asOf and after cannot be used together")
	}
	if err := s.started(); err != nil {
		return nil, err
	}
	return s.History.At(r.Context(), r.principal.Project, r.moment.seq)
}

// accessOf returns the projects and keys as of the moment that a read is answered for.
func (s *Server) accessOf(r *request) (*projections.AccessImage, error) {
	if r.moment == nil {
		return s.Access.Image(), nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.patience.query)
	defer cancel()
	return s.Access.At(ctx, r.moment.seq)
}

// bound makes a query answer as of the moment that a read is answered for.
func (r *request) bound(q *index.Query) error {
	if r.moment == nil {
		return nil
	}
	q.UpTo = &r.moment.seq
	if q.After != nil && q.After.Seq > r.moment.seq {
		return errs.New(errs.Invalid, "INVALID_CURSOR", "after names no event of this project") // at that moment
	}
	return nil
}
