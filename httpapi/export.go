package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

// exportPiece is how much of an export is collected before it is sent.
const exportPiece = 32 << 10

// export answers with rows as NDJSON, one object a line. each calls emit with every row, and
// ends with its error. An error after the first piece closes the connection, so that
// the client sees that it is not the end.
func export[R any](s *Server, w http.ResponseWriter, each func(emit func(R) error) error) error {
	sink := s.newSink(w)
	var piece bytes.Buffer
	lines := json.NewEncoder(&piece)
	lines.SetEscapeHTML(false)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	err := each(func(row R) error {
		if err := lines.Encode(row); err != nil || piece.Len() < exportPiece {
			return err
		}
		defer piece.Reset()
		return sink.write(piece.Bytes())
	})
	if err == nil {
		err = sink.write(piece.Bytes())
	}
	if errors.Is(err, errGone) {
		panic(http.ErrAbortHandler)
	}
	return err
}
