package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dashd/internal/bench"
)

type benchOptions struct {
	scenarios        []string
	duration, warmup time.Duration
	clients, users   int
	preload, people  int
	history          int
	seed             uint64
	dir, keep        string
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
machine and on the same processors.

With --history the node holds half a year of so many events, about a tenth as many
users, as if it had taken them in as they happened; then all figures over time are
measured, with one client and with four. A scenario is measured by its name, or with
those whose names begin with it: --scenario asof,graph/weekly.`,
		Example: `  dashd bench
  dashd bench --scenario batch1000 --duration 30s --json
  dashd bench --preload 1000000 --scenario latest20,restart,replay
  dashd bench --people 1000000 --scenario users,users-search,user,memory,stop,start,fold
  dashd bench --history 10000000 --duration 2s
  DASHD_KEY=… dashd bench --server http://dashd.internal:8787 --scenario latest20`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runBench(c.Context(), &t, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&t.server, "server", "", "`URL` of the node to measure")
	f.StringVar(&t.key, "key", "", "API `key` for --server (better: "+keyVariable+")")
	f.StringSliceVar(&o.scenarios, "scenario", nil, "only these `scenarios` (see --list)")
	f.DurationVar(&o.duration, "duration", 5*time.Second, "of each scenario")
	f.DurationVar(&o.warmup, "warmup", time.Second, "before each scenario")
	f.IntVar(&o.clients, "clients", 0, "clients (0: as the scenario says)")
	f.IntVar(&o.preload, "preload", 0, "`events` to store first, so that reads meet a log of that size")
	f.IntVar(&o.people, "people", 0, "`users` to store first, each with two sessions; the events that follow are about them")
	f.IntVar(&o.history, "history", 0, "`events` of half a year to store first, about a tenth as many users")
	f.StringVar(&o.keep, "keep", "", "keep the data of --history in `directory`; another run takes it up there")
	f.IntVar(&o.users, "users", 50_000, "users that the events are about")
	f.Uint64Var(&o.seed, "seed", 1, "of the events")
	f.StringVar(&o.dir, "bench-dir", ".", "`directory` below which the throw-away node keeps its data; its disk is measured")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.list, "list", false, "list the scenarios")
	return c
}

func runBench(ctx context.Context, t *target, o benchOptions, stdout, stderr io.Writer) (err error) {
	if o.list {
		return listScenarios(stdout)
	}
	if err := o.check(t.server); err != nil {
		return err
	}
	scenarios, err := chosen(o.scenarios, t.server == "", o.history > 0)
	if err != nil {
		return err
	}
	options := bench.Options{
		URL: strings.TrimSuffix(t.server, "/"), Key: t.key, Scenarios: scenarios, Preload: o.preload, People: o.people,
		Duration: o.duration, Warmup: o.warmup, Clients: o.clients, Seed: o.seed, Users: o.users,
	}
	if options.Key == "" {
		options.Key = os.Getenv(keyVariable)
	}
	if t.server == "" {
		n, err := startThrowaway(ctx, o, stderr)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, n.remove()) }()
		options.URL, options.Key, options.History = n.url, n.key, n.history
		options.Usage = func() (bench.Usage, bool) { return bench.UsageOf(n.cmd.Process.Pid) }
		for i := range scenarios {
			if measure := n.measures()[scenarios[i].Name]; measure != nil {
				scenarios[i].Local = measure
			}
		}
	} else if options.Key == "" {
		return errors.New("--server needs a key: set " + keyVariable)
	}
	first := o.preload
	if o.people > 0 {
		first += bench.CrowdEvents(o.people)
	}
	loaded := newProgress(stderr, 1, uint64(first), o.asJSON)
	options.Progress = func(n int) {
		if loaded.at(uint64(n)); n >= first {
			loaded.finish()
		}
	}
	var results []bench.Result
	options.Report = func(r bench.Result) {
		results = append(results, r)
		if !o.asJSON {
			printResult(stdout, r, len(results) == 1)
		}
	}
	err = bench.Run(ctx, options)
	if failed := failures(results); failed > 0 && ctx.Err() == nil { // each was reported
		err = fmt.Errorf("%d of %d measurements failed", failed, len(results))
	}
	if o.asJSON {
		return errors.Join(err, printJSON(stdout, map[string]any{
			"version": version, "go": runtime.Version(), "processors": runtime.NumCPU(), "results": results,
		}))
	}
	return err
}

func failures(results []bench.Result) (n int) {
	for _, r := range results {
		if failed(r) {
			n++
		}
	}
	return n
}

// failed says that there is no figure, but an error.
func failed(r bench.Result) bool { return r.Requests == 0 && r.FirstErr != "" }

// check refuses what does not go together.
func (o *benchOptions) check(server string) error {
	switch {
	case o.history > 0 && server != "":
		return errors.New("--history needs a node of its own, not --server")
	case o.history > 0 && o.people > 0:
		return errors.New("--history and --people do not go together")
	case o.history == 0 && o.keep != "":
		return errors.New("--keep is for --history")
	}
	return nil
}

