package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// replayOptions say what "dashd replay" does, what it reads and how it prints it.
type replayOptions struct {
	from, to      uint64 // to 0: the head
	toGiven       string // as it was
	asOf          string
	project, user string
	types         []string
	format        string
	formatGiven   bool

	tables                      []string
	check, allCheckpoints       bool
	rebuild, explain            bool
	output, verify              string
	nodeGiven                   bool // beside verify
	quiet, asJSON, progressJSON bool
}

func newReplay() *cobra.Command {
	var t target
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay",
		Short: "Read the log in order: print it, check it, explain it, or rebuild from it",
		Long: `replay reads the events of the log, in order, and prints them. It reads the log of
a running node (over its admin socket, or with --server), or that of a stopped one,
straight from its --data-dir. Without --project it reads the events of all.

--as-of takes the log as it stood at a time or a seq. With --tables it prints the rows
of the dashboard's tables as of then, instead of events; they are folded from the log by
this program.

--explain prints the events of the user that --user names, and what each has changed.

--check prints no events: it recomputes the hash of every block and makes sure that no
position is missing; on a stopped node also that the index of ids agrees. Of a whole log it
then folds the events and compares, row by row, with what the node has made of them: a
running one with the rows it serves, a stopped one with its newest checkpoint, or with
--all-checkpoints every one.

--rebuild makes the node fold its log anew. A running one serves its old rows meanwhile;
a stopped one gets a new checkpoint.

--output writes a file, and beside it FILE.manifest.json: what was asked for, as of which
state of the log, and the SHA-256 of the file. --verify-manifest checks both, and with
--data-dir or --server that the log still holds what it held then.

How many events were read, and how fast, is printed at the end, to standard error;
with --check, --rebuild and --verify-manifest to standard output.

Exit codes: 0 done and right, 1 not done, 74 the log, the rows or a file are not what
they have to be, 75 the disk failed, 77 not the data directory of a node, 130
interrupted.`,
		Example: `  dashd replay --format ndjson > events.ndjson
  dashd replay --data-dir /var/lib/dashd --from 1000 --type user.banned
  dashd replay --as-of 2026-11-01 --tables users,sessions --project shop
  dashd replay --user u1 --explain --project shop
  dashd replay --check --json
  dashd replay --rebuild
  dashd replay --project shop --format csv --output events.csv
  dashd replay --verify-manifest events.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.project = t.project
			o.formatGiven = c.Flags().Changed("format")
			if c.Flags().Changed("to") {
				o.toGiven = c.Flags().Lookup("to").Value.String()
			}
			o.nodeGiven = c.Flags().Changed("data-dir") || c.Flags().Changed("server")
			return o.run(c.Context(), &t, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	t.addFlags(c.Flags())
	c.Flags().Lookup("project").Usage = "only of this `project` (default: all; with --explain: default)"
	o.addFlags(c.Flags())
	c.MarkFlagsMutuallyExclusive("check", "rebuild", "explain", "tables", "verify-manifest")
	for _, mode := range []string{"check", "rebuild", "verify-manifest"} {
		c.MarkFlagsMutuallyExclusive(mode, "output")
		c.MarkFlagsMutuallyExclusive(mode, "format")
	}
	c.MarkFlagsMutuallyExclusive("as-of", "to")
	complete(c, "format", "text", "ndjson", "json", "csv")
	complete(c, "tables", "users", "accounts", "sessions", "second-factors", "organizations", "members", "teams", "team-members",
		"invitations", "sso-providers", "directories", "log-drains")
	return c
}

func (o *replayOptions) addFlags(f *pflag.FlagSet) {
	f.Uint64Var(&o.from, "from", 1, "first `seq`")
	f.Uint64Var(&o.to, "to", 0, "last `seq` (0: the head)")
	f.StringVar(&o.asOf, "as-of", "", "the log as it stood at this `moment`: an ISO 8601 time, or a seq")
	f.StringSliceVar(&o.types, "type", nil, "only these `types` (comma-separated; any vocabulary; user.* for a category)")
	f.StringVar(&o.user, "user", "", "only of this user `id`")
	f.StringVar(&o.format, "format", "text", "text, ndjson, json (one array) or csv")
	f.StringSliceVar(&o.tables, "tables", nil, "print the rows of these `tables` instead of events (default format: ndjson)")
	f.BoolVar(&o.explain, "explain", false, "print what each event of --user has changed")
	f.BoolVar(&o.check, "check", false, "check the log, and the rows that were made of it, instead of printing")
	f.BoolVar(&o.allCheckpoints, "all-checkpoints", false, "with --check of a stopped node: compare with every checkpoint")
	f.BoolVar(&o.rebuild, "rebuild", false, "fold the log anew, and let the node use what that gives")
	f.StringVar(&o.output, "output", "", "write to this `file`, with a manifest beside it")
	f.StringVar(&o.verify, "verify-manifest", "", "check a `file` that was written with --output")
	f.BoolVar(&o.quiet, "quiet", false, "no progress, and no summary of what was printed")
	f.BoolVar(&o.asJSON, "json", false, "print the summary as JSON")
	f.BoolVar(&o.progressJSON, "progress-json", false, "print progress as JSON to standard error, a line each second")
}

// run does what the options ask for.
func (o *replayOptions) run(ctx context.Context, t *target, stdout, stderr io.Writer) error {
	switch {
	case o.verify != "":
		return o.verifyManifest(ctx, t, stdout)
	case o.allCheckpoints && !o.check:
		return errors.New("--all-checkpoints needs --check")
	case o.rebuild:
		return o.runRebuild(ctx, t, stdout, stderr)
	}
	if o.from = max(o.from, 1); o.to > 0 && o.to < o.from {
		return fmt.Errorf("--to %d is before --from %d", o.to, o.from)
	}
	work, err := o.work() // before anything is opened: it may be asked for wrongly
	if err != nil {
		return err
	}
	return o.read(ctx, t, work, stdout, stderr)
}

// A reading is what is done with the log between o.from and o.to. It returns how many events (or rows)
// it printed.
type reading func(ctx context.Context, src *source, w io.Writer, p *progress, r *replayed) (uint64, error)

// work is the reading that the options ask for.
func (o *replayOptions) work() (reading, error) {
	switch {
	case o.check:
		return o.checkAll, nil
	case len(o.tables) > 0:
		return o.newTables()
	case o.explain:
		return o.newExplain()
	}
	print, err := newPrinter(o)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, src *source, w io.Writer, p *progress, _ *replayed) (uint64, error) {
		return print.log(ctx, src, w, p)
	}, nil
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

	Rows     *uint64        `json:"rowsPrinted,omitempty"` // with --tables
	Compared []comparedRows `json:"compared,omitempty"`    // with --check: the rows that were made of the log
	Output   string         `json:"output,omitempty"`
	SHA256   string         `json:"sha256,omitempty"` // of it
}

// read opens the log, and does the work on the part that is asked for.
func (o *replayOptions) read(ctx context.Context, t *target, work reading, stdout, stderr io.Writer) (err error) {
	src, err := openSource(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	if !src.clean {
		fmt.Fprintln(stderr, "dashd: the node was not stopped in order; the newest events may be in its raft log only, and are shown once it has run again")
	}
	if err := o.resolve(ctx, src); err != nil {
		return err
	}
	out, err := o.openOutput(stdout)
	if err != nil {
		return err
	}
	defer out.abandon()
	r := replayed{From: o.from, To: o.to, Head: src.head, Stopped: src.stopped, Clean: src.clean}
	p := o.newProgress(stderr, o.reads(), o.to)
	start := time.Now()
	n, err := work(ctx, src, out, p, &r)
	p.finish()
	if r.Events = n; len(o.tables) > 0 {
		r.Rows, r.Events = &n, o.to
	}
	r.Seconds = max(time.Since(start).Seconds(), 1e-9)
	r.PerSec = float64(o.to+1-min(o.reads(), o.to+1)) / r.Seconds
	if err == nil {
		err = out.finish()
	}
	if err == nil && o.output != "" {
		err = o.writeManifest(ctx, src, out, &r)
	}
	if o.check && (err == nil || len(r.Compared) > 0) {
		r.Checked = err == nil
		return errors.Join(err, r.print(stdout, o.asJSON))
	}
	if err != nil || o.quiet {
		return err
	}
	return r.print(stderr, o.asJSON)
}

// resolve finds the last seq that is asked for.
func (o *replayOptions) resolve(ctx context.Context, src *source) error {
	if o.asOf != "" {
		seq, err := src.momentOf(ctx, o.asOf)
		if err != nil {
			return err
		}
		if o.to = seq; seq == 0 {
			o.from = 1
		}
		return nil
	}
	if o.to == 0 || o.to > src.head {
		o.to = src.head
	}
	return nil
}

// reads is the first seq that has to be read for what is asked for.
func (o *replayOptions) reads() uint64 {
	if len(o.tables) > 0 || o.explain {
		return 1 // rows are what all events have made of them
	}
	return o.from
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
	took := time.Duration(r.Seconds * float64(time.Second)).Round(time.Millisecond)
	var err error
	switch {
	case r.Checked:
		_, err = fmt.Fprintf(w, "checked, all right: %d events of seq %d to %d in %s (%.0f events/s)\n", r.Events, r.From, r.To, took, r.PerSec)
	case len(r.Compared) > 0:
		_, err = fmt.Fprintf(w, "checked %d events of seq %d to %d in %s (%.0f events/s)\n", r.Events, r.From, r.To, took, r.PerSec)
	case r.Rows != nil:
		_, err = fmt.Fprintf(w, "printed %d rows as of seq %d in %s (%.0f events/s)\n", *r.Rows, r.To, took, r.PerSec)
	default:
		_, err = fmt.Fprintf(w, "printed %d events of seq %d to %d in %s (%.0f events/s)\n", r.Events, r.From, r.To, took, r.PerSec)
	}
	for i := range r.Compared {
		if err == nil {
			err = r.Compared[i].print(w)
		}
	}
	if err == nil && r.Output != "" {
		_, err = fmt.Fprintf(w, "written to %s, SHA-256 %s\n", r.Output, r.SHA256)
	}
	return err
}
