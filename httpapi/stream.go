package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/display"
	"dashd/internal/wire"
	"dashd/projections"
)

// streamEvents serves GET /v1/events/stream: the events of the project as
// server-sent events, in the order of the log, each with its seq as id. A reader
// that comes back with Last-Event-ID (or ?after=<seq>) goes on behind it: no gap
// and no repeat. Without either it starts at the end. The filters of GET
// /v1/events apply. It ends when the node stops, when the key is good no longer,
// and when the reader does not keep up; to begin again is always right.
func (s *Server) streamEvents(w http.ResponseWriter, r *request) error {
	q, err := eventFilters(r.query, r.principal.Project)
	if err != nil {
		return err
	}
	resume := r.Header.Get("Last-Event-ID")
	if resume == "" {
		resume = r.query.Get("after")
	}
	seen := s.Store.Head()
	if resume != "" {
		if seen, err = strconv.ParseUint(resume, 10, 63); err != nil {
			return invalid("after", "expected the seq of the last event seen")
		}
	}
	t := &tail{s: s, by: r.principal, q: q, selects: q.Selector(), seen: seen, sink: s.newSink(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // tells a proxy not to collect
	w.WriteHeader(http.StatusOK)
	if t.sink.send([]byte(": stream of events\n\n")) != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() { // ends with the request
		select {
		case <-s.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := t.follow(ctx); err != nil && ctx.Err() == nil {
		s.report(r.Request, "/v1/events/stream", err)
	}
	return nil // how a stream ends is the reader's to see
}

// tail is one reader of the stream.
type tail struct {
	s       *Server
	by      projections.Principal
	q       index.Query
	selects func(*eventlog.Record) bool
	seen    uint64 // the last seq that was sent, or did not have to be
	sink    *sink
	buf     []byte
}

// errGone says that the reader is, or must be, gone.
var errGone = errors.New("the reader is gone")

// follow sends what q selects of the events after seen, until the reader or the log
// ends.
func (t *tail) follow(ctx context.Context) error {
	for {
		if t.s.Access.Image().Recheck(t.by, t.s.Now()) != nil {
			return nil
		}
		err := t.s.Store.Blocks(ctx, t.seen+1, func(first uint64, _ []byte, b block.Block) error {
			return t.sendBlock(first, b)
		})
		if errors.Is(err, errGone) {
			return nil
		}
		if err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, t.s.patience.heartbeat)
		err = t.s.Store.Wait(wait, t.seen+1)
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		case t.sink.send([]byte(": \n\n")) != nil:
			return nil
		}
	}
}

// sendAt is how many bytes are sent together, at least.
const sendAt = 64 << 10

// sendBlock sends what is selected of a block. A block that does not name the
// project is not decoded.
func (t *tail) sendBlock(first uint64, b block.Block) error {
	t.buf = t.buf[:0]
	if namesProject(b, t.q.Project) {
		err := b.Each(first, func(rec *eventlog.Record) error {
			if rec.Seq <= t.seen || rec.Project != t.q.Project || !t.selects(rec) {
				return nil
			}
			if t.buf = appendSSE(t.buf, rec); len(t.buf) < sendAt {
				return nil
			}
			err := t.sink.write(t.buf)
			t.buf = t.buf[:0]
			return err
		})
		if err != nil {
			return err
		}
	}
	t.seen = max(t.seen, first+uint64(b.Len())-1)
	return t.sink.send(t.buf)
}

func namesProject(b block.Block, project string) bool {
	groups := b.Groups()
	for i := range groups {
		for ref := range groups[i].DictLen() {
			if string(groups[i].Dict(uint16(ref))) == project {
				return true
			}
		}
	}
	return false
}

func appendSSE(dst []byte, rec *eventlog.Record) []byte {
	message, severity := display.Of(&rec.Event)
	dst = append(dst, "id: "...)
	dst = strconv.AppendUint(dst, rec.Seq, 10)
	dst = append(dst, "\ndata: "...)
	dst = wire.AppendEvent(dst, rec, message, severity)
	return append(dst, "\n\n"...)
}

// sink writes to a reader of an endless answer, who may be slow but not stuck.
type sink struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration
}

func (s *Server) newSink(w http.ResponseWriter) *sink {
	return &sink{w, http.NewResponseController(w), s.patience.write}
}

// write hands b on; send sends it, and what was written before, now.
func (s *sink) write(b []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(s.patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errGone
	}
	if _, err := s.w.Write(b); err != nil {
		return errGone
	}
	return nil
}

func (s *sink) send(b []byte) error {
	if len(b) > 0 {
		if err := s.write(b); err != nil {
			return err
		}
	}
	if s.rc.Flush() != nil {
		return errGone
	}
	return nil
}
