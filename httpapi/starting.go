package httpapi

import "net/http"

// Starting is what the public listener answers while the log is being opened. An
// application whose fetch of the key set fails ends its process, so it gets an
// empty set, which refuses the call at hand and harms nothing. The studio's client,
// which would take any answer for success, gets none.
func Starting(settings Settings) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case read && r.URL.Path == jwksPath:
			writeBody(w, http.StatusOK, []byte(`{"keys":[]}`))
		case read && r.URL.Path == healthPath:
			writeBody(w, http.StatusOK, []byte(`{"status":"ok"}`))
		case r.URL.Path == studioPath && !settings.AnswerUnavailable:
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Retry-After", "1")
			writeBody(w, http.StatusServiceUnavailable, []byte(`{"message":"dashd is starting","code":"STARTING"}`))
		}
	})
}
