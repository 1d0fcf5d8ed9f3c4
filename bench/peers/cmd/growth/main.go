// Command growth measures dashd, and PostgreSQL beside it, on logs of several sizes: bench/growth calls it.
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"dashd/bench/peers/internal/compare"
	"dashd/bench/peers/internal/growth"
	"dashd/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

type options struct {
	root, dir        string
	duration, warmup time.Duration
	people           int
	sizes, peerSizes []int
	scenarios, peer  string
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench/growth", flag.ContinueOnError)
	f.StringVar(&o.root, "root", "../..", "the `directory` of dashd's sources")
	f.StringVar(&o.dir, "dir", os.TempDir(), "`directory` below which all data are kept while they are measured")
	f.DurationVar(&o.duration, "duration", 5*time.Second, "of each scenario")
	f.DurationVar(&o.warmup, "warmup", 2*time.Second, "before each scenario")
	f.IntVar(&o.people, "people", 100_000, "`users` of whom the log is")
	f.StringVar(&o.scenarios, "scenario", "single,batch1000,latest20-hot,latest20,latest20-all,count,users-newest,user,users-search,restart,replay-text",
		"`scenarios` of dashd bench")
	f.StringVar(&o.peer, "peer-scenario", "disk,single,copy1000,latest20-hot,latest20,count", "`scenarios` of the peer")
	sizes := f.String("sizes", "1,10,50", "millions of `events` in the log")
	peerSizes := f.String("peer-sizes", "1,10", "the same for PostgreSQL; \"\": it is not measured")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.sizes, err = millions(*sizes); err == nil {
		o.peerSizes, err = millions(*peerSizes)
	}
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("%q is not understood: see --help", f.Args())
	}
	return o, err
}

func millions(text string) (list []int, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		m, err := strconv.ParseFloat(part, 64)
		if err != nil || m <= 0 || m > 10_000 {
			return nil, fmt.Errorf("%q is no number of millions", part)
		}
		list = append(list, int(m*1e6))
	}
	return list, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.dir, "dashd-growth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o711); err != nil { // servers that run as another user pass through it
		return err
	}
	dashd, peers := filepath.Join(work, "dashd"), filepath.Join(work, "peers")
	for _, b := range [][]string{{o.root, dashd, "./cmd/dashd"}, {filepath.Join(o.root, "bench/peers"), peers, "./cmd/peers"}} {
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", b[1], b[2])
		cmd.Dir = b[0]
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", b[2], err, text)
		}
	}
	common := []string{"--json", "--duration", o.duration.String(), "--warmup", o.warmup.String()}
	ours, err := o.measure(ctx, "dashd", o.sizes, func(events int) *exec.Cmd {
		first := bench.CrowdEvents(o.people)
		return exec.CommandContext(ctx, dashd, append([]string{
			"bench", "--noisy", "--bench-dir", work, "--people", strconv.Itoa(o.people),
			"--preload", strconv.Itoa(max(0, events-first)), "--scenario", o.scenarios,
		}, common...)...)
	})
	if err != nil {
		return errors.Join(err, o.write(ours))
	}
	theirs, err := o.measure(ctx, "PostgreSQL", o.peerSizes, func(events int) *exec.Cmd {
		return exec.CommandContext(ctx, peers, append([]string{
			"run", "--peer", "postgres", "--dir", work,
			"--preload", strconv.Itoa(events), "--scenario", o.peer,
		}, common...)...)
	})
	return errors.Join(err, o.write(ours, theirs))
}

// measure runs the same scenarios on a new log of each size. After an error the record has the sizes before it.
func (o *options) measure(ctx context.Context, who string, sizes []int, command func(events int) *exec.Cmd) (*growth.Record, error) {
	r := &growth.Record{Begun: time.Now(), Who: who, Duration: o.duration, Commit: commit(ctx, o.root)}
	for _, events := range sizes {
		fmt.Printf("%s, %d events ... ", who, events)
		begin := time.Now()
		cmd := command(events)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its servers
		cmd.WaitDelay = 2 * time.Minute
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := lively(cmd.Run); err != nil {
			said := bytes.TrimSpace(stderr.Bytes())
			return r, fmt.Errorf("%s: %w: %s", who, err, said[max(0, len(said)-500):])
		}
		s, machine, err := growth.ParseSize(stdout.Bytes())
		if err != nil {
			return r, fmt.Errorf("%s: its output: %w", who, err)
		}
		s.Events, s.Seconds = events, time.Since(begin).Seconds()
		r.Sizes = append(r.Sizes, s)
		if r.Machine == nil {
			r.Machine = machine
		}
		fmt.Printf("%.0f s\n", s.Seconds)
	}
	return r, nil
}

// lively prints each minute for how long do has been running.
func lively(do func() error) error {
	done := make(chan error)
	go func() { done <- do() }() // waited for below
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for minutes := 1; ; minutes++ {
		select {
		case <-tick.C:
			fmt.Printf("%d min ... ", minutes)
		case err := <-done:
			return err
		}
	}
}

func commit(ctx context.Context, root string) string {
	text, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// write keeps the records and puts their tables into bench/README.md.
func (o *options) write(records ...*growth.Record) error {
	name := "growth-" + records[0].Begun.UTC().Format("2006-01-02T1504") + ".json"
	text, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(o.root, "bench/results", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, commit %s, %s for each scenario, %d users; [results/%s](results/%s). Writes: rate, and processor time an event; reads: median.\n",
		records[0].Begun.UTC().Format("2 January 2006"), records[0].Commit, o.duration, o.people, name, name)
	for _, r := range records {
		if len(r.Sizes) > 0 {
			b.WriteString("\n" + growth.Table(r))
		}
	}
	fmt.Println("wrote", file)
	fmt.Print("\n", b.String())
	path := filepath.Join(o.root, "bench/README.md")
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := compare.Replace(string(document), "growth", b.String())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}
