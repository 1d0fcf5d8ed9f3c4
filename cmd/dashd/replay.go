package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// replayOptions say what "dashd replay" reads and how it prints it.
type replayOptions struct {
	from, to      uint64 // to 0: the head
	project, user string
	types         []string
	format        string
	check, quiet  bool
	asJSON        bool
}

func newReplay() *cobra.Command {
	var t target
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay",
		Short: "Read the log in order: print it, or check it",
		Long: `replay reads the events of the log, in order, and prints them. It reads the log of
a running node (over its admin socket, or with --server), or that of a stopped one,
straight from its --data-dir. Without --project it reads the events of all.

With --check it prints no events, recomputes the hash of every block and makes sure
that no position is missing; on a stopped node also that the index of ids agrees.

How many events were read, and how fast, is printed at the end, to standard error;
with --check to standard output.`,
		Example: `  dashd replay --format ndjson > events.ndjson
  dashd replay --data-dir /var/lib/dashd --from 1000 --type user.banned
  dashd replay --check --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.project = t.project
			return runReplay(c.Context(), &t, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	t.addFlags(c.Flags())
	c.Flags().Lookup("project").Usage = "only of this `project` (default: all)"
	f := c.Flags()
	f.Uint64Var(&o.from, "from", 1, "first `seq`")
	f.Uint64Var(&o.to, "to", 0, "last `seq` (0: the head)")
	f.StringSliceVar(&o.types, "type", nil, "only these `types` (comma-separated; any vocabulary; user.* for a category)")
	f.StringVar(&o.user, "user", "", "only of this user `id`")
	f.StringVar(&o.format, "format", "text", "text, ndjson or csv")
	f.BoolVar(&o.check, "check", false, "recompute hashes and density instead of printing")
	f.BoolVar(&o.quiet, "quiet", false, "no progress, and no summary of what was printed")
	f.BoolVar(&o.asJSON, "json", false, "print the summary as JSON")
	complete(c, "format", "text", "ndjson", "csv")
	return c
}

// replayed is what a replay did.
type replayed struct {
	Checked bool    `json:"checked"` // and found to be right
	Events  uint64  `json:"events"`
	From    uint64  `json:"from"`
	To      uint64  `json:"to"`
	Head    uint64  `json:"head"` // last seq of the log
	Seconds float64 `json:"seconds"`
	PerSec  float64 `json:"eventsPerSecond"` // that were read
	Stopped bool    `json:"stopped"`         // read from the files of a stopped node
	Clean   bool    `json:"clean"`           // false: the node was killed, and its raft log may hold more events
}

func runReplay(ctx context.Context, t *target, o replayOptions, stdout, stderr io.Writer) (err error) {
	if o.from = max(o.from, 1); o.to > 0 && o.to < o.from {
		return fmt.Errorf("--to %d is before --from %d", o.to, o.from)
	}
	print, err := newPrinter(&o) // before anything is opened: it may be asked for wrongly
	if err != nil {
		return err
	}
	src, err := openSource(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	if !src.clean {
		fmt.Fprintln(stderr, "dashd: the node was not stopped in order; the newest events may be in its raft log only, and are shown once it has run again")
	}
	whole := o.from == 1 && (o.to == 0 || o.to >= src.head)
	if o.to == 0 || o.to > src.head {
		o.to = src.head
	}
	r := replayed{From: o.from, To: o.to, Head: src.head, Stopped: src.stopped, Clean: src.clean, Checked: o.check}
	p := newProgress(stderr, o.from, o.to, o.quiet)
	start := time.Now()
	if o.check {
		r.Events, err = checkLog(ctx, src, o.from, o.to, whole, p)
	} else {
		r.Events, err = print.log(ctx, src, stdout, p)
	}
	p.finish()
	if err != nil {
		return err
	}
	r.Seconds = max(time.Since(start).Seconds(), 1e-9)
	r.PerSec = float64(o.to+1-min(o.from, o.to+1)) / r.Seconds
	if o.check {
		return r.print(stdout, o.asJSON)
	}
	if o.quiet {
		return nil
	}
	return r.print(stderr, o.asJSON)
}

// print prints the summary.
func (r replayed) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	if r.From > r.Head {
		_, err := fmt.Fprintf(w, "nothing to read: the log ends at seq %d\n", r.Head)
		return err
	}
	verb := "printed"
	if r.Checked {
		verb = "checked, all right:"
	}
	_, err := fmt.Fprintf(w, "%s %d events of seq %d to %d in %s (%.0f events/s)\n",
		verb, r.Events, r.From, r.To, time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond), r.PerSec)
	return err
}
