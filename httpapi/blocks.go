package httpapi

import (
	"encoding/binary"
	"errors"
	"net/http"

	"dashd/eventlog/block"
)

// errEnd ends a walk over the log where it was asked to end.
var errEnd = errors.New("end of range")

// blocks serves GET /v1/blocks?from=&to=: the stored blocks that hold the events
// from from to to, of all projects, for replay by another process. Each is
// preceded by the seq of its first event and its length, 8 and 4 bytes big-endian.
func (s *Server) blocks(w http.ResponseWriter, r *request) error {
	from, err := strict(r.query, "from", 1, 1, maxOffset)
	if err != nil {
		return err
	}
	to, err := strict(r.query, "to", maxOffset, 1, maxOffset)
	if err != nil {
		return err
	}
	setSeq(w, s.Store.Head())
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	sink := s.newSink(w)
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
	switch {
	case errors.Is(err, errEnd):
		return nil
	case errors.Is(err, errGone):
		panic(http.ErrAbortHandler)
	}
	return err
}
