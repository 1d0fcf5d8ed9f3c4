// Command compare measures dashd and its peers and writes down how they compare: bench/run calls it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"dashd/bench/peers/internal/compare"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

type options struct {
	compare.Options
	root, heats, table string
	quick              bool
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench/run", flag.ContinueOnError)
	f.StringVar(&o.root, "root", "../..", "the `directory` of dashd's sources")
	f.StringVar(&o.Dir, "dir", os.TempDir(), "`directory` below which all data are kept while they are measured")
	f.IntVar(&o.Rounds, "rounds", 3, "how often everything is measured")
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "of each scenario")
	f.DurationVar(&o.Warmup, "warmup", 2*time.Second, "before each scenario")
	f.IntVar(&o.Events, "events", 1_000_000, "`events` in the log when reads are measured")
	f.StringVar(&o.heats, "heat", "", "only these `heats`: batches, single, batches of three, single of three, reads")
	f.StringVar(&o.table, "table", "", "only write the table of this `record` of bench/results")
	f.BoolVar(&o.quick, "quick", false, "one round of a second each, 20,000 events: shows that everything works, and writes nothing into the table")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.quick {
		o.Rounds, o.Duration, o.Warmup, o.Events = 1, time.Second, 200*time.Millisecond, 20_000
	}
	o.Heats = compare.Heats()
	if names := strings.Split(o.heats, ","); o.heats != "" {
		o.Heats = slices.DeleteFunc(o.Heats, func(h compare.Heat) bool { return !slices.Contains(names, h.Name) })
	}
	if f.NArg() > 0 || o.Rounds < 1 || len(o.Heats) == 0 {
		return o, errors.New("nothing to measure: see --help")
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.table != "" {
		return rewrite(&o)
	}
	work, err := os.MkdirTemp(o.Dir, "dashd-compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o711); err != nil { // servers that run as another user pass through it
		return err
	}
	o.Dashd, o.Peers, o.Dir, o.Progress = filepath.Join(work, "dashd"), filepath.Join(work, "peers"), work, os.Stdout
	fmt.Println("building dashd and the peers")
	for _, b := range [][]string{{o.root, o.Dashd, "./cmd/dashd"}, {filepath.Join(o.root, "bench/peers"), o.Peers, "./cmd/peers"}} {
		if err := build(ctx, b[0], b[1], b[2]); err != nil {
			return err
		}
	}
	r := compare.Record{Quick: o.quick}
	r.Commit, r.Modified = commit(ctx, o.root)
	if err := compare.Run(ctx, o.Options, &r); err != nil {
		return err
	}
	return write(&o, &r)
}

func build(ctx context.Context, dir, program, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", program, pkg)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, text)
	}
	return nil
}

// commit is what the sources are; "unknown" outside a repository.
func commit(ctx context.Context, root string) (id string, changed bool) {
	text, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown", false
	}
	changes, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain", "--", "*.go", "go.mod").Output()
	return strings.TrimSpace(string(text)), err != nil || len(bytes.TrimSpace(changes)) > 0
}

// write keeps the record and puts its table into the document. A quick run is kept too, and stays out of the document.
func write(o *options, r *compare.Record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	name := r.Begun.UTC().Format("2006-01-02T1504") + ".json"
	if o.quick {
		name = "quick.json"
	}
	file := filepath.Join(o.root, "bench/results", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Println("wrote", file)
	limits, err := limits(o.root)
	if err != nil {
		return err
	}
	table := compare.Table(r, limits, "results/"+name)
	fmt.Print("\n", table)
	if o.quick {
		return failures(r)
	}
	return errors.Join(replace(o.root, table), failures(r))
}

// failures is an error if not everything was measured.
func failures(r *compare.Record) error {
	n := 0
	for _, run := range r.Runs {
		if run.Failed != "" {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of %d runs failed", n, len(r.Runs))
	}
	return nil
}

func limits(root string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(root, "bench/limits.txt"))
	if err != nil {
		return nil, err
	}
	limits, err := compare.ParseLimits(string(text))
	if err != nil {
		return nil, fmt.Errorf("bench/limits.txt: %w", err)
	}
	return limits, nil
}

// replace puts a table into bench/README.md.
func replace(root, table string) error {
	path := filepath.Join(root, "bench/README.md")
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := compare.Replace(string(document), "results", table)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// rewrite makes the table again from a record, after limits.txt or the rows have changed.
func rewrite(o *options) error {
	text, err := os.ReadFile(o.table)
	if err != nil {
		return err
	}
	var r compare.Record
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("%s: %w", o.table, err)
	}
	r.Compare()
	limits, err := limits(o.root)
	if err != nil {
		return err
	}
	return replace(o.root, compare.Table(&r, limits, "results/"+filepath.Base(o.table)))
}