func listScenarios(w io.Writer) error {
	rows := [][]string{{"SCENARIO", "CLIENTS", "WHAT"}}
	for _, sc := range append(allScenarios(true), bench.HistoryScenarios()...) {
		rows = append(rows, []string{sc.Name, fmt.Sprint(sc.Clients), sc.About})
	}
	return printTable(w, rows)
}

// What is measured on the throw-away node only, beside the scenarios of load.
var ownScenarios = []bench.Scenario{
	{Name: "replay", About: "dashd replay --format ndjson --data-dir: the node is stopped for it"},
	{Name: "replay-text", About: "the same with --format text"},
	{Name: "rebuild", About: "dashd replay --rebuild: the log folded anew beside the image that serves"},
	{Name: "rebuild-stopped", About: "the same of the stopped node, by the command"},
	{Name: "restart", About: "from the start of a node that was killed to its first ready answer"},
	{Name: "memory", About: "how much memory the node has after what was measured before"},
	{Name: "stop", About: "a stop in good order, with a checkpoint of the dashboard's tables"},
	{Name: "start", About: "from the start of a node to the dashboard's tables, from their checkpoint"},
	{Name: "fold", About: "all tables of the dashboard folded from the first event, on one processor"},
	{Name: "tables", About: "how much memory each of the tables takes"},
}

// measures are how the scenarios are measured that are not load.
func (n *throwaway) measures() map[string]func(context.Context) (bench.Result, error) {
	return map[string]func(context.Context) (bench.Result, error){
		"replay":          n.whileStopped(func(ctx context.Context) (bench.Result, error) { return n.measureReplay(ctx, "ndjson") }),
		"replay-text":     n.whileStopped(func(ctx context.Context) (bench.Result, error) { return n.measureReplay(ctx, "text") }),
		"rebuild":         n.measureRebuild,
		"rebuild-stopped": n.whileStopped(n.measureRebuildStopped),
		"restart":         n.measureRestart,
		"memory":          n.measureMemory,
		"stop":            n.measureStop,
		"start":           n.measureStart,
		"fold":            n.whileStopped(n.measureFold),
		"tables":          n.whileStopped(n.measureTables),
	}
}

// allScenarios lists what can be measured; own says that the node is this command's.
func allScenarios(own bool) []bench.Scenario {
	all := bench.Scenarios()
	if own {
		all = append(all, ownScenarios...)
	}
	return all
}

// usual are the scenarios that nobody has to ask for.
func usual(own, history bool) []bench.Scenario {
	if history {
		return append(bench.HistoryScenarios(), ownScenarios...)
	}
	return slices.DeleteFunc(allScenarios(own), func(s bench.Scenario) bool {
		return slices.Contains([]string{"replay-text", "rebuild", "rebuild-stopped", "tables"}, s.Name)
	})
}

// chosen are the scenarios with the given names, and those whose names begin with one and a slash.
func chosen(names []string, own, history bool) ([]bench.Scenario, error) {
	if len(names) == 0 {
		return usual(own, history), nil
	}
	all := allScenarios(own)
	if history {
		all = append(bench.HistoryScenarios(), all...)
	}
	named := func(s bench.Scenario, name string) bool {
		return s.Name == name || strings.HasPrefix(s.Name, name+"/")
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s bench.Scenario) bool { return named(s, name) }) {
			return nil, fmt.Errorf("no scenario %q here; see dashd bench --list", name)
		}
	}
	return slices.DeleteFunc(all, func(s bench.Scenario) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return named(s, name) })
	}), nil
}

func printResult(w io.Writer, r bench.Result, heading bool) {
	if heading {
		fmt.Fprintf(w, "%-28s %7s %12s %9s %9s %9s %9s %9s %10s %8s\n",
			"SCENARIO", "CLIENTS", "PER SECOND", "P50", "P95", "P99", "MAX", "CPU", "WRITTEN", "PEAK RSS")
	}
	if failed(r) {
		fmt.Fprintf(w, "%-28s %7d FAILED: %s\n", r.Scenario, r.Clients, printable(r.FirstErr))
		return
	}
	fmt.Fprintf(w, "%-28s %7d %12.0f %9s %9s %9s %9s %9s %10s %8s\n", r.Scenario, r.Clients, r.PerSec,
		short(r.P50), short(r.P95), short(r.P99), short(r.Max), short(r.CPUPer), known(r.WrotePer, "%.0f B"), mebibytes(r.PeakRSS))
	if r.Goal > 0 && r.P95 > r.Goal {
		fmt.Fprintf(w, "  MISSED: the goal of p95 is %s\n", r.Goal)
	}
	if r.Note != "" {
		fmt.Fprintf(w, "  %s\n", r.Note)
	}
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

func mebibytes(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

func known(v float64, format string) string {
	if v < 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
