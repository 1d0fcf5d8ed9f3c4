package httpapi

import (
	"cmp"
	"errors"
	"mime"
	"net/http"
	"slices"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

// maxStudioEvents bounds the events of one studio batch.
const maxStudioEvents = 50_000

// rejected is an event that was not stored, and why.
type rejected struct {
	Index   int    `json:"index"`
	ID      string `json:"id,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// studioAnswer is the answer of POST /ingest/studio.
type studioAnswer struct {
	Message    string     `json:"message,omitempty"`
	Code       string     `json:"code,omitempty"`
	Accepted   int        `json:"accepted"`
	Duplicates int        `json:"duplicates"`
	Rejected   []rejected `json:"rejected"`
}

// problem records an event that could not be accepted.
func (a *studioAnswer) problem(at int, id string, p *eventlog.Problem) {
	a.Rejected = append(a.Rejected, rejected{Index: at, ID: id, Code: p.Code, Message: p.Message})
}

// stored records what became of an event that was appended.
func (a *studioAnswer) stored(at int, id string, r appender.Result) {
	switch {
	case r.Conflict:
		a.problem(at, id, conflict)
	case r.Duplicate:
		a.Duplicates++
	default:
		a.Accepted++
	}
}

// ingestStudio serves POST /ingest/studio. Its client counts any answer as
// success and never sends again, so whatever can be stored is stored. When
// something may yet be stored, the route's connection is closed without an answer:
// the only thing the client retries.
func (s *Server) ingestStudio(w http.ResponseWriter, r *request) error {
	in, err := s.body(w, r, maxBatchBody)
	if err != nil {
		return err
	}
	defer in.Close()
	answer := studioAnswer{Rejected: []rejected{}}
	b := s.newBatcher(r, answer.stored)
	var unsaved error
	seen := 0
	readErr := wire.ReadStudio(in, wire.Options{MaxEvents: maxStudioEvents, Lines: isNDJSON(r), Import: r.query.Get("origin") == "import"},
		s.Appender.Now(), func(at int, ev eventlog.Event, problem error) error {
			seen = at + 1
			if problem != nil {
				answer.problem(at, ev.ID, problemOf(problem))
				return nil
			}
			unsaved = b.add(at, ev)
			return unsaved
		})
	if unsaved == nil {
		unsaved = b.finish()
	}
	if unsaved != nil {
		return unsaved
	}
	if readErr != nil && mayBeStoredLater(readErr) {
		return readErr // the rest may arrive with the next try; what is stored is then a duplicate
	}
	// Conflicts come to light later than other problems.
	slices.SortStableFunc(answer.Rejected, func(a, b rejected) int { return cmp.Compare(a.Index, b.Index) })
	return writeJSON(w, answer.end(classify(readErr), seen), answer)
}

// end completes the answer to a batch whose accepted events are durable, and
// chooses its status. readErr is why the body was not read further, next the
// position of the first event that was not read.
func (a *studioAnswer) end(readErr error, next int) int {
	stored := a.Accepted+a.Duplicates > 0
	switch {
	case readErr != nil && (!stored || errs.KindOf(readErr) == errs.TooLarge):
		e := bodyOf(readErr)
		a.Message, a.Code = e.Message, e.Code
		return statuses[errs.KindOf(readErr)]
	case readErr != nil:
		a.problem(next, "", &eventlog.Problem{Code: eventlog.InvalidEvent, Message: errs.Message(readErr)})
	case !stored && len(a.Rejected) > 0:
		a.Message, a.Code = "no event was accepted", "NOTHING_ACCEPTED"
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// isNDJSON reports whether the body is declared as one JSON value a line.
func isNDJSON(r *request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (t == "application/x-ndjson" || t == "application/jsonl" || t == "application/ndjson")
}

// conflict is the problem of an event whose id another one has.
var conflict = &eventlog.Problem{Code: "ID_CONFLICT", Message: "another event has this id; it was kept"}

// problemOf is why an event was not accepted.
func problemOf(err error) *eventlog.Problem {
	var p *eventlog.Problem
	if !errors.As(err, &p) {
		p = &eventlog.Problem{Code: eventlog.InvalidEvent, Message: errs.Message(err)}
	}
	return p
}
