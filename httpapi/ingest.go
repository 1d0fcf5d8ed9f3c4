package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"dashd/eventlog"
	"dashd/internal/appender"
	"dashd/internal/wire"
)

// maxNativeEvents bounds the events of one native batch, and with it the memory
// its answer needs.
const maxNativeEvents = 100_000

// track serves POST /events/track: one event of the dash plugin. It carries no
// id and no time, so two equal bodies are two events. The 200 says that the event
// is durable.
func (s *Server) track(w http.ResponseWriter, r *request) error {
	text, err := s.readBody(w, r, maxEventBody)
	if err != nil {
		return err
	}
	ev, err := wire.ParseTrack(text, s.Appender.Now())
	if err != nil {
		return err
	}
	s.admit(r)(&ev)
	// The plugin waits for three seconds and sends an event once. What came in here is stored also if he has
	// gone by the time there is a leader.
	if _, err := s.Appender.AppendFor(context.WithoutCancel(r.Context()), r.principal, []eventlog.Event{ev}); err != nil {
		return err
	}
	writeBody(w, http.StatusOK, []byte(`{"success":true}`))
	return nil
}

// ingestAnswer collects what became of the events of a native batch, in one
// element an event.
type ingestAnswer struct {
	accepted, duplicates, rejected int
	results                        []nativeResult
}

// nativeResult is what became of one event: its place, or why it has none. The
// zero value says that nothing is known, because the batch ended before.
type nativeResult struct {
	seq       uint64
	duplicate bool
	err       *errorBody
}

// expect makes room for the result of an event that was read.
func (a *ingestAnswer) expect(at int) {
	for len(a.results) <= at {
		a.results = append(a.results, nativeResult{})
	}
}

func (a *ingestAnswer) problem(at int, p *eventlog.Problem) {
	a.rejected++
	a.results[at].err = &errorBody{Message: p.Message, Code: p.Code}
}

func (a *ingestAnswer) stored(at int, _ string, r appender.Result) {
	switch {
	case r.Conflict:
		a.problem(at, conflict)
		return
	case r.Duplicate:
		a.duplicates++
	default:
		a.accepted++
	}
	a.results[at] = nativeResult{seq: r.Seq, duplicate: r.Duplicate}
}

// ingestEvents serves POST /ingest/events: one event, an array or NDJSON. The
// answer has a result for each event, in order. Whatever status it has, the
// events it gives a seq are durable.
func (s *Server) ingestEvents(w http.ResponseWriter, r *request) error {
	in, err := s.body(w, r, maxBatchBody)
	if err != nil {
		return err
	}
	defer in.Close()
	var answer ingestAnswer
	b := s.newBatcher(r, answer.stored)
	var unsaved error
	readErr := wire.ReadEvents(in, wire.Options{MaxEvents: maxNativeEvents, Lines: isNDJSON(r)},
		s.Appender.Now(), func(at int, ev eventlog.Event, problem error) error {
			answer.expect(at)
			if problem != nil {
				answer.problem(at, problemOf(problem))
				return nil
			}
			unsaved = b.add(at, ev)
			return unsaved
		})
	if unsaved == nil {
		unsaved = b.finish()
	}
	return s.answerIngest(w, r, &answer, classify(errors.Join(unsaved, readErr)))
}

// answerIngest chooses the status: that of the error that ended the batch; else
// 422 if every event was rejected; else 200.
func (s *Server) answerIngest(w http.ResponseWriter, r *request, a *ingestAnswer, err error) error {
	if err != nil && len(a.results) == 0 {
		return err
	}
	status, end := http.StatusOK, (*errorBody)(nil)
	switch {
	case err != nil:
		s.report(r.Request, "/ingest/events", err)
		e := bodyOf(err)
		end, status = &e, statusOf(w, err)
	case a.accepted+a.duplicates == 0 && a.rejected > 0:
		end, status = &errorBody{"no event was accepted", "NOTHING_ACCEPTED"}, http.StatusUnprocessableEntity
	}
	writeBody(w, status, a.appendJSON(nil, end))
	return nil
}

// appendJSON writes the answer. It is by hand because a batch has up to
// maxNativeEvents results.
func (a *ingestAnswer) appendJSON(dst []byte, end *errorBody) []byte {
	dst = append(dst, '{')
	if end != nil {
		dst = append(dst, `"message":`...)
		dst = appendString(dst, end.Message)
		dst = append(dst, `,"code":`...)
		dst = appendString(dst, end.Code)
		dst = append(dst, ',')
	}
	dst = append(dst, `"accepted":`...)
	dst = strconv.AppendInt(dst, int64(a.accepted), 10)
	dst = append(dst, `,"duplicates":`...)
	dst = strconv.AppendInt(dst, int64(a.duplicates), 10)
	dst = append(dst, `,"rejected":`...)
	dst = strconv.AppendInt(dst, int64(a.rejected), 10)
	dst = append(dst, `,"results":[`...)
	for i, r := range a.results {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.appendJSON(dst)
	}
	return append(dst, "]}"...)
}

func (r nativeResult) appendJSON(dst []byte) []byte {
	switch {
	case r.err != nil:
		dst = append(dst, `{"error":{"code":`...)
		dst = appendString(dst, r.err.Code)
		dst = append(dst, `,"message":`...)
		dst = appendString(dst, r.err.Message)
		return append(dst, "}}"...)
	case r.seq == 0:
		return append(dst, "null"...)
	}
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, r.seq, 10)
	if r.duplicate {
		dst = append(dst, `,"duplicate":true`...)
	}
	return append(dst, '}')
}
