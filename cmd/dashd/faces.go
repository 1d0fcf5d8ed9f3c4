package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// front is the handler of the public listener: it can be changed while requests
// arrive.
type front struct{ handler atomic.Pointer[http.Handler] }

func (f *front) use(h http.Handler) { f.handler.Store(&h) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*f.handler.Load()).ServeHTTP(w, r)
}

// faces are the servers of the process. The zero value has none.
type faces struct {
	mu      sync.Mutex // guards the rest
	closed  bool
	servers []*http.Server
	failed  chan error // holds the first failure
}

// failures returns the channel of the first failure. The caller holds mu.
func (f *faces) failures() chan error {
	if f.failed == nil {
		f.failed = make(chan error, 1)
	}
	return f.failed
}

// serve serves l until close.
func (f *faces) serve(s *http.Server, l net.Listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = l.Close()
		return
	}
	f.servers = append(f.servers, s)
	failed := f.failures()
	go func() { // ends with close
		err := s.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			return
		}
		select {
		case failed <- fmt.Errorf("serve %s: %w", l.Addr(), err):
		default: // the first says enough
		}
	}()
}

// wait returns the failure of a server, or nil when ctx ends.
func (f *faces) wait(ctx context.Context) error {
	f.mu.Lock()
	failed := f.failures()
	f.mu.Unlock()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// close takes no more requests and lets those in flight finish, all servers at the
// same time and none for longer than patience; then it cuts them off, which is its
// error. A second call does nothing.
func (f *faces) close(patience time.Duration) error {
	f.mu.Lock()
	servers := f.servers
	f.servers, f.closed = nil, true
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cut := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			if cut[i] = s.Shutdown(ctx); cut[i] != nil {
				_ = s.Close() // what is cut off has its error already
			}
		})
	}
	all.Wait()
	return errors.Join(cut...)
}
