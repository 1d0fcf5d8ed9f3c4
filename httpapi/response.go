package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// response is the answer to one request. It knows whether it has begun, for then
// no other can be given.
type response struct {
	http.ResponseWriter
	patience time.Duration
	began    bool
}

// WriteHeader begins the answer. How long its sending may take counts from here:
// reading a large body may have used up what the server allows for both.
func (w *response) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.began = true
		// A connection without deadlines (a test recorder) is as patient as it likes.
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.patience))
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if !w.began {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	writeBody(w, status, body)
	return nil
}

// writeBody answers with JSON text. If that fails the client is gone, and there is
// nobody to tell.
func writeBody(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// appendString appends s as JSON text.
func appendString(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always has a JSON text
	return append(dst, text...)
}

// setSeq says which position of the log an answer is as of.
func setSeq(w http.ResponseWriter, seq uint64) {
	w.Header().Set("Dashd-Seq", strconv.FormatUint(seq, 10))
}
