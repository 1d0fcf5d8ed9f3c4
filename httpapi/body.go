package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
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
	// bodyPatience is how long a client may take for the next piece of a body.
	bodyPatience = 30 * time.Second
)

// body returns the decoded body of a request, limited to max bytes before and
// after decoding. Close it.
func body(w http.ResponseWriter, r *http.Request, max int64) (io.ReadCloser, error) {
	var in io.ReadCloser = http.MaxBytesReader(w, r.Body, max)
	in = patientReader{in, http.NewResponseController(w)}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return in, nil
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, badEncoding("gzip", err)
		}
		return &limited{r: z, left: max, limit: max, close: z.Close, name: "gzip"}, nil
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, badEncoding("zstd", err)
		}
		return &limited{r: z, left: max, limit: max, close: func() error { z.Close(); return nil }, name: "zstd"}, nil
	}
	return nil, errs.New(errs.Invalid, "UNSUPPORTED_ENCODING", "Content-Encoding must be gzip, zstd or absent")
}

func badEncoding(name string, err error) error {
	if e := classify(err); errs.KindOf(e) != errs.Internal {
		return e
	}
	return errs.Wrap(err, errs.Invalid, "INVALID_BODY", "the body is not valid %s", name)
}

// limited reads at most left decoded bytes: the guard against a small body that
// unpacks into a huge one.
type limited struct {
	r           io.Reader
	left, limit int64
	close       func() error
	name        string
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, &http.MaxBytesError{Limit: l.limit}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = badEncoding(l.name, err)
	}
	return n, err
}

func (l *limited) Close() error { return l.close() }

// patientReader moves the read deadline along as a body arrives, so that a large
// body may take its time but a stuck one may not.
type patientReader struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (p patientReader) Read(b []byte) (int, error) {
	// A connection without deadlines (a test recorder) is as patient as it likes.
	_ = p.rc.SetReadDeadline(time.Now().Add(bodyPatience))
	return p.ReadCloser.Read(b)
}

// readBody reads a whole small body.
func readBody(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	in, err := body(w, r, max)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}
