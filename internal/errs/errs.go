// Package errs gives errors a kind, so that one table can turn any of them into
// an HTTP status and one into an exit code.
//
// An error gets its kind where its meaning is known and travels upward with %w;
// nothing in between looks at it. The message of a kinded error is written for
// the client who caused it; its cause is for the log only.
package errs

import (
	"errors"
	"fmt"
	"slices"
)

// Kind says whose problem an error is. There are nine; a new one needs a new
// answer to "what should the caller do?".
type Kind uint8

// The kinds of error.
const (
	Internal     Kind = iota // a bug or a broken disk: an operator should act
	Invalid                  // the request is wrong and will stay wrong
	Unauthorized             // nobody we know
	Forbidden                // somebody we know, who may not
	NotFound                 // the thing named does not exist
	Conflict                 // it contradicts what is stored
	TooLarge                 // over a documented limit
	Busy                     // too much at once: try again later
	Unavailable              // cannot be answered now; the outcome may be unknown
)

var names = [...]string{
	"internal", "invalid", "unauthorized", "forbidden", "not_found",
	"conflict", "too_large", "busy", "unavailable",
}

// String is the kind's name in logs.
func (k Kind) String() string { return names[k] }

// ParseKind is the kind whose String is name.
func ParseKind(name string) (Kind, bool) {
	i := slices.Index(names[:], name)
	return Kind(max(i, 0)), i >= 0
}

// Error is an error with a kind.
type Error struct {
	Kind    Kind
	Code    string // UPPER_SNAKE_CASE, part of the API; may be empty
	Message string // shown to the client
	Err     error  // cause, never shown to the client; may be nil
}

// Error is the message, followed by the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of kind k.
func New(k Kind, code, format string, args ...any) error {
	return &Error{Kind: k, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives err a kind and a message for the client. Wrap of nil is nil.
func Wrap(err error, k Kind, code, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// KindOf returns the kind of the outermost kinded error in err's tree, or
// Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the outermost kinded error in err's tree, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Message returns what a client may read of err.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "internal error"
}
