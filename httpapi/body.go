package httpapi

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"dashd/internal/errs"
)

const (
	// maxBatchBody bounds the body of a batch, decoded. The studio's batches grow
	// with the length of an outage.
	maxBatchBody = 32 << 20
	// maxEventBody bounds the body of one event: 64 KiB of metadata, and what is
	// around it.
	maxEventBody = 128 << 10
	// maxWindow bounds the memory a zstd frame may ask for.
	maxWindow = 8 << 20
	// minRate is how many bytes of a body a client has to send in a second, after
	// the time it is given anyway.
	minRate = 1 << 10
)

// codeBroken is the code of a body that did not arrive as a whole.
const codeBroken = "BODY_BROKEN"

// body returns the decoded body of a request, limited to max bytes before and
// after decoding. Close it.
func (s *Server) body(w http.ResponseWriter, r *request, max int64) (io.ReadCloser, error) {
	in := s.arriving(w, r, max)
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return io.NopCloser(in), nil
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, badEncoding("gzip", err)
		}
		return &limited{r: z, left: max, limit: max, close: z.Close, name: "gzip"}, nil
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, badEncoding("zstd", err)
		}
		return &limited{r: z, left: max, limit: max, close: func() error { z.Close(); return nil }, name: "zstd"}, nil
	}
	return nil, errs.New(errs.Invalid, "UNSUPPORTED_ENCODING", "Content-Encoding must be gzip, zstd or absent")
}

// arriving is the body of a request as it comes, limited to max bytes.
func (s *Server) arriving(w http.ResponseWriter, r *request, max int64) io.Reader {
	return &patientReader{
		r:        http.MaxBytesReader(w, r.Body, max),
		rc:       http.NewResponseController(w),
		patience: s.patience.body,
	}
}

func badEncoding(name string, err error) error {
	if e := classify(err); errs.KindOf(e) != errs.Internal {
		return e
	}
	return errs.Wrap(err, errs.Invalid, "INVALID_BODY", "the body is not valid %s", name)
}

// limited reads at most left decoded bytes: the guard against a small body that
// unpacks into a huge one. What lies within the limit is read.
type limited struct {
	r           io.Reader
	left, limit int64
	over        bool
	close       func() error
	name        string
}

func (l *limited) Read(p []byte) (int, error) {
	if l.over {
		return 0, &http.MaxBytesError{Limit: l.limit}
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		l.over = true
		return int(l.left), &http.MaxBytesError{Limit: l.limit}
	}
	l.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = badEncoding(l.name, err)
	}
	return n, err
}

func (l *limited) Close() error { return l.close() }

// patientReader reads a body as long as it keeps arriving, so that a large one may
// take its time, but not a stuck one, and not one that trickles. Only the time
// spent waiting for the client counts.
type patientReader struct {
	r        io.Reader
	rc       *http.ResponseController
	patience time.Duration
	waited   time.Duration
	n        int64 // bytes read
}

func (p *patientReader) Read(b []byte) (int, error) {
	start := time.Now()
	atRate := time.Duration(p.n) * (time.Second / minRate)
	// A connection without deadlines (a test recorder) is as patient as it likes.
	_ = p.rc.SetReadDeadline(start.Add(min(p.patience, p.patience+atRate-p.waited)))
	n, err := p.r.Read(b)
	p.waited += time.Since(start)
	p.n += int64(n)
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &tooLarge) {
		err = errs.Wrap(err, errs.Invalid, codeBroken, "the body did not arrive as a whole")
	}
	return n, err
}

// readBody reads a whole small body.
func (s *Server) readBody(w http.ResponseWriter, r *request, max int64) ([]byte, error) {
	in, err := s.body(w, r, max)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

// declaredJSON refuses a body that is declared as something other than JSON, and one
// that is not declared at all if it must be: a page of another site can make a browser
// send that, but not JSON.
func declaredJSON(r *request, must bool) error {
	declared := r.Header.Get("Content-Type")
	if r.ContentLength == 0 || declared == "" && !must {
		return nil
	}
	if t, _, err := mime.ParseMediaType(declared); err != nil || t != "application/json" {
		return &unsupported{declared}
	}
	return nil
}

// readJSON reads a small JSON body into what v points to.
func (s *Server) readJSON(w http.ResponseWriter, r *request, v any) error {
	text, err := s.readBody(w, r, maxEventBody)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return errs.New(errs.Invalid, "VALIDATION_ERROR", "[body] Invalid input: expected object, received undefined")
	}
	err = json.Unmarshal(text, v)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		at := "body"
		if mistyped.Field != "" {
			at += "." + mistyped.Field
		}
		return errs.Wrap(err, errs.Invalid, "VALIDATION_ERROR", "[%s] Invalid input: expected %s, received %s",
			at, expected(mistyped.Type), received(mistyped.Value))
	case err != nil:
		return errs.Wrap(err, errs.Invalid, "BAD_REQUEST", "Invalid JSON in request body")
	}
	return nil
}

// expected is the name of the JSON type for a Go type.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	default:
		return "number"
	}
}

// received is the name of the JSON type that encoding/json describes.
func received(value string) string {
	name, _, _ := strings.Cut(value, " ") // "number 1.5"
	if name == "bool" {
		name = "boolean"
	}
	return name
}
