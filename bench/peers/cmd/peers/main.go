// Command peers measures the systems that are shown beside dashd: it starts the servers of one, sends them
// what dashd's own scenarios send, and prints what "dashd bench" would.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"dashd/bench/peers/etcd"
	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/nats"
	"dashd/bench/peers/postgres"
	"dashd/bench/peers/sqlite"
	"dashd/internal/bench"
)

// peers are all there are.
func peers() []peer.Peer {
	return []peer.Peer{postgres.New(), postgres.NewBare(), postgres.NewQuorum(), etcd.New(), nats.New(), sqlite.New()}
}

const usageText = `usage: peers list
       peers run --peer NAME [--scenario A,B] [--duration 5s] [--warmup 1s] [--rate N] [--clients N] [--preload N] [--dir DIR] [--json]
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 1 && args[0] == "list" {
		return list(stdout)
	}
	if len(args) == 0 || args[0] != "run" {
		fmt.Fprint(stderr, usageText)
		return errors.New("say what to do")
	}
	o, err := parse(args[1:], stderr)
	if err != nil {
		return err
	}
	m := measurement{options: o, stderr: stderr}
	report, err := m.run(ctx)
	if err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	return print(stdout, report)
}

// options of a run.
type options struct {
	peer             peer.Peer
	scenarios        []peer.Scenario // with one called disk where the disk is looked at
	duration, warmup time.Duration
	rate             float64
	clients, preload int
	dir              string
	json             bool
}

// disk is the name of what every peer can tell.
const disk = "disk"

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("peers run", flag.ContinueOnError)
	f.SetOutput(stderr)
	name := f.String("peer", "", "the `name` of the peer")
	scenarios := f.String("scenario", "", "only these `scenarios`, in this order; disk: what the events take there")
	f.DurationVar(&o.duration, "duration", 5*time.Second, "of each scenario")
	f.DurationVar(&o.warmup, "warmup", time.Second, "before each scenario")
	f.Float64Var(&o.rate, "rate", 0, "`requests` a second that are due, in an open loop; 0: a closed one")
	f.IntVar(&o.clients, "clients", 0, "0: as the scenario says")
	f.IntVar(&o.preload, "preload", 0, "`events` to store first")
	f.StringVar(&o.dir, "dir", ".", "`directory` below which the servers keep their data; its disk is measured")
	f.BoolVar(&o.json, "json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	all := peers()
	i := slices.IndexFunc(all, func(p peer.Peer) bool { return p.Name() == *name })
	if i < 0 || f.NArg() > 0 {
		return o, fmt.Errorf("no peer %q: see peers list", strings.Join(append(f.Args(), *name), " "))
	}
	o.peer = all[i]
	o.scenarios, err = chosen(o.peer, *scenarios)
	return o, err
}

// chosen are the scenarios with these names; all, if there are none.
func chosen(p peer.Peer, names string) (list []peer.Scenario, err error) {
	all := append(p.Scenarios(), peer.Scenario{Work: peer.Work{Name: disk, About: "what the events take on the disk", Clients: 1}})
	if names == "" {
		return all, nil
	}
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(all, func(s peer.Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s has no scenario %q: see peers list", p.Name(), name)
		}
		list = append(list, all[i])
	}
	return list, nil
}

func list(w io.Writer) error {
	for _, p := range peers() {
		scenarios, err := chosen(p, "")
		if err != nil {
			return err
		}
		for _, s := range scenarios {
			if _, err := fmt.Fprintf(w, "%-16s %-16s %3d clients  %s\n", p.Name(), s.Name, s.Clients, s.About); err != nil {
				return err
			}
		}
	}
	return nil
}

func print(w io.Writer, r peer.Report) error {
	fmt.Fprintf(w, "%s, client %s\n  %s\n", r.Facts.Version, r.Facts.Client, strings.Join(r.Facts.Settings, "\n  "))
	for _, s := range r.Results {
		if s.FirstErr != "" {
			fmt.Fprintf(w, "  %d of %d requests failed: %s\n", s.Errors, s.Errors+s.Requests, s.FirstErr)
		}
		fmt.Fprintf(w, "%-16s %3d clients %10.0f/s  p50 %s  p95 %s  p99 %s  max %s  CPU %s  written %.0f B%s\n", s.Scenario, s.Clients, s.PerSec,
			s.P50, s.P95, s.P99, s.Max, s.CPUPer, s.WrotePer, noise(s))
	}
	if d := r.Disk; d != nil {
		fmt.Fprintf(w, "%d events take %d bytes (%.0f each), the log %d beside them; %s\n", d.Events, d.Bytes, float64(d.Bytes)/float64(max(d.Events, 1)), d.Log, d.Note)
	}
	return nil
}

func noise(r bench.Result) string {
	if why := r.NotValid(); why != "" {
		return "  NOT VALID: " + why
	}
	return ""
}
