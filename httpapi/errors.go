package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"dashd/internal/appender"
	"dashd/internal/commands"
	"dashd/internal/errs"
)

// statuses is the one table from an error's kind to an HTTP status.
var statuses = [...]int{
	errs.Internal:     http.StatusInternalServerError,
	errs.Invalid:      http.StatusBadRequest,
	errs.Unauthorized: http.StatusUnauthorized,
	errs.Forbidden:    http.StatusForbidden,
	errs.NotFound:     http.StatusNotFound,
	errs.Conflict:     http.StatusConflict,
	errs.TooLarge:     http.StatusRequestEntityTooLarge,
	errs.Busy:         http.StatusTooManyRequests,
	errs.Unavailable:  http.StatusServiceUnavailable,
}

// ownStatuses are those of the refusals, by their codes, that have another status than others
// of their kind: where the reference says so, or the standard knows better.
var ownStatuses = map[string]int{
	appender.CodeDiskLow:          http.StatusInsufficientStorage,
	commands.CodeProviderExists:   http.StatusUnprocessableEntity,
	commands.CodeProviderReserved: http.StatusUnprocessableEntity,
}

// codes gives an error without a code of its own the code of its kind.
var codes = [...]string{
	errs.Internal:     "INTERNAL_SERVER_ERROR",
	errs.Invalid:      "BAD_REQUEST",
	errs.Unauthorized: "UNAUTHORIZED",
	errs.Forbidden:    "FORBIDDEN",
	errs.NotFound:     "NOT_FOUND",
	errs.Conflict:     "CONFLICT",
	errs.TooLarge:     "TOO_LARGE",
	errs.Busy:         "BUSY",
	errs.Unavailable:  "UNAVAILABLE",
}

// errorBody is every error answer of the API.
type errorBody struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

// bodyOf is what a client reads of err.
func bodyOf(err error) errorBody {
	code := errs.CodeOf(err)
	if code == "" {
		code = codes[errs.KindOf(err)]
	}
	return errorBody{Message: errs.Message(err), Code: code}
}

// unsupported is the answer to a body of another kind than the route takes: the
// one refusal whose status no kind of error has.
type unsupported struct{ mediaType string }

func (e *unsupported) Error() string {
	return fmt.Sprintf("Content-Type %q is not allowed. Allowed types: application/json", e.mediaType)
}

// classify gives the errors of the standard library that mean something to a
// client their kind.
func classify(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errs.KindOf(err) != errs.Internal:
		return err
	case errors.As(err, &tooLarge):
		return errs.Wrap(err, errs.TooLarge, "TOO_LARGE", "the body is larger than %d bytes", tooLarge.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return errs.Wrap(err, errs.Unavailable, "TIMEOUT", "the request took too long")
	}
	return err
}

// mayBeStoredLater reports whether sending the same again may succeed: the body did
// not arrive, or it was not the body's fault.
func mayBeStoredLater(err error) bool {
	switch errs.KindOf(classify(err)) {
	case errs.Internal, errs.Busy, errs.Unavailable:
		return true
	}
	return errs.CodeOf(err) == codeBroken
}

// fail answers a request with err.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, pattern string, err error) {
	var media *unsupported
	if errors.As(err, &media) {
		_ = writeJSON(w, http.StatusUnsupportedMediaType, errorBody{media.Error(), "UNSUPPORTED_MEDIA_TYPE"})
		return
	}
	err = classify(err)
	s.report(r, pattern, err)
	_ = writeJSON(w, statusOf(w, err), bodyOf(err))
}

// report logs an error, once, if an operator could act on it; a client that went
// away is nobody's problem. What the client wrote, the path above all, stays out.
func (s *Server) report(r *http.Request, pattern string, err error) {
	if errs.KindOf(err) == errs.Internal && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", pattern, "err", err)
	}
}

// statusOf is the status for a classified error. It says in w when to try again.
func statusOf(w http.ResponseWriter, err error) int {
	kind := errs.KindOf(err)
	if kind == errs.Busy || kind == errs.Unavailable {
		w.Header().Set("Retry-After", "1")
	}
	if status, ok := ownStatuses[errs.CodeOf(err)]; ok {
		return status
	}
	return statuses[kind]
}
