package httpapi

import (
	"errors"
	"mime"
	"net/http"

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
func (a *studioAnswer) problem(at int, id string, err error) {
	rej := rejected{Index: at, ID: id, Code: "INVALID_EVENT", Message: errs.Message(err)}
	var p *eventlog.Problem
	if errors.As(err, &p) {
		rej.Code, rej.Message = p.Code, p.Message
	} else if code := errs.CodeOf(err); code != "" {
		rej.Code = code
	}
	a.Rejected = append(a.Rejected, rej)
}

// stored records what became of an event that was appended.
func (a *studioAnswer) stored(at int, id string, r appender.Result) {
	switch {
	case r.Conflict:
		a.problem(at, id, conflictProblem(r))
	case r.Duplicate:
		a.Duplicates++
	default:
		a.Accepted++
	}
}

// ingestStudio serves POST /ingest/studio. Its client counts any answer as
// success and never sends again, so whatever can be stored is stored, and when
// nothing can be, the connection is closed without an answer: the only thing the
// client retries.
func (s *Server) ingestStudio(w http.ResponseWriter, r *request) error {
	in, err := body(w, r.Request, maxBatchBody)
	if err != nil {
		return err
	}
	defer in.Close()
	answer := studioAnswer{Rejected: []rejected{}}
	b := s.newBatcher(r, answer.stored)
	var unsaved error
	readErr := wire.ReadStudio(in, wire.Options{MaxEvents: maxStudioEvents, Lines: isNDJSON(r), Import: r.URL.Query().Get("origin") == "import"},
		s.Appender.Now(), func(at int, ev eventlog.Event, problem error) error {
			if problem != nil {
				answer.problem(at, ev.ID, problem)
				return nil
			}
			unsaved = b.add(at, ev)
			return unsaved
		})
	if unsaved == nil {
		unsaved = b.finish()
	}
	if unsaved != nil {
		if !s.Settings.AnswerUnavailable {
			s.log.Warn("studio batch not stored, closing the connection so that it is sent again", "err", unsaved)
			panic(http.ErrAbortHandler)
		}
		return unsaved
	}
	return answerStudio(w, answer, classify(readErr))
}

// answerStudio chooses the status of a batch whose accepted events are durable.
func answerStudio(w http.ResponseWriter, a studioAnswer, readErr error) error {
	stored := a.Accepted+a.Duplicates > 0
	switch {
	case errs.KindOf(readErr) == errs.TooLarge:
		a.Message, a.Code = errs.Message(readErr), "TOO_LARGE"
		return writeJSON(w, http.StatusRequestEntityTooLarge, a)
	case readErr != nil && !stored:
		return readErr
	case readErr != nil:
		a.problem(a.Accepted+a.Duplicates+len(a.Rejected), "", readErr)
	case !stored && len(a.Rejected) > 0:
		a.Message, a.Code = "no event was accepted", "NOTHING_ACCEPTED"
		return writeJSON(w, http.StatusUnprocessableEntity, a)
	}
	return writeJSON(w, http.StatusOK, a)
}

// isNDJSON reports whether the body is declared as one JSON value a line.
func isNDJSON(r *request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (t == "application/x-ndjson" || t == "application/jsonl" || t == "application/ndjson")
}

func conflictProblem(r appender.Result) error {
	return &eventlog.Problem{Code: "ID_CONFLICT", Message: "another event has this id; it was kept"}
}
