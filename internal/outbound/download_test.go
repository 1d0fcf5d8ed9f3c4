package outbound_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/outbound"
)

// A download goes on for as long as something comes.
func TestDownloadsMayNotStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, server := io.Pipe()
		download := outbound.NewStalling(body, func() { _ = server.CloseWithError(errors.New("canceled")) })
		go func() {
			for range 5 {
				time.Sleep(29 * time.Second)
				_, _ = server.Write([]byte("x"))
			}
		}()
		start := time.Now()
		text, err := io.ReadAll(download)
		if string(text) != "xxxxx" || outbound.ClassOf(err) != outbound.TimedOut || time.Since(start) != 5*29*time.Second+30*time.Second {
			t.Errorf("%q after %v, %v", text, time.Since(start), err)
		}
		_ = download.Close() // it has ended
	})
}

func TestDownload(t *testing.T) {
	large := strings.Repeat("0123456789", 20_000) // more than a tenant's answer may have
	elsewhere := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusTeapot) // credentials are not for us
			return
		}
		_, _ = io.WriteString(w, "from elsewhere, "+r.Header.Get("X-Kept"))
	})
	s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		switch hop, _ := strings.CutPrefix(r.URL.Path, "/hops/"); r.URL.Path {
		case "/large":
			_, _ = io.WriteString(w, large)
		case "/unsized":
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, large)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "cut")
		case "/old":
			w.WriteHeader(http.StatusNotModified)
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<html>not what was asked for")
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/hops/0":
			_, _ = io.WriteString(w, "arrived with "+r.Header.Get("Authorization"))
		default:
			n := 0
			_, _ = fmt.Sscan(hop, &n)
			http.Redirect(w, r, fmt.Sprint("/hops/", n-1), http.StatusSeeOther)
		}
	})
	client := newClient(t, outbound.Options{Allow: []string{"127.0.0.1"}})
	for _, tt := range []struct {
		name, path string
		most       int64
		status     int
		body       string
		err        error
		class      outbound.Class
	}{
		{"as much as there may be", "/large", 200_000, 200, large, nil, ""},
		{"a byte too much", "/large", 199_999, 200, "", outbound.ErrTooLarge, ""},
		{"a byte too much, of a body of unknown length", "/unsized", 199_999, 200, large, outbound.ErrTooLarge, ""},
		{"a body that breaks off", "/cut", 100, 200, "cut", nil, outbound.Unreachable},
		{"nothing new", "/old", 100, 304, "", nil, ""},
		{"the page of an error is not the file", "/gone", 100, 404, "", nil, ""},
		{"three redirects on the same server keep the credentials", "/hops/3", 100, 200, "arrived with Basic abc", nil, ""},
		{"four are too many", "/hops/4", 100, 0, "", nil, outbound.Denied},
		{"another server gets the request without them", "/away", 100, 200, "from elsewhere, kept", nil, ""},
		{"a redirect to what may not be called", "/inside", 100, 0, "", nil, outbound.Denied},
		{"a redirect to nowhere", "/nowhere", 100, 0, "", nil, outbound.Denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{"Authorization": {"Basic abc"}, "X-Kept": {"kept"}}
			var body bytes.Buffer
			got, err := client.Download(t.Context(), outbound.Request{URL: s.URL + tt.path, Header: header}, tt.most, &body)
			if tt.class != "" {
				if err == nil || outbound.ClassOf(err) != tt.class {
					t.Errorf("got %+v, %v; want class %s", got, err, tt.class)
				}
			} else if !errors.Is(err, tt.err) || got.Status != tt.status {
				t.Errorf("got status %d, %v; want %d, %v", got.Status, err, tt.status, tt.err)
			}
			if text := body.String(); text != tt.body && (tt.err == nil || !strings.HasPrefix(text, tt.body)) {
				t.Errorf("wrote %.40q, want %.40q", text, tt.body)
			}
			if header.Get("Authorization") == "" {
				t.Error("the caller's header was changed")
			}
		})
	}
	if _, err := client.Download(t.Context(), outbound.Request{URL: "https://localhost/x"}, 1, io.Discard); outbound.ClassOf(err) != outbound.Denied {
		t.Errorf("localhost: %v, want %s", err, outbound.Denied)
	}
}
