package outbound_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dashd/internal/outbound"
)

func newClient(t *testing.T, o outbound.Options) *outbound.Client {
	t.Helper()
	c, err := outbound.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// receiver is a server on the loopback that says what it was sent.
func receiver(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func addressOf(s *httptest.Server) string { return s.Listener.Addr().String() }

func TestTheAllowListLetsThrough(t *testing.T) {
	s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Host", r.Host)
		_, _ = w.Write(append([]byte(r.Method+" "+r.Header.Get("X-One")+" "), body...))
	})
	_, port, _ := net.SplitHostPort(addressOf(s))
	z := &zone{addrs: map[string][][]string{"hook.corp.": {{"127.0.0.1"}}, "hook.example.": {{"127.0.0.1"}}}}
	for _, tt := range []struct {
		name  string
		allow []string
		url   string
		want  outbound.Class
	}{
		{"an address with its port", []string{addressOf(s)}, s.URL, ""},
		{"an address with any port", []string{"127.0.0.1"}, s.URL, ""},
		{"a network", []string{"10.0.0.0/8", "127.0.0.0/8"}, s.URL, ""},
		{"a name with any port", []string{"hook.corp"}, "http://hook.corp:" + port, ""},
		{"a name with its port", []string{"Hook.Corp.:" + port}, "http://HOOK.corp.:" + port, ""},
		{"another port of an address", []string{"127.0.0.1:1"}, s.URL, outbound.Denied},
		{"another port of a name", []string{"hook.corp:1"}, "http://hook.corp:" + port, outbound.Denied},
		{"another network", []string{"10.0.0.0/8"}, s.URL, outbound.Denied},
		{"a name in an allowed network is called as any other", []string{"127.0.0.0/8"}, "http://hook.example:" + port, outbound.Denied},
		{"a name below an allowed one", []string{"corp"}, "http://hook.corp:" + port, outbound.Denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := newClient(t, outbound.Options{Allow: tt.allow, Resolver: z.resolver(t)})
			got, err := client.Do(t.Context(), outbound.Request{
				Method: http.MethodPost, URL: tt.url + "/x", Header: http.Header{"X-One": {"1"}}, Body: []byte("hello"),
			})
			switch {
			case tt.want == "" && (err != nil || string(got.Body) != "POST 1 hello" || got.Status != http.StatusOK):
				t.Errorf("got %d %q, %v", got.Status, got.Body, err)
			case tt.want != "" && (err == nil || outbound.ClassOf(err) != tt.want):
				t.Errorf("got %d, %v; want class %s", got.Status, err, tt.want)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	inner := receiver(t, func(http.ResponseWriter, *http.Request) { reached = true })
	for _, location := range []string{inner.URL, "https://169.254.169.254/", "http://[::1]/", "//127.0.0.1/", "/again"} {
		outer := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				reached = true
			}
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		client := newClient(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
		got, err := client.Do(t.Context(), outbound.Request{Method: http.MethodPost, URL: outer.URL + "/"})
		if err != nil || got.Status != http.StatusTemporaryRedirect || reached {
			t.Errorf("redirect to %s: got %d, %v; followed %t", location, got.Status, err, reached)
		}
	}
}

func TestTheNodesOwnListenersAreDenied(t *testing.T) {
	s := receiver(t, func(http.ResponseWriter, *http.Request) {})
	port := s.Listener.Addr().(*net.TCPAddr).Port
	for _, own := range []net.Addr{s.Listener.Addr(), &net.TCPAddr{IP: net.IPv6unspecified, Port: port}, &net.TCPAddr{IP: net.IPv4zero, Port: port}} {
		client := newClient(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
		client.Deny(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port - 1})
		if _, err := client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: s.URL}); err != nil {
			t.Fatalf("before: %v", err)
		}
		client = newClient(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
		client.Deny(own)
		_, err := client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: s.URL})
		if err == nil || outbound.ClassOf(err) != outbound.Denied {
			t.Errorf("own listener %v: %v, want %s", own, err, outbound.Denied)
		}
	}
}

