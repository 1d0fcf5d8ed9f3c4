package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/display"
	"dashd/internal/errs"
	"dashd/internal/wire"
)

// replayOptions say what "dashd replay" reads and how it prints it.
type replayOptions struct {
	from, to      uint64
	project, user string
	types         []string
	format        string
	check, quiet  bool
}

func newReplay() *cobra.Command {
	var t target
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay",
		Short: "Read the log in order: print it, or check it",
		Long: `replay reads every event from the log, in order, and prints it. It reads the log
of a running node (over its admin socket, or with --server), or that of a stopped
one, straight from its --data-dir.

With --check it prints nothing, recomputes the hash of every block and makes sure
that no position is missing; on a stopped node also that the index of ids agrees.`,
		Example: `  dashd replay --format ndjson > events.ndjson
  dashd replay --data-dir /var/lib/dashd --from 1000 --type user.banned
  dashd replay --check`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.project = t.project
			return runReplay(c.Context(), &t, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	t.addFlags(c.Flags())
	f := c.Flags()
	f.Uint64Var(&o.from, "from", 1, "first `seq`")
	f.Uint64Var(&o.to, "to", 0, "last `seq` (0: the head)")
	f.StringSliceVar(&o.types, "type", nil, "only these `types` (any vocabulary)")
	f.StringVar(&o.user, "user", "", "only of this user `id`")
	f.StringVar(&o.format, "format", "text", "text, ndjson or csv")
	f.BoolVar(&o.check, "check", false, "recompute hashes and density instead of printing")
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
	return c
}

func runReplay(ctx context.Context, t *target, o replayOptions, stdout, stderr io.Writer) error {
	src, err := openSource(ctx, t)
	if err != nil {
		return err
	}
	defer src.close()
	if o.to == 0 || o.to > src.head {
		o.to = src.head
	}
	p := newProgress(stderr, o.from, o.to, o.quiet)
	start := time.Now()
	var n uint64
	if o.check {
		n, err = checkLog(ctx, src, o, p)
	} else {
		n, err = printLog(ctx, src, o, stdout, p)
	}
	p.finish()
	if err != nil {
		return err
	}
	took := time.Since(start)
	verb := "printed"
	if o.check {
		verb = "checked"
	}
	fmt.Fprintf(stderr, "%s %d events up to seq %d in %s: %.0f events/s\n",
		verb, n, o.to, took.Round(time.Millisecond), float64(n)/max(took.Seconds(), 1e-9))
	return nil
}

// checkLog recomputes what can be recomputed, and returns the number of events.
func checkLog(ctx context.Context, src *source, o replayOptions, p *progress) (uint64, error) {
	if src.check != nil {
		return src.head, src.check(ctx, func(seq, _ uint64) { p.at(seq) })
	}
	next := o.from
	err := src.blocks(ctx, o.from, o.to, func(first uint64, raw []byte) error {
		b, err := block.Open(raw)
		if err != nil {
			return errs.Stop(errs.ExitIntegrity, fmt.Errorf("block at seq %d: %w", first, err))
		}
		end := first + uint64(b.Len())
		if first > next || end <= next {
			return errs.Stop(errs.ExitIntegrity, fmt.Errorf("the log has a hole: seq %d is followed by %d", next-1, first))
		}
		next = end
		p.at(end - 1)
		return nil
	})
	if err == nil && next <= o.to {
		err = errs.Stop(errs.ExitIntegrity, fmt.Errorf("the log ends at seq %d, not %d", next-1, o.to))
	}
	return next - o.from, err
}

// printed is the rendering of one block.
type printed struct {
	text []byte
	n    uint64
	last uint64
	err  error
}

// printLog prints the selected events and returns their number. Blocks are
// decoded and rendered in parallel and written in order.
func printLog(ctx context.Context, src *source, o replayOptions, w io.Writer, p *progress) (n uint64, err error) {
	render, err := o.renderer()
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if o.format == "csv" {
		if _, err := out.WriteString(wire.CSVHeader); err != nil {
			return 0, err
		}
	}
	workers := runtime.GOMAXPROCS(0)
	queue := make(chan chan printed, 2*workers) // in log order
	g, ctx := errgroup.WithContext(ctx)
	busy := make(chan struct{}, workers)
	g.Go(func() error {
		defer close(queue)
		return src.blocks(ctx, o.from, o.to, func(first uint64, raw []byte) error {
			done := make(chan printed, 1)
			select {
			case queue <- done:
			case <-ctx.Done():
				return ctx.Err()
			}
			busy <- struct{}{}
			go func() { // its result is waited for below
				done <- render(first, raw)
				<-busy
			}()
			return nil
		})
	})
	g.Go(func() error {
		for done := range queue {
			r := <-done
			if r.err != nil {
				return r.err
			}
			if _, err := out.Write(r.text); err != nil {
				return err
			}
			n += r.n
			p.at(r.last)
		}
		return out.Flush()
	})
	return n, g.Wait()
}

// renderer returns the function that turns a stored block into text.
func (o *replayOptions) renderer() (func(first uint64, raw []byte) printed, error) {
	var appendEvent func(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte
	switch o.format {
	case "text":
		appendEvent = wire.AppendText
	case "csv":
		appendEvent = wire.AppendCSV
	case "ndjson":
		appendEvent = func(dst []byte, r *eventlog.Record, message string, sev eventlog.Severity) []byte {
			return append(wire.AppendEvent(dst, r, message, sev), '\n')
		}
	default:
		return nil, fmt.Errorf("--format %q: it must be text, ndjson or csv", o.format)
	}
	anyStatus, onlyFailed, err := o.typeSets()
	if err != nil {
		return nil, err
	}
	selected := func(r *eventlog.Record) bool {
		return r.Seq >= o.from && r.Seq <= o.to &&
			(o.project == "" || r.Project == o.project) &&
			(o.user == "" || r.UserID == o.user) &&
			(len(o.types) == 0 || slices.Contains(anyStatus, r.Type) ||
				r.Status == eventlog.Failed && slices.Contains(onlyFailed, r.Type))
	}
	return func(first uint64, raw []byte) (p printed) {
		b, err := block.Open(raw)
		if err != nil {
			return printed{err: errs.Stop(errs.ExitIntegrity, fmt.Errorf("block at seq %d: %w", first, err))}
		}
		p.text = make([]byte, 0, 2*len(raw))
		p.last = first + uint64(b.Len()) - 1
		p.err = b.Each(first, func(r *eventlog.Record) error {
			if selected(r) {
				message, severity := display.Of(&r.Event)
				p.text = appendEvent(p.text, r, message, severity)
				p.n++
			}
			return nil
		})
		return p
	}, nil
}

// typeSets resolves the names of --type; some names mean failed events only.
func (o *replayOptions) typeSets() (anyStatus, onlyFailed []eventlog.Type, err error) {
	for _, name := range o.types {
		types, failed := eventlog.TypesOf(name)
		switch {
		case len(types) == 0:
			return nil, nil, fmt.Errorf("--type %q is not the name of a type", name)
		case failed:
			onlyFailed = append(onlyFailed, types...)
		default:
			anyStatus = append(anyStatus, types...)
		}
	}
	return anyStatus, onlyFailed, nil
}

// isNotRunning reports whether no node serves dir, so that its files may be
// opened.
func isNotRunning(dir string) bool {
	_, err := os.Stat(dir + string(os.PathSeparator) + socketName)
	return err != nil && strings.TrimSpace(dir) != ""
}
