package simulation_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime/debug"
	"sync"
)

// roundTripper carries requests from one node to another through the simulated network.
type roundTripper struct{ l *life }

// pieceBytes is how much of an answer is sent at a time, at most.
const pieceBytes = 32 << 10

// RoundTrip sends a request to the node at its URL's host, and returns when the header of the answer
// has come.
func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close() // it has been read
	}
	to, err := t.l.reach(req.URL.Host)
	if err != nil {
		return nil, err
	}
	if meets := t.l.m.s.meets.Load(); meets != nil {
		(*meets)(t.l.m, req.URL.Path)
	}
	ctx, cancel := context.WithCancel(t.l.connection(to))
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	x := &exchange{ctx: ctx, cancel: cancel, from: t.l, to: to, caller: req.Context(), pieces: make(chan piece, 4), header: http.Header{}}
	sent := req.Clone(ctx)
	sent.Body, sent.RequestURI = io.NopCloser(bytes.NewReader(body)), req.URL.RequestURI()
	t.l.m.s.staff.do(func() { x.serve(sent) }) // ends with the connection
	p, err := x.next()
	if err != nil {
		x.end()
		return nil, err
	}
	x.rest = p.data
	return &http.Response{
		Status: fmt.Sprintf("%d %s", p.status, http.StatusText(p.status)), StatusCode: p.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: p.header, Body: x, ContentLength: -1, Request: req,
	}, nil
}

// exchange is a request and its answer. It is the body of the answer, and what the handler writes to.
type exchange struct {
	ctx      context.Context // of the connection
	cancel   context.CancelFunc
	caller   context.Context // of who asks
	from, to *life
	pieces   chan piece // of the answer; closed at its end
	ending   sync.Once

	// Only the handler's goroutine.
	header http.Header
	status int
	buffer []byte
	told   bool // the header has been sent

	// Only the caller's.
	rest []byte
}

type piece struct {
	status int // of the first one
	header http.Header
	data   []byte
	err    error
}

// serve has the request served, once it has arrived.
func (x *exchange) serve(req *http.Request) {
	defer close(x.pieces)
	if x.from.m.s.net.carry(x.ctx, direction{x.from.m, x.to.m}) != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				x.to.m.s.problem("a handler panicked: %v\n%s", p, debug.Stack())
			}
			x.send(piece{err: io.ErrUnexpectedEOF})
			return
		}
		x.flush()
	}()
	x.to.peer.ServeHTTP(x, req)
}

func (x *exchange) Header() http.Header { return x.header }

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
}

func (x *exchange) Write(b []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	x.buffer = append(x.buffer, b...)
	if len(x.buffer) >= pieceBytes {
		x.flush()
	}
	return len(b), context.Cause(x.ctx)
}

func (x *exchange) flush() {
	x.WriteHeader(http.StatusOK)
	p := piece{data: x.buffer}
	if !x.told {
		x.told, p.status, p.header = true, x.status, x.header.Clone()
	} else if len(p.data) == 0 {
		return
	}
	x.buffer = nil
	x.send(p)
}

func (x *exchange) send(p piece) {
	select {
	case x.pieces <- p:
	case <-x.ctx.Done():
	}
}

// next is the next piece of the answer, when it has arrived.
func (x *exchange) next() (p piece, err error) {
	ctx, stop := context.WithCancelCause(x.ctx)
	defer stop(nil)
	defer context.AfterFunc(x.caller, func() { stop(x.caller.Err()) })()
	select {
	case p, more := <-x.pieces:
		if !more {
			if err := context.Cause(x.ctx); err != nil {
				return p, err
			}
			return p, io.EOF
		}
		if err := x.from.m.s.net.carry(ctx, direction{x.to.m, x.from.m}); err != nil {
			return p, err
		}
		return p, p.err
	case <-ctx.Done():
		return p, context.Cause(ctx)
	}
}

// Read reads the body of the answer.
func (x *exchange) Read(b []byte) (int, error) {
	for len(x.rest) == 0 {
		p, err := x.next()
		if err != nil {
			return 0, err
		}
		x.rest = p.data
	}
	n := copy(b, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

// Close ends the exchange.
func (x *exchange) Close() error {
	x.end()
	return nil
}

// end closes the connection, which the other side learns when that message reaches it.
func (x *exchange) end() {
	x.ending.Do(func() {
		x.from.m.s.staff.do(func() { // ends with the connection
			defer x.cancel()
			_ = x.from.m.s.net.carry(x.ctx, direction{x.from.m, x.to.m}) // or after a time by itself
		})
	})
}
