package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

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

// fail answers a request with err. An error is logged here, once, and only when
// an operator could act on it; a client that went away is nobody's problem.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	err = classify(err)
	kind := errs.KindOf(err)
	if kind == errs.Internal && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if kind == errs.Busy || kind == errs.Unavailable {
		w.Header().Set("Retry-After", "1")
	}
	_ = writeJSON(w, statuses[kind], bodyOf(err))
}

// writeJSON answers with v. An error means that the client is gone.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeBody(w, status, body)
}

// writeBody answers with JSON text.
func writeBody(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// appendString appends s as JSON text.
func appendString(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always has a JSON text
	return append(dst, text...)
}
