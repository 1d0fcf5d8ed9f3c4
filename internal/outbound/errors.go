package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"syscall"
)

// Class is the kind of a failure. It is all that a tenant may learn: the rest of an
// error could tell him what stands inside the operator's network.
type Class string

// The classes.
const (
	InvalidURL  Class = "invalid_url"        // not a URL that may be called at all
	Denied      Class = "target_denied"      // an address, port or scheme that is not allowed
	NoHost      Class = "host_not_found"     // the name does not resolve
	Refused     Class = "connection_refused" // nobody listens there
	BadTLS      Class = "tls_failed"         // no trusted certificate, or no common version
	TimedOut    Class = "timeout"
	Unreachable Class = "connection_failed" // anything else
)

// sentences are what the classes say.
var sentences = map[Class]string{
	InvalidURL:  "the URL is not valid",
	Denied:      "the target is not allowed",
	NoHost:      "the host name could not be resolved",
	Refused:     "the connection was refused",
	BadTLS:      "the TLS connection could not be made",
	TimedOut:    "the request timed out",
	Unreachable: "the connection failed",
}

// Error is why a request was not answered. Its text is fit for a tenant; its cause is for
// the node's own log.
type Error struct {
	Class Class
	cause error
}

// Error is the sentence of the class.
func (e *Error) Error() string { return sentences[e.Class] }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// ClassOf is the class of the error of a [Client] or [Resolver].
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Unreachable
}

// errDenied is the cause of a refusal at connect.
var errDenied = errors.New("address not allowed")

// classify finds the class of what the standard library says about a request.
func classify(err error) error {
	var (
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
		op        *net.OpError
		netErr    net.Error
	)
	class := Unreachable
	switch {
	case errors.Is(err, errDenied):
		class = Denied
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		class = TimedOut
	case errors.As(err, &dns):
		class = NoHost
	case errors.Is(err, syscall.ECONNREFUSED):
		class = Refused
	case errors.As(err, &untrusted), errors.As(err, &authority), errors.As(err, &record),
		errors.As(err, &op) && op.Op == "remote error": // an alert of TLS
		class = BadTLS
	}
	return &Error{class, err}
}
