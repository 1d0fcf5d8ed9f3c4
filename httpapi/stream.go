package httpapi

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"time"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/eventlog/index"
	"dashd/internal/display"
	"dashd/internal/wire"
)

const (
	// heartbeat is how often a silent stream says that it is alive.
	heartbeat = 15 * time.Second
	// writePatience is how long a reader may take for what was sent to him.
	writePatience = 30 * time.Second
)

// streamEvents serves GET /v1/events/stream: the events of the project as
// server-sent events, in the order of the log, each with its seq as id. A reader
// that comes back with Last-Event-ID (or ?after=<seq>) goes on behind it: no gap
// and no repeat. Without either it starts at the end. The filters of GET
// /v1/events apply.
func (s *Server) streamEvents(w http.ResponseWriter, r *request) error {
	values := r.URL.Query()
	q, err := eventFilters(values, r.principal.Project)
	if err != nil {
		return err
	}
	seen := s.Store.Head()
	resume := r.Header.Get("Last-Event-ID")
	if resume == "" {
		resume = values.Get("after")
	}
	if resume != "" {
		if seen, err = strconv.ParseUint(resume, 10, 64); err != nil {
			return invalid("after", "expected the seq of the last event seen")
		}
	}
	sink := newSink(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if err := sink.send([]byte(": stream of events\n\n")); err != nil {
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
	s.follow(ctx, sink, q, seen)
	return nil // the status is sent; how a stream ends is the reader's to see
}

// follow sends what q selects of the events after seen, until the reader or the
// log ends.
func (s *Server) follow(ctx context.Context, sink *sink, q index.Query, seen uint64) {
	var buf []byte
	selects := q.Selector()
	for {
		err := s.Store.Blocks(ctx, seen+1, func(first uint64, _ []byte, b block.Block) error {
			buf = buf[:0]
			err := eachOf(b, first, q.Project, func(rec *eventlog.Record) {
				if rec.Seq > seen && selects(rec) {
					buf = appendSSE(buf, rec)
				}
			})
			if err != nil {
				return err
			}
			seen = max(seen, first+uint64(b.Len())-1)
			return sink.send(buf)
		})
		if err != nil {
			return
		}
		wait, cancel := context.WithTimeout(ctx, heartbeat)
		err = s.Store.Wait(wait, seen+1)
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return
		case sink.send([]byte(": \n\n")) != nil:
			return
		}
	}
}

// eachOf calls fn for the events of a block that may belong to a project. It
// skips a block that names the project nowhere without decoding it.
func eachOf(b block.Block, first uint64, project string, fn func(*eventlog.Record)) error {
	for _, g := range b.Groups() {
		for ref := range g.DictLen() {
			if string(g.Dict(uint16(ref))) == project {
				return b.Each(first, func(rec *eventlog.Record) error {
					if rec.Project == project {
						fn(rec)
					}
					return nil
				})
			}
		}
	}
	return nil
}

func appendSSE(dst []byte, rec *eventlog.Record) []byte {
	message, severity := display.Of(&rec.Event)
	dst = append(dst, "id: "...)
	dst = strconv.AppendUint(dst, rec.Seq, 10)
	dst = append(dst, "\ndata: "...)
	dst = wire.AppendEvent(dst, rec, message, severity)
	return append(dst, "\n\n"...)
}

// blocks serves GET /v1/blocks?from=&to=: the stored blocks, for replay by
// another process. Each is preceded by the seq of its first event and its length,
// 8 and 4 bytes big-endian.
func (s *Server) blocks(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	from, err := strict(q, "from", 1, 1, maxOffset)
	if err != nil {
		return err
	}
	to, err := strict(q, "to", maxOffset, 1, maxOffset)
	if err != nil {
		return err
	}
	setSeq(w, s.Store.Head())
	w.Header().Set("Content-Type", "application/octet-stream")
	sink := newSink(w)
	errEnd := errors.New("end of range")
	var head [12]byte
	err = s.Store.Blocks(r.Context(), uint64(from), func(first uint64, raw []byte, _ block.Block) error {
		if first > uint64(to) {
			return errEnd
		}
		binary.BigEndian.PutUint64(head[:], first)
		binary.BigEndian.PutUint32(head[8:], uint32(len(raw)))
		if err := sink.write(head[:]); err != nil {
			return err
		}
		return sink.write(raw)
	})
	if err != nil && !errors.Is(err, errEnd) {
		panic(http.ErrAbortHandler) // a cut stream, so that the reader sees it is not the end
	}
	return nil
}

// sink writes to a reader of a stream, who may be slow but not stuck.
type sink struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newSink(w http.ResponseWriter) *sink { return &sink{w, http.NewResponseController(w)} }

// write sends b when enough has come together; send sends it now.
func (s *sink) write(b []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writePatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := s.w.Write(b)
	return err
}

func (s *sink) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := s.write(b); err != nil {
		return err
	}
	return s.rc.Flush()
}
