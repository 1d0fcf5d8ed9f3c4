package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// requestTimeout is how long one request may take.
const requestTimeout = time.Minute

// conn is the way of one client to a node: HTTP/1.1 over one connection, in the goroutine of its caller.
// net/http has two more goroutines for each connection, and with them a single event costs its sender as much
// of the processors, which the node shares, as it costs the node. One goroutine at a time uses it.
type conn struct {
	node *url.URL
	key  string

	c    net.Conn // nil: there is none
	in   *bufio.Reader
	stop func() bool // forgets to close c when the context ends
	head []byte
}

// connsTo are the connections of n clients to nodes, in turn.
func connsTo(urls []string, key string, n int) ([]*conn, error) {
	list := make([]*conn, n)
	for i := range list {
		node, err := url.Parse(urls[i%len(urls)])
		if err != nil {
			return nil, err
		}
		list[i] = &conn{node: node, key: key}
	}
	return list, nil
}

func closeAll(list []*conn) {
	for _, c := range list {
		c.close()
	}
}

func (c *conn) close() {
	if c.c != nil {
		c.stop()
		_ = c.c.Close() // whatever it says, nobody waits for an answer
		c.c = nil
	}
}

// send sends one request and reads its answer to the end. An answer other than 200,
// and one that says that events were refused, is an error. The end of ctx ends the connection.
func (c *conn) send(ctx context.Context, rq *request) error {
	answer, err := c.exchange(ctx, rq)
	if err != nil {
		c.close()
		return errors.Join(err, ctx.Err())
	}
	err = rq.judge(answer)
	if _, rest := io.Copy(io.Discard, answer.Body); rest != nil || answer.Close {
		c.close()
		err = errors.Join(err, rest)
	}
	return err
}

// exchange sends a request and reads the head of its answer.
func (c *conn) exchange(ctx context.Context, rq *request) (*http.Response, error) {
	if c.c == nil {
		if err := c.dial(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.c.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, err
	}
	c.writeHead(rq)
	text := net.Buffers{c.head, rq.body}
	if _, err := text.WriteTo(c.c); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.in, &http.Request{Method: rq.method})
}

func (c *conn) dial(ctx context.Context) (err error) {
	port := c.node.Port()
	if port == "" {
		port = c.node.Scheme
	}
	address := net.JoinHostPort(c.node.Hostname(), port)
	if c.node.Scheme == "https" {
		c.c, err = (&tls.Dialer{}).DialContext(ctx, "tcp", address)
	} else {
		c.c, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		c.c = nil
		return err
	}
	c.in = bufio.NewReaderSize(c.c, 16<<10)
	now := c.c
	c.stop = context.AfterFunc(ctx, func() { _ = now.Close() }) // what waits for it ends
	return nil
}

// writeHead makes the head of a request.
func (c *conn) writeHead(rq *request) {
	h := fmt.Appendf(c.head[:0], "%s %s%s HTTP/1.1\r\nHost: %s\r\nX-Api-Key: %s\r\n", rq.method, c.node.EscapedPath(), rq.path, c.node.Host, c.key)
	for name, values := range rq.header {
		for _, v := range values {
			h = fmt.Appendf(h, "%s: %s\r\n", name, v)
		}
	}
	if rq.method != http.MethodGet {
		h = append(h, "Content-Length: "...)
		h = append(strconv.AppendInt(h, int64(len(rq.body)), 10), "\r\n"...)
	}
	c.head = append(h, "\r\n"...)
}

// judge reads as much of an answer as tells whether the request succeeded.
func (rq *request) judge(answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
		return &statusError{answer.StatusCode, string(bytes.TrimSpace(text))}
	}
	if rq.into != nil {
		return json.NewDecoder(answer.Body).Decode(rq.into)
	}
	if rq.events == 0 {
		return nil
	}
	return stored(answer.Body, rq.events)
}

// statusError is an answer that is not 200.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.text) }