func TestProxies(t *testing.T) {
	var asked []string
	proxy := receiver(t, func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.String()) })
	direct := receiver(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(addressOf(direct))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	z := &zone{addrs: map[string][][]string{"hook.corp.": {{"127.0.0.1"}}}}
	request := outbound.Request{Method: http.MethodGet, URL: "http://hook.corp:" + port + "/x"}
	client := newClient(t, outbound.Options{Allow: []string{"hook.corp"}, Resolver: z.resolver(t)})
	if _, err := client.Do(t.Context(), request); err != nil || len(asked) != 0 {
		t.Errorf("with the variables: %v, the proxy was asked for %q", err, asked)
	}
	client = newClient(t, outbound.Options{Allow: []string{"hook.corp"}, Proxy: proxy.URL})
	if _, err := client.Do(t.Context(), request); err != nil || len(asked) != 1 || asked[0] != request.URL {
		t.Errorf("with a proxy: %v, it was asked for %q", err, asked)
	}
	_, err := client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: "https://10.0.0.1/"})
	if err == nil || outbound.ClassOf(err) != outbound.Denied || len(asked) != 1 {
		t.Errorf("with a proxy, to a private address: %v", err)
	}
}

func TestTLS(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	modern := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	modern.Config.ErrorLog = quiet
	modern.StartTLS()
	defer modern.Close()
	old := httptest.NewUnstartedServer(modern.Config.Handler)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = quiet
	old.StartTLS()
	defer old.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: modern.Certificate().Raw})
	for _, tt := range []struct {
		name, url string
		ca        []byte
		want      outbound.Class
	}{
		{"a pinned authority", modern.URL, ca, ""},
		{"the authorities of the system", modern.URL, nil, outbound.BadTLS},
		{"a bundle without a certificate", modern.URL, []byte("no PEM"), outbound.BadTLS},
		{"TLS 1.1", old.URL, ca, outbound.BadTLS},
		{"another name than the certificate's", strings.Replace(modern.URL, "127.0.0.1", "hook.corp", 1), ca, outbound.BadTLS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := &zone{addrs: map[string][][]string{"hook.corp.": {{"127.0.0.1"}}}}
			client := newClient(t, outbound.Options{Allow: []string{"127.0.0.0/8", "hook.corp"}, Resolver: z.resolver(t)})
			_, err := client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: tt.url, CA: tt.ca})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || outbound.ClassOf(err) != tt.want) {
				t.Errorf("got %v (%v), want class %q", err, errors.Unwrap(err), tt.want)
			}
		})
	}
}

func TestAnswersAreBounded(t *testing.T) {
	client := newClient(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
	for _, n := range []int{0, outbound.MaxBody, outbound.MaxBody + 1, 1 << 20} {
		s := receiver(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), n)) })
		got, err := client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: s.URL})
		if err != nil || len(got.Body) != min(n, outbound.MaxBody) || got.Truncated != (n > outbound.MaxBody) {
			t.Errorf("%d bytes: got %d, truncated %t, %v", n, len(got.Body), got.Truncated, err)
		}
	}
	s := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Large", strings.Repeat("x", 64<<10)) })
	if _, err := client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: s.URL}); err == nil {
		t.Error("64 KiB of headers were taken")
	}
}

func TestClassesOfFailure(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := "http://" + listener.Addr().String()
	defer func() { _ = listener.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	broken := receiver(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, tt := range []struct {
		name, url string
		patience  time.Duration
		want      outbound.Class
	}{
		{"nobody answers", silent, 20 * time.Millisecond, outbound.TimedOut},
		{"nobody listens", "http://" + closed.Addr().String(), time.Minute, outbound.Refused},
		{"no such host", "https://missing.example/", time.Minute, outbound.NoHost},
		{"the connection breaks", broken.URL, time.Minute, outbound.Unreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tt.patience)
			defer cancel()
			client := newClient(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, Resolver: (&zone{}).resolver(t)})
			_, err := client.Do(ctx, outbound.Request{Method: http.MethodGet, URL: tt.url})
			if err == nil || outbound.ClassOf(err) != tt.want {
				t.Errorf("got %v (%v), want class %s", err, errors.Unwrap(err), tt.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "0123456789") {
				t.Errorf("a tenant would read %q", err)
			}
		})
	}
}

func TestOptionsThatCannotBeUsed(t *testing.T) {
	for _, o := range []outbound.Options{
		{Allow: []string{""}},
		{Allow: []string{"https://hook.corp"}},
		{Allow: []string{"hook.corp/path"}},
		{Allow: []string{"user@hook.corp"}},
		{Allow: []string{"10.0.0.0/33"}},
		{Allow: []string{"hook.corp:0"}},
		{Allow: []string{"127.1"}},
		{Allow: []string{"::ffff:10.0.0.0/104"}},
		{Proxy: "proxy:3128"},
		{Proxy: "socks5://proxy"},
		{Proxy: "http://"},
		{Proxy: "http://proxy/path"},
	} {
		if _, err := outbound.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
