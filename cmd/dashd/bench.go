package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dashd/internal/bench"
)

type benchOptions struct {
	scenarios        []string
	duration, warmup time.Duration
	clients, users   int
	seed             uint64
	dir              string
	asJSON, list     bool
}

func newBench() *cobra.Command {
	var t target
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure a node on this machine, or one elsewhere",
		Long: `bench sends load to a node and reports rates and latencies. Without --server it
starts a throw-away node of its own, in a new directory below --bench-dir, on this
machine and on the same processors.`,
		Example: `  dashd bench
  dashd bench --scenario batch1000 --duration 30s --json
  DASHD_KEY=… dashd bench --server http://dashd.internal:8787 --scenario latest20`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runBench(c.Context(), &t, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&t.server, "server", "", "`URL` of the node to measure")
	f.StringVar(&t.key, "key", os.Getenv("DASHD_KEY"), "API `key` for --server (better: DASHD_KEY)")
	f.StringSliceVar(&o.scenarios, "scenario", nil, "only these `scenarios` (see --list)")
	f.DurationVar(&o.duration, "duration", 5*time.Second, "of each scenario")
	f.DurationVar(&o.warmup, "warmup", time.Second, "before each scenario")
	f.IntVar(&o.clients, "clients", 0, "clients (0: as the scenario says)")
	f.IntVar(&o.users, "users", 50_000, "users that the events are about")
	f.Uint64Var(&o.seed, "seed", 1, "of the events")
	f.StringVar(&o.dir, "bench-dir", ".", "`directory` below which the throw-away node keeps its data; its disk is measured")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.list, "list", false, "list the scenarios")
	return c
}

func runBench(ctx context.Context, t *target, o benchOptions, stdout, stderr io.Writer) error {
	if o.list {
		rows := [][]string{{"SCENARIO", "CLIENTS", "WHAT"}}
		for _, sc := range bench.Scenarios() {
			rows = append(rows, []string{sc.Name, fmt.Sprint(sc.Clients), sc.About})
		}
		return printTable(stdout, rows)
	}
	scenarios, err := chosen(o.scenarios)
	if err != nil {
		return err
	}
	options := bench.Options{
		URL: strings.TrimSuffix(t.server, "/"), Key: t.key, Scenarios: scenarios,
		Duration: o.duration, Warmup: o.warmup, Clients: o.clients, Seed: o.seed, Users: o.users,
	}
	if t.server == "" {
		n, err := startThrowaway(ctx, o.dir, stderr)
		if err != nil {
			return err
		}
		defer n.stop()
		options.URL, options.Key = n.url, n.key
		options.Usage = func() (bench.Usage, bool) { return bench.UsageOf(n.cmd.Process.Pid) }
	}
	var results []bench.Result
	options.Report = func(r bench.Result) {
		results = append(results, r)
		if !o.asJSON {
			printResult(stdout, r, len(results) == 1)
		}
	}
	err = bench.Run(ctx, options)
	if o.asJSON {
		return errors.Join(err, printJSON(stdout, map[string]any{
			"version": version, "go": runtime.Version(), "processors": runtime.NumCPU(), "results": results,
		}))
	}
	return err
}

func chosen(names []string) ([]bench.Scenario, error) {
	all := bench.Scenarios()
	if len(names) == 0 {
		return all, nil
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(s bench.Scenario) bool { return s.Name == n }) {
			return nil, fmt.Errorf("no scenario %q; see dashd bench --list", n)
		}
	}
	return slices.DeleteFunc(all, func(s bench.Scenario) bool { return !slices.Contains(names, s.Name) }), nil
}

func printResult(w io.Writer, r bench.Result, heading bool) {
	if heading {
		fmt.Fprintf(w, "%-14s %7s %12s %9s %9s %9s %9s %10s %8s\n",
			"SCENARIO", "CLIENTS", "PER SECOND", "P50", "P99", "MAX", "CPU", "WRITTEN", "PEAK RSS")
	}
	fmt.Fprintf(w, "%-14s %7d %12.0f %9s %9s %9s %9s %10s %8s\n", r.Scenario, r.Clients, r.PerSec,
		short(r.P50), short(r.P99), short(r.Max), short(r.CPUPer), known(r.WrotePer, "%.0f B"), known(float64(r.PeakRSS)/(1<<20), "%.0f MiB"))
	if r.Errors > 0 {
		fmt.Fprintf(w, "  %d of %d requests failed; one of them: %s\n", r.Errors, r.Requests+r.Errors, printable(r.FirstErr))
	}
}

func short(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < 10*time.Microsecond:
		return d.Round(10 * time.Nanosecond).String()
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

func known(v float64, format string) string {
	if v < 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// throwaway is a node that lives as long as a measurement.
type throwaway struct {
	cmd      *exec.Cmd
	dir      string
	url, key string
}

// startThrowaway starts this binary as a node on a free port.
func startThrowaway(ctx context.Context, below string, stderr io.Writer) (*throwaway, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(below, "dashd-bench-")
	if err != nil {
		return nil, err
	}
	n := &throwaway{dir: dir, key: "bench-key-of-a-throw-away-node"}
	n.cmd = exec.CommandContext(ctx, self, "serve", "--data-dir", filepath.Join(dir, "data"), "--http", "127.0.0.1:0", "--log-level", "warn")
	n.cmd.Env = append(os.Environ(), bootstrapVariable+"="+n.key)
	n.cmd.Stderr = stderr
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "dashd is ready at "); ok {
			n.url, _, _ = strings.Cut(rest, " ")
			go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
			return n, nil
		}
	}
	n.stop()
	return nil, errors.New("the throw-away node did not start")
}

func (n *throwaway) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	_ = n.cmd.Wait()
	_ = os.RemoveAll(n.dir)
}
