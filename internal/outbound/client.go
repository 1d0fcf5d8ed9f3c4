package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of a request.
const (
	dialTimeout   = 5 * time.Second
	tlsTimeout    = 5 * time.Second
	headerTimeout = 10 * time.Second
	// Timeout is that of a whole request, its answer included.
	Timeout = 15 * time.Second

	// MaxBody is how much of an answer is read.
	MaxBody = 64 << 10

	maxHeaders = 16 << 10
)

// Options of New. The zero value lets requests out to the public internet only.
type Options struct {
	// Allow are the hosts ("mail.corp", "mail.corp:8443") and networks ("10.1.0.0/16") that
	// may be called although they are not public, or not by https at port 443. It comes
	// from the operator, never from a tenant.
	Allow []string
	// Proxy is the URL of a proxy that all requests go through; "" for none. It sees names
	// instead of addresses, so it has to refuse what is not public itself.
	Proxy string
	// Resolver finds the addresses of hosts; nil: that of the system.
	Resolver *net.Resolver
}

// Client sends requests to addresses that tenants have chosen. It is safe for
// concurrent use.
type Client struct {
	allow     allowList
	proxy     *url.URL
	resolver  *net.Resolver
	transport *http.Transport

	mu  sync.Mutex
	own []netip.AddrPort // guarded by mu
}

// New returns a client. It fails if an option cannot be read.
func New(o Options) (*Client, error) {
	allow, err := parseAllow(o.Allow)
	if err != nil {
		return nil, fmt.Errorf("outbound-allow: %w", err)
	}
	c := &Client{allow: allow, resolver: o.Resolver}
	if o.Proxy != "" {
		u, err := url.Parse(o.Proxy)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
			return nil, errors.New("outbound-proxy: not a URL like http://proxy.example:3128")
		}
		c.proxy = u
	}
	c.transport = c.newTransport(nil)
	return c, nil
}

// Deny refuses an address that this node listens on, whatever is allowed. An unspecified address
// stands for each address of this machine.
func (c *Client) Deny(listener net.Addr) {
	addr, err := netip.ParseAddrPort(listener.String())
	if err != nil {
		return // not an address of the internet
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = append(c.own, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
}

// Request is what to send.
type Request struct {
	Method string
	URL    string
	Header http.Header // is not changed
	Body   []byte
	// CA is a PEM bundle of the only authorities to trust; nil: those of the system.
	CA []byte
}

// Response is what came back.
type Response struct {
	Status    int // 3xx too: redirects are not followed
	Header    http.Header
	Body      []byte // the first MaxBody bytes
	Truncated bool   // there was more
	Elapsed   time.Duration
}

// Check reports whether a URL could be called by what it says, without calling it: what
// a tenant configures can be refused before anything is to be sent. Where its
// name leads is known at the call only. The error is an *Error.
func (c *Client) Check(rawURL string) error {
	_, err := c.check(rawURL)
	return err
}

func (c *Client) check(rawURL string) (target, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return target{}, &Error{InvalidURL, err}
	}
	if c.allow.allows(t) {
		return t, nil
	}
	switch {
	case t.url.Scheme != "https":
		return target{}, &Error{Denied, fmt.Errorf("scheme %s", t.url.Scheme)}
	case t.port != 443:
		return target{}, &Error{Denied, fmt.Errorf("port %d", t.port)}
	case t.addr.IsValid() && !public(t.addr), t.host == "localhost", strings.HasSuffix(t.host, ".localhost"):
		return target{}, &Error{Denied, errDenied}
	}
	return t, nil
}

// Do sends a request and reads the answer. The error, if there is no answer, is an
// *Error: fit for a tenant. An answer of any status is no error.
func (c *Client) Do(ctx context.Context, req Request) (Response, error) {
	t, err := c.check(req.URL)
	if err != nil {
		return Response{}, err
	}
	transport := c.transport
	if req.CA != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(req.CA) {
			return Response{}, &Error{BadTLS, errors.New("no certificate in the pinned bundle")}
		}
		transport = c.newTransport(pool)
		defer transport.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, req.Method, t.url.String(), bytes.NewReader(req.Body))
	if err != nil {
		return Response{}, &Error{InvalidURL, err}
	}
	for name, values := range req.Header {
		out.Header[name] = values
	}
	start := time.Now()
	resp, err := transport.RoundTrip(out) // one exchange: no redirects, no cookies
	if err != nil {
		return Response{}, classify(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err != nil {
		return Response{}, classify(err)
	}
	truncated := len(body) > MaxBody
	if truncated {
		body = body[:MaxBody]
	}
	return Response{resp.StatusCode, resp.Header, body, truncated, time.Since(start)}, nil
}

// newTransport returns a transport that trusts roots; nil: those of the system.
func (c *Client) newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  func(*http.Request) (*url.URL, error) { return c.proxy, nil },
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaders,
		MaxConnsPerHost:        16,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // nobody reads what would have to be unpacked
	}
}

// dial connects to a host. Each address it has is checked when it is about to be used,
// whatever the check of a moment ago may have seen.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, Resolver: c.resolver}
	if c.proxy == nil { // the proxy itself is where the operator says
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		named := c.allow.names(host, port)
		if !named && net.ParseIP(host) == nil {
			address = net.JoinHostPort(host+".", port) // the machine's search domains are for its operator
		}
		d.Control = func(_, address string, _ syscall.RawConn) error { return c.admit(address, named) }
	}
	return d.DialContext(ctx, network, address)
}

// admit decides about an address to connect to. named says that the operator allows the
// host, wherever it is.
func (c *Client) admit(address string, named bool) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return errDenied
	}
	if c.isOwn(to) || !named && !c.allow.holds(to.Addr()) && !public(to.Addr()) {
		return errDenied
	}
	return nil
}

// isOwn reports whether the node itself listens there.
func (c *Client) isOwn(to netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := to.Addr().Unmap()
	for _, own := range c.own {
		if own.Port() == to.Port() && (own.Addr() == a || own.Addr().IsUnspecified() && isLocal(a)) {
			return true
		}
	}
	return false
}

// isLocal reports whether an address is one of this machine. What cannot be known is.
func isLocal(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, local := range addrs {
		if p, err := netip.ParsePrefix(local.String()); err == nil && p.Addr().Unmap() == a.WithZone("") {
			return true
		}
	}
	return false
}
