package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	nodes            int
	to               string
	rate             float64
	dir, keep        string
	asJSON, list     bool
	plot, noisy      bool
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
those whose names begin with it: --scenario asof,graph/weekly.

With --nodes 3 it starts a cluster on this machine; what the nodes use is added up.

Without --rate each client sends the next request when it has the answer to the one
before (a closed loop): that finds the highest rate, and a node that stalls is asked
less, so its latencies look better than users would find them. With --rate requests are due
by the clock (an open loop), and latency counts from when a request was due.

A node acknowledges events when they are durable; index and tables follow. What was stored is caught up with
before the next scenario begins, by all nodes, so that a read is not measured while they do, and bench says how long that
took after each scenario. Events stored first have a row of their own, preload: its rate is that of
all from the first request until the tables have caught up. With --server this needs a key with the scope admin:
without it nothing is waited for, and bench says so.

CPU and bytes written are those of the nodes, per event of a write and per request of a read.
FLUSHES are those of the disk's cache, by whomever: what fsyncs cost, as far as the
kernel counts it without tracing.

A measurement is NOT VALID if others took more than 5 % of the processors' time from its warm-up to
its end, stolen time included, and if the machine was busy when bench began: 5 % of the processors, or
10 % of the time waiting for disks. bench then ends with exit code 3, unless --noisy is given.`,
		Example: `  dashd bench
  dashd bench --scenario batch1000 --duration 30s --json
  dashd bench --preload 1000000 --scenario latest20,restart,replay
  dashd bench --nodes 3 --scenario single,batch1000,catchup
  dashd bench --nodes 3 --to leader --scenario batch1000
  dashd bench --scenario single --rate 5000 --duration 30s --plot
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
	f.Float64Var(&o.rate, "rate", 0, "`requests` a second that are due, in an open loop (0: a closed loop)")
	f.IntVar(&o.nodes, "nodes", 1, "`nodes` of the throw-away cluster")
	f.StringVar(&o.to, "to", "any", "with --nodes: send to `any` node, in turn, or to the leader")
	f.IntVar(&o.preload, "preload", 0, "`events` to store first, so that reads meet a log of that size")
	f.IntVar(&o.people, "people", 0, "`users` to store first, each with two sessions; the events that follow are about them")
	f.IntVar(&o.history, "history", 0, "`events` of half a year to store first, about a tenth as many users")
	f.StringVar(&o.keep, "keep", "", "keep the data of --history in `directory`; another run takes it up there")
	f.IntVar(&o.users, "users", 50_000, "users that the events are about")
	f.Uint64Var(&o.seed, "seed", 1, "of the events")
	f.StringVar(&o.dir, "bench-dir", ".", "`directory` below which the throw-away node keeps its data; its disk is measured")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.plot, "plot", false, "draw latencies by percentile, and the rate over time")
	f.BoolVar(&o.noisy, "noisy", false, "end well though the machine was not quiet")
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
	scenarios, err := chosen(o, t.server == "")
	if err != nil {
		return err
	}
	options := bench.Options{
		URLs: []string{strings.TrimSuffix(t.server, "/")}, Key: t.key, Scenarios: scenarios, Preload: o.preload, People: o.people,
		Duration: o.duration, Warmup: o.warmup, Clients: o.clients, Rate: o.rate, Seed: o.seed, Users: o.users,
	}
	if options.Key == "" {
		options.Key = os.Getenv(keyVariable)
	}
	report := &benchReport{options: o, stdout: stdout}
	if t.server == "" {
		report.begin(ctx)
		n, err := startThrowaway(ctx, o, stderr)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, n.remove()) }()
		if err := n.measuredBy(ctx, &options, o.to); err != nil {
			return err
		}
		report.node = n
	} else if options.Key == "" {
		return errors.New("--server needs a key: set " + keyVariable)
	}
	options.Progress = loading(o, stderr)
	options.Following = following(o, stderr)
	options.Unsettled = report.unsettled
	options.Report = report.add
	return report.end(ctx, bench.Run(ctx, options))
}

