package peer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	maxMemberBody = 64 << 20
	maxJoinBody   = 64 << 10
	maxHeader     = 64 << 10
	// A member's connection that nobody uses is closed by the side that dialed it; the
	// other waits longer, so that no request meets a connection that is being closed.
	clientIdle = time.Minute
	serverIdle = 3 * time.Minute
	// clientConns bounds the connections to one member; more requests wait for one. It
	// is below what the other accepts, so that none is refused for it.
	clientConns = 128

	joinReadLimit  = 15 * time.Second
	joinWriteLimit = time.Minute
)

// Client returns the client for requests to members: https://<cluster address>/path.
// It has no time limit but that of the request's context; an answer may go on for long.
// A request that failed with code PEER_UNREACHABLE, PEER_REFUSED or PEER_NOT_READY was
// never sent.
func (p *Port) Client() *http.Client { return p.client }

func (p *Port) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				c, err := p.dial(ctx, addr, "", protocolHTTP)
				if err != nil {
					return nil, err // not a nil *conn
				}
				return c, nil
			},
			MaxConnsPerHost:        clientConns,
			MaxIdleConnsPerHost:    clientConns,
			IdleConnTimeout:        clientIdle,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// memberServer answers requests of members. Their contexts come from requests.
func (p *Port) memberServer(requests context.Context) *http.Server {
	return &http.Server{
		Handler:        limited(p.o.Members, maxMemberBody),
		BaseContext:    func(net.Listener) context.Context { return requests },
		ConnContext:    withMember,
		ErrorLog:       slog.NewLogLogger(p.o.Log.Handler(), slog.LevelWarn),
		IdleTimeout:    serverIdle,
		MaxHeaderBytes: maxHeader,
	}
}

// joinServer answers requests of nodes that join.
func (p *Port) joinServer(requests context.Context) *http.Server {
	s := &http.Server{
		Handler:        limited(p.o.Joiners, maxJoinBody),
		BaseContext:    func(net.Listener) context.Context { return requests },
		ErrorLog:       slog.NewLogLogger(p.o.Log.Handler(), slog.LevelDebug),
		ReadTimeout:    joinReadLimit,
		WriteTimeout:   joinWriteLimit,
		MaxHeaderBytes: maxHeader,
	}
	s.SetKeepAlivesEnabled(false)
	return s
}

func withMember(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, memberKey{}, c.(*conn).member)
}

func limited(h http.Handler, limit int64) http.Handler {
	if h == nil {
		return http.NotFoundHandler()
	}
	return http.MaxBytesHandler(h, limit)
}
