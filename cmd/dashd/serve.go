package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dashd/httpapi"
	"dashd/internal/errs"
)

const (
	// memoryLimit is the soft limit of the heap and the runtime. Files mapped by
	// the databases come on top; the system takes those back when it needs them.
	memoryLimit = 384 << 20
	// quiesce is how long requests may take to finish when the node stops.
	quiesce = 10 * time.Second
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `serve runs a node. The first start in an empty data directory makes everything it
needs, prints the URL and an API key, and writes the key to DIR/first-key. Later
starts are the same command.

Every flag can also be given as DASHD_… (DASHD_DATA_DIR) or in the --config file.
` + bootstrapVariable + ` sets the first API key's value.`,
		Example: `  dashd serve
  dashd serve --data-dir /var/lib/dashd --http 0.0.0.0:8787`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(c.Flags())
			if err != nil {
				return err
			}
			return serve(c.Context(), cfg, c.OutOrStdout())
		},
	}
	addFlags(c.Flags())
	return c
}

// serve runs a node until ctx ends or the node has to stop. The listener is open
// before the log is: an application that fetches the key set while the node
// starts gets an answer.
func serve(ctx context.Context, cfg Config, stdout io.Writer) error {
	log, err := cfg.logger()
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return errs.Stop(errs.ExitIO, fmt.Errorf("make the data directory: %w", err))
	}
	listener, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return refuse("listen for requests: %v", err)
	}
	defer listener.Close()

	var front front
	front.use(httpapi.Starting(cfg.settings()))
	stopping := ctx.Done()
	// The node outlives the listeners: requests in flight need it to finish.
	nodeCtx, stopNode := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNode()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer stopNode()
		return serveUntil(gctx, newServer(log, &front), listener)
	})
	g.Go(func() error {
		return runNode(nodeCtx, gctx, cfg, log, func(d *daemon, key string) error {
			api := d.api(cfg, log, stopping)
			socket, err := listenAdmin(cfg.DataDir)
			if err != nil {
				return err
			}
			front.use(api.Handler(false))
			g.Go(func() error { return serveUntil(gctx, newServer(log, api.Handler(true)), socket) })
			return announce(stdout, cfg, listener.Addr(), key)
		})
	})
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// runNode opens the node and runs it until ctx ends. When it is ready, it calls
// ready with the key of a first start. A stop asked for in between (starting)
// ends the start.
func runNode(ctx, starting context.Context, cfg Config, log *slog.Logger, ready func(*daemon, string) error) error {
	d, err := openDaemon(starting, cfg, log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.run(ctx) })
	g.Go(func() error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(starting, cancel)()
		key, err := d.firstStart(ctx, cfg)
		if err != nil {
			return err
		}
		return ready(d, key)
	})
	return g.Wait()
}

// announce prints where the node is and, once, the key of a first start.
func announce(w io.Writer, cfg Config, addr net.Addr, key string) error {
	url := "http://" + addr.String()
	if key == "" {
		_, err := fmt.Fprintf(w, "dashd is ready at %s (data in %s)\n", url, cfg.DataDir)
		return err
	}
	_, err := fmt.Fprintf(w, `dashd is ready at %s (data in %s)

Give your Better Auth application these two values:

  dash({ apiUrl: %q, apiKey: %q })

The key is shown this once; it is also in %s.
`, url, cfg.DataDir, url, key, filepath.Join(cfg.DataDir, firstKeyName))
	return err
}

// front is the handler of the public listener: it can be changed while requests
// arrive.
type front struct{ handler atomic.Pointer[http.Handler] }

func (f *front) use(h http.Handler) { f.handler.Store(&h) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*f.handler.Load()).ServeHTTP(w, r)
}

// newServer returns a server with the limits of the public face. Bodies and
// streams move their own deadlines along (httpapi).
func newServer(log *slog.Logger, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.With("component", "http").Handler(), slog.LevelDebug),
	}
}

// serveUntil serves until ctx ends, then lets requests finish.
func serveUntil(ctx context.Context, s *http.Server, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }() // ends with Shutdown or Close below
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), quiesce)
	defer cancel()
	if err := s.Shutdown(patience); err != nil {
		return s.Close()
	}
	return nil
}

// listenAdmin opens the admin socket, whose peers may do everything: only the
// owner of the data directory can connect.
func listenAdmin(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	// The node holds the lock of the directory, so a socket there is a dead one's.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("remove the old admin socket: %w", err))
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("open the admin socket: %w", err))
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("protect the admin socket: %w", err))
	}
	return l, nil
}
