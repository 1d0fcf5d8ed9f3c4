package httpapi

import "net/http"

// Starting is what the public listener answers while the log is being opened. An
// application whose fetch of the key set fails ends its process, so it gets an
// empty set, which refuses the call at hand and harms nothing.
func Starting() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, status int, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			_ = writeBody(w, status, []byte(body))
		})
	}
	answer("GET /api/auth/jwks", http.StatusOK, `{"keys":[]}`)
	answer("GET /healthz", http.StatusOK, `{"status":"ok"}`)
	answer("/", http.StatusServiceUnavailable, `{"message":"dashd is starting","code":"STARTING"}`)
	return mux
}
