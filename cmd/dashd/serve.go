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
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dashd/httpapi"
	"dashd/internal/errs"
)

const (
	// quiesce is how long requests may take to finish when the node stops.
	quiesce = 10 * time.Second
	// giveLead is how long another node may take to take the lead over.
	giveLead = 3 * time.Second
	// failedQuiesce is the same when storage has failed: nothing can be
	// acknowledged any more.
	failedQuiesce = time.Second
	// removedQuiesce is the same when the node was removed: whoever has asked this node for
	// that waits for an answer, which comes once it is clear that it will not be folded here.
	removedQuiesce = 4 * time.Second
	// failedGrace is how long a process whose storage has failed may take to end in
	// good order.
	failedGrace = 5 * time.Second
	// lastWords is how long it may take to say so.
	lastWords = 100 * time.Millisecond
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `serve runs a node. The first start in an empty data directory makes everything it
needs, prints the URL and an API key, and writes the key to DIR/first-key. Later
starts are the same command.

Every flag can also be given as a variable (DASHD_DATA_DIR for --data-dir) or as a
key of the --config file; a flag wins over a variable, and a variable over the file.
` + bootstrapVariable + ` sets the first API key's value. SIGTERM stops the node: requests
in flight are finished, and everything is persisted.`,
		Example: `  dashd serve
  dashd serve --data-dir /var/lib/dashd --http 0.0.0.0:8787
  dashd serve --config /etc/dashd.toml --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(c.Flags())
			if err != nil {
				return err
			}
			log := cfg.logger(c.ErrOrStderr())
			log.Info("configuration", "version", version, "settings", cfg)
			if names := unknownVariables(c.Flags(), os.Environ()); len(names) > 0 {
				log.Warn("variables that dashd does not know are ignored", "names", names)
			}
			err = serve(c.Context(), cfg, log, c.OutOrStdout())
			if errors.Is(err, context.Canceled) && c.Context().Err() != nil && errs.ExitCode(err) == 1 {
				return nil // it was told to stop, and did
			}
			return err
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return errs.Stop(errs.ExitIdentity, err) })
	addFlags(c.Flags())
	for name, values := range choices {
		complete(c, name, values...)
	}
	return c
}

// serve runs a node until ctx ends or the node cannot go on.
//
// The start: the listener is open before the log is, so that an application that
// fetches the key set meanwhile gets an answer; requests reach the node once it is
// ready, has its first key, and can open its secrets.
//
// The stop, whatever its reason: streams end, requests in flight finish, the
// listeners close, and only then the node, which those requests needed, persists
// and closes.
func serve(ctx context.Context, cfg Config, log *slog.Logger, stdout io.Writer) error {
	syscall.Umask(0o077) // for all that the databases create
	go followMemory(ctx) // ends with ctx, or with the process
	if err := prepareDataDir(cfg.DataDir); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return refuse("cannot take requests at %s (%w); stop what uses the address, or choose another one with --http", cfg.HTTP, err)
	}
	if cfg.PublicURL == "" {
		cfg.PublicURL = "http://" + listener.Addr().String()
	}
	var front front
	front.use(httpapi.Starting(cfg.settings()))
	var faces faces
	faces.serve(newServer(log, &front), listener)
	defer func() { _ = faces.close(failedQuiesce) }() // if there is no node to speak for

	d, err := openDaemon(ctx, cfg, log)
	if err != nil {
		return err
	}
	d.outbound.Deny(listener.Addr())
	go endIfStuck(d, log) // ends with the process
	nodeCtx, stopNode := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNode()
	g, stopping := errgroup.WithContext(ctx) // ends with ctx, or with the first that fails
	g.Go(guard(func() error { return d.run(nodeCtx) }))
	g.Go(guard(func() error {
		key, err := d.firstStart(stopping, cfg)
		if err != nil {
			return err
		}
		api := d.api(cfg, log, stopping.Done())
		socket, err := listenAdmin(cfg.DataDir)
		if err != nil {
			return err
		}
		faces.serve(newServer(log, api.Handler(true)), socket)
		front.use(api.Handler(false))
		d.takeForwarded(api)
		announce(stdout, log, cfg, listener.Addr(), key)
		return nil
	}))
	g.Go(func() error { return faces.wait(stopping) })

	<-stopping.Done()
	giving, done := context.WithTimeout(context.WithoutCancel(ctx), giveLead)
	d.node.GiveLead(giving)
	done()
	patience := quiesce
	switch err := d.node.Failure(); {
	case errs.ExitCode(err) == errs.ExitIdentity:
		patience = removedQuiesce
	case err != nil:
		patience = failedQuiesce
	}
	if err := faces.close(patience); err != nil {
		log.Warn("requests were cut off", "err", err)
	}
	closeAdmin(cfg.DataDir)
	stopNode()
	err = g.Wait()
	if why := d.node.Failure(); why != nil {
		err = why // and the rest followed from it
	}
	return errors.Join(err, d.port.close())
}

// guard makes an error of a panic in f, so that the rest can be stopped.
func guard(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = errs.Stop(errs.ExitBug, fmt.Errorf("bug: %v\n%s", v, debug.Stack()))
			}
		}()
		return f()
	}
}

// endIfStuck ends the process some time after storage has failed, if it is still
// there: what hangs in the kernel cannot be stopped. Nothing is lost by that;
// what was acknowledged is in the raft log.
func endIfStuck(d *daemon, log *slog.Logger) {
	<-d.node.Failed()
	time.Sleep(failedGrace)
	// The log may be on the disk that hangs: it is not waited for.
	go log.Error("the node does not stop: the process ends", "err", d.node.Failure())
	time.Sleep(lastWords)
	os.Exit(errs.ExitCode(d.node.Failure()))
}

// announce prints where the node is and, once, the key of a first start. That
// nobody reads it is no reason to stop.
func announce(w io.Writer, log *slog.Logger, cfg Config, addr net.Addr, key string) {
	url := "http://" + addr.String()
	text := fmt.Sprintf("dashd is ready at %s (data in %s)\n", url, cfg.DataDir)
	if key != "" {
		text += fmt.Sprintf(`
Give your Better Auth application these two values:

  dash({ apiUrl: %q, apiKey: %q })

The key is shown this once; it is also in %s.
`, url, key, filepath.Join(cfg.DataDir, firstKeyName))
	}
	log.Info("ready", "http", addr.String())
	if _, err := io.WriteString(w, text); err != nil {
		log.Warn("the announcement could not be printed", "err", err)
	}
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
