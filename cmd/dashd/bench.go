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
  dashd bench --preload 1000000 --scenario latest20,restart,replay
  dashd bench --people 1000000 --scenario users,users-search,user,memory,stop,start,fold
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
	f.IntVar(&o.users, "users", 50_000, "users that the events are about")
	f.Uint64Var(&o.seed, "seed", 1, "of the events")
	f.StringVar(&o.dir, "bench-dir", ".", "`directory` below which the throw-away node keeps its data; its disk is measured")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.list, "list", false, "list the scenarios")
	return c
}

func runBench(ctx context.Context, t *target, o benchOptions, stdout, stderr io.Writer) (err error) {
	if o.list {
		rows := [][]string{{"SCENARIO", "CLIENTS", "WHAT"}}
		for _, sc := range allScenarios(true) {
			rows = append(rows, []string{sc.Name, fmt.Sprint(sc.Clients), sc.About})
		}
		return printTable(stdout, rows)
	}
	scenarios, err := chosen(o.scenarios, t.server == "")
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
		n, err := startThrowaway(ctx, o.dir, stderr)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, n.remove()) }()
		options.URL, options.Key = n.url, n.key
		options.Usage = func() (bench.Usage, bool) { return bench.UsageOf(n.cmd.Process.Pid) }
		for i := range scenarios {
			switch scenarios[i].Name {
			case restartScenario:
				scenarios[i].Local = n.measureRestart
			case replayScenario:
				scenarios[i].Local = n.measureReplay
			case memoryScenario:
				scenarios[i].Local = n.measureMemory
			case stopScenario:
				scenarios[i].Local = n.measureStop
			case startScenario:
				scenarios[i].Local = n.measureStart
			case foldScenario:
				scenarios[i].Local = n.measureFold
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
	if o.asJSON {
		return errors.Join(err, printJSON(stdout, map[string]any{
			"version": version, "go": runtime.Version(), "processors": runtime.NumCPU(), "results": results,
		}))
	}
	return err
}

// What is measured on the throw-away node only, beside the scenarios of load.
const (
	restartScenario = "restart"
	replayScenario  = "replay"
	memoryScenario  = "memory"
	stopScenario    = "stop"
	startScenario   = "start"
	foldScenario    = "fold"
)

// allScenarios lists what can be measured; own says that the node is this command's.
func allScenarios(own bool) []bench.Scenario {
	all := bench.Scenarios()
	if own {
		all = append(all,
			bench.Scenario{Name: replayScenario, About: "dashd replay --format ndjson over the admin socket"},
			bench.Scenario{Name: restartScenario, About: "from the start of a node that was killed to its first ready answer"},
			bench.Scenario{Name: memoryScenario, About: "how much memory the node has after what was measured before"},
			bench.Scenario{Name: stopScenario, About: "a stop in good order, with a checkpoint of the dashboard's tables"},
			bench.Scenario{Name: startScenario, About: "from the start of a node to the dashboard's tables, from their checkpoint"},
			bench.Scenario{Name: foldScenario, About: "all tables of the dashboard folded from the first event, on one processor"})
	}
	return all
}

func chosen(names []string, own bool) ([]bench.Scenario, error) {
	all := allScenarios(own)
	if len(names) == 0 {
		return all, nil
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(s bench.Scenario) bool { return s.Name == n }) {
			return nil, fmt.Errorf("no scenario %q here; see dashd bench --list", n)
		}
	}
	return slices.DeleteFunc(all, func(s bench.Scenario) bool { return !slices.Contains(names, s.Name) }), nil
}

func printResult(w io.Writer, r bench.Result, heading bool) {
	if heading {
		fmt.Fprintf(w, "%-14s %7s %12s %9s %9s %9s %9s %9s %10s %8s\n",
			"SCENARIO", "CLIENTS", "PER SECOND", "P50", "P95", "P99", "MAX", "CPU", "WRITTEN", "PEAK RSS")
	}
	fmt.Fprintf(w, "%-14s %7d %12.0f %9s %9s %9s %9s %9s %10s %8s\n", r.Scenario, r.Clients, r.PerSec,
		short(r.P50), short(r.P95), short(r.P99), short(r.Max), short(r.CPUPer), known(r.WrotePer, "%.0f B"), mebibytes(r.PeakRSS))
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