// measuredBy makes the node, or its cluster, what is measured.
func (n *throwaway) measuredBy(ctx context.Context, options *bench.Options, to string) error {
	urls, err := n.urls(ctx, to)
	if err != nil {
		return err
	}
	options.URLs, options.Key, options.History, options.Disk = urls, n.key, n.history, n.dir
	for _, m := range n.all() {
		options.Nodes = append(options.Nodes, m.url)
	}
	options.Usage = func() (bench.Usage, bool) { return bench.UsageOf(n.pids()...) }
	for i := range options.Scenarios {
		if measure := n.measures()[options.Scenarios[i].Name]; measure != nil {
			options.Scenarios[i].Local = measure
		}
	}
	return nil
}

// loading shows how far the node is filled.
func loading(o benchOptions, stderr io.Writer) func(events int) {
	first := o.preload
	if o.people > 0 {
		first += bench.CrowdEvents(o.people)
	}
	loaded := newProgress(stderr, 1, uint64(first), o.asJSON)
	return func(n int) {
		if loaded.at(uint64(n)); n >= first {
			loaded.finish()
		}
	}
}

// following shows how far the nodes have followed their log, where they have to.
func following(o benchOptions, stderr io.Writer) func(behind uint64) {
	var p *progress // nil: they are not waited for
	var first uint64
	return func(behind uint64) {
		if p == nil {
			p, first = newProgress(stderr, 1, behind, o.asJSON), behind
			p.does("index and tables")
		}
		if p.at(first - behind); behind == 0 {
			p.finish()
			p = nil
		}
	}
}

// check refuses what does not go together.
func (o *benchOptions) check(server string) error {
	switch {
	case o.history > 0 && server != "":
		return errors.New("--history needs a node of its own, not --server")
	case o.history > 0 && o.people > 0:
		return errors.New("--history and --people do not go together")
	case o.nodes < 1 || o.nodes > 7:
		return errors.New("--nodes: 1 to 7")
	case o.nodes > 1 && (o.history > 0 || server != ""):
		return errors.New("--nodes does not go together with --history and --server")
	case o.to != "any" && o.to != "leader":
		return errors.New("--to: any or leader")
	case !(o.rate >= 0 && o.rate <= 1e6):
		return errors.New("--rate: at most a million requests a second")
	case o.history == 0 && o.keep != "":
		return errors.New("--keep is for --history")
	}
	return nil
}

func listScenarios(w io.Writer) error {
	rows := [][]string{{"SCENARIO", "CLIENTS", "WHAT"}}
	for _, sc := range slices.Concat(allScenarios(1), clusterScenarios, bench.HistoryScenarios()) {
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

// What is measured on a throw-away cluster only.
var clusterScenarios = []bench.Scenario{
	{Name: "catchup", About: "with --nodes: an empty node joins, from its start until its log reaches what the others had then"},
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
		"catchup":         n.measureCatchUp,
	}
}

// allScenarios lists what can be measured on so many nodes that are this command's; 0: on one elsewhere.
func allScenarios(nodes int) []bench.Scenario {
	switch nodes {
	case 0:
		return bench.Scenarios()
	case 1:
		return append(bench.Scenarios(), ownScenarios...)
	}
	return append(bench.Scenarios(), clusterScenarios...)
}

// usual are the scenarios that nobody has to ask for.
func usual(nodes int, history bool) []bench.Scenario {
	if history {
		return append(bench.HistoryScenarios(), ownScenarios...)
	}
	return slices.DeleteFunc(allScenarios(nodes), func(s bench.Scenario) bool {
		return slices.Contains([]string{"asof-seq", "replay-text", "rebuild", "rebuild-stopped", "tables"}, s.Name)
	})
}

// chosen are the scenarios with the names that were given, and those whose names begin with one and a slash.
func chosen(o benchOptions, own bool) ([]bench.Scenario, error) {
	nodes, names := o.nodes, o.scenarios
	if !own {
		nodes = 0
	}
	if len(names) == 0 {
		return usual(nodes, o.history > 0), nil
	}
	all := allScenarios(nodes)
	if o.history > 0 {
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
