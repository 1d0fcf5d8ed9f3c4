package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"dashd/internal/errs"
)

const (
	// askLimit bounds a request to one address of a token.
	askLimit   = 30 * time.Second
	maxJoinAns = 1 << 20
)

// Post sends a request to the cluster that the token is for, and returns the answer. A
// node is sent something only after it has shown that it is of that cluster.
//
// The addresses are asked in turn, until one answers with another status than 503; the
// last 503 is returned if none does. Since an address may have taken the request before its
// connection broke, the request must be safe to repeat.
func (t Token) Post(ctx context.Context, path string, body []byte) (status int, answer []byte, err error) {
	if err := t.check(); err != nil {
		return 0, nil, err
	}
	var failed []error
	for _, addr := range t.Addresses {
		s, a, err := t.post(ctx, addr, path, body)
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", addr, err))
		case s == http.StatusServiceUnavailable:
			status, answer = s, a
		default:
			return s, a, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	if status != 0 {
		return status, answer, nil
	}
	return 0, nil, errs.Wrap(errors.Join(failed...), errs.Unavailable, CodeUnreachable, "no node of the cluster answers")
}

// post asks one address, over a connection of its own.
func (t Token) post(ctx context.Context, addr, path string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
			defer cancel()
			d := tls.Dialer{Config: t.joinConfig(time.Now)}
			return d.DialContext(ctx, "tcp", addr)
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxJoinAns+1))
	if err == nil && len(answer) > maxJoinAns {
		err = errors.New("the answer is too long")
	}
	return resp.StatusCode, answer, err
}
