package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxRedirects = 3
	// stallTimeout is how long a download may bring nothing, DownloadTimeout how long it may
	// take as a whole.
	stallTimeout    = 30 * time.Second
	DownloadTimeout = time.Hour
)

// ErrTooLarge is the error of a download that has more bytes than it may have.
var ErrTooLarge = errors.New("the answer is too large")

// Download asks for something large that the operator has chosen, never a tenant, and writes
// the body of a 200 to a writer, up to most bytes. What was written before an error is there.
// Response has no body.
//
// Redirects are followed, three at most, because who keeps large files sends them from
// elsewhere. Each target is checked like the first; credentials go to the first only, and what
// came by https goes on by https.
func (c *Client) Download(ctx context.Context, req Request, most int64, to io.Writer) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, DownloadTimeout)
	defer cancel()
	start := time.Now()
	next, header := req.URL, req.Header.Clone()
	for hops := 0; ; hops++ {
		t, err := c.check(next)
		if err != nil {
			return Response{}, err
		}
		resp, body, err := c.get(ctx, t, header)
		if err != nil {
			return Response{}, err
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			_ = body.Close() // it says nothing
			there, err := resp.Location()
			if err != nil || hops == maxRedirects || t.url.Scheme == "https" && there.Scheme != "https" {
				return Response{}, &Error{Denied, fmt.Errorf("redirect %d", hops+1)}
			}
			if next = there.String(); there.Scheme != t.url.Scheme || !strings.EqualFold(there.Host, t.url.Host) {
				header.Del("Authorization")
			}
			continue
		case http.StatusOK:
			err = copyMost(to, body, most, resp.ContentLength)
		}
		_ = body.Close() // all of it was read that is of interest
		return Response{Status: resp.StatusCode, Header: resp.Header, Elapsed: time.Since(start)}, err
	}
}

// get sends one request. The body ends when it brings nothing for a while.
func (c *Client) get(ctx context.Context, t target, header http.Header) (*http.Response, io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	out, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.String(), nil)
	if err != nil {
		cancel()
		return nil, nil, &Error{InvalidURL, err}
	}
	for name, values := range header {
		out.Header[name] = values
	}
	resp, err := c.transport.RoundTrip(out)
	if err != nil {
		cancel()
		return nil, nil, classify(err)
	}
	return resp, newStalling(resp.Body, cancel), nil
}

// stalling is a body that may not stall.
type stalling struct {
	body    io.ReadCloser
	timer   *time.Timer
	stalled atomic.Bool
	cancel  context.CancelFunc
}

// newStalling returns a body that calls cancel, which must end a Read, when nothing has come for
// a while, and when it is closed.
func newStalling(body io.ReadCloser, cancel context.CancelFunc) io.ReadCloser {
	s := &stalling{body: body, cancel: cancel}
	s.timer = time.AfterFunc(stallTimeout, func() {
		s.stalled.Store(true)
		cancel()
	})
	return s
}

func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.timer.Reset(stallTimeout)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case s.stalled.Load():
		return n, &Error{TimedOut, err}
	}
	return n, classify(err)
}

func (s *stalling) Close() error {
	s.timer.Stop()
	s.cancel()
	return s.body.Close()
}

// copyMost copies at most so many bytes, of a body that says it has length; -1: it does
// not say.
func copyMost(to io.Writer, from io.Reader, most, length int64) error {
	if length > most {
		return ErrTooLarge
	}
	n, err := io.Copy(to, io.LimitReader(from, most+1))
	if err == nil && n > most {
		err = ErrTooLarge
	}
	return err
}
