package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dashd/internal/bench"
	"dashd/internal/errs"
)

// exitNoisy is the exit code of a bench that measured everything on a machine that was not quiet.
const exitNoisy = 3

const (
	// beforehand is for how long the machine is looked at before anything is started on it.
	beforehand = time.Second
	// pressureLimit is for what share of the time something may have waited for a disk by then.
	pressureLimit = 0.1
)

// benchReport gathers what was measured and prints it. Its fields are the JSON form, but for those in lower case.
type benchReport struct {
	Version string       `json:"version"`
	Commit  string       `json:"commit,omitempty"`
	Go      string       `json:"go"`
	Machine benchMachine `json:"machine"`
	Options benchAsked   `json:"options"`
	// Quiet says that all measurements are valid; NotValid says why one is not.
	Quiet    bool     `json:"quiet"`
	NotValid []string `json:"notValid,omitempty"`
	// Unsettled says why it is not known whether index and tables had caught up before each scenario; "": they had.
	Unsettled string         `json:"unsettled,omitempty"`
	Results   []bench.Result `json:"results"`
	// What the log holds at the end, and what the data directories of all nodes take, after a stop in good order.
	StoredEvents      uint64  `json:"storedEvents,omitempty"`
	DiskBytes         int64   `json:"diskBytes,omitempty"`
	DiskBytesPerEvent float64 `json:"diskBytesPerEvent,omitempty"`

	options benchOptions
	stdout  io.Writer
	node    *throwaway // nil: it is somebody else's
}

// benchAsked is what was asked for.
type benchAsked struct {
	Duration time.Duration `json:"durationNs"`
	Warmup   time.Duration `json:"warmupNs"`
	Clients  int           `json:"clients"` // 0: as the scenarios say
	Rate     float64       `json:"rate"`    // 0: a closed loop
	Nodes    int           `json:"nodes"`
	To       string        `json:"to"`
	Preload  int           `json:"preload"`
	People   int           `json:"people"`
	History  int           `json:"history"`
	Users    int           `json:"users"`
	Seed     uint64        `json:"seed"`
}

// begin looks at the machine before anything is started.
func (b *benchReport) begin(ctx context.Context) {
	b.Machine = readMachine(b.options.dir)
	b.Machine.IOPressureBefore = bench.IOPressure()
	b.Machine.OthersBefore = bench.Others(ctx, beforehand)
	if v := b.Machine.OthersBefore; v > bench.OthersLimit {
		b.notValid(fmt.Sprintf("before the start others took %.1f %% of the processors, more than %.0f %%", v*100, bench.OthersLimit*100))
	}
	if v := b.Machine.IOPressureBefore; v > pressureLimit {
		b.notValid(fmt.Sprintf("before the start something waited for a disk %.0f %% of the time, more than %.0f %%", v*100, pressureLimit*100))
	}
}

// notValid notes why what was or will be measured is not valid.
func (b *benchReport) notValid(why string) {
	b.NotValid = append(b.NotValid, why)
	if !b.options.asJSON {
		fmt.Fprintf(b.stdout, "NOT VALID: %s\n", why)
	}
}

// unsettled notes why the nodes do not say how far they are.
func (b *benchReport) unsettled(why error) {
	b.Unsettled = why.Error()
	if !b.options.asJSON {
		fmt.Fprintf(b.stdout, "NOT WAITED until index and tables have caught up before a scenario: %s\n", printable(b.Unsettled))
	}
}

// add takes in a result.
func (b *benchReport) add(r bench.Result) {
	b.Results = append(b.Results, r)
	if !b.options.asJSON {
		printResult(b.stdout, r, len(b.Results) == 1)
		if b.options.plot {
			_ = bench.Plot(b.stdout, r) // as for all that is printed, a reader that went away ends the command later
		}
	}
	if why := r.NotValid(); why != "" {
		b.NotValid = append(b.NotValid, r.Scenario+": "+why)
	}
}

// end reports all, and returns the error of the command. err is what went wrong so far.
func (b *benchReport) end(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if n := failures(b.Results); n > 0 { // each was reported
		err = fmt.Errorf("%d of %d measurements failed", n, len(b.Results))
	}
	if b.node != nil && err == nil {
		err = b.measureDisk(ctx)
	}
	b.Quiet = len(b.NotValid) == 0 && b.node != nil
	if b.options.asJSON {
		err = errors.Join(err, b.print())
	}
	if len(b.NotValid) > 0 && !b.options.noisy {
		err = errors.Join(err, errs.Stop(exitNoisy, fmt.Errorf("the machine was not quiet, and what was measured is not valid (%d reasons; --noisy takes it all the same)", len(b.NotValid))))
	}
	return err
}

func (b *benchReport) print() error {
	v := readVersion()
	b.Version, b.Commit, b.Go = v.Version, v.Revision, v.Go
	o := b.options
	b.Options = benchAsked{o.duration, o.warmup, o.clients, o.rate, o.nodes, o.to, o.preload, o.people, o.history, o.users, o.seed}
	return printJSON(b.stdout, b)
}

// measureDisk stops the nodes in good order and says what they keep on the disk.
func (b *benchReport) measureDisk(ctx context.Context) error {
	s, err := b.node.status(ctx)
	if err != nil {
		return err
	}
	b.node.endAll()
	for _, n := range b.node.all() {
		size, err := onDisk(n.dataDir())
		if err != nil {
			return err
		}
		b.DiskBytes += size
	}
	b.StoredEvents = s.Head
	b.DiskBytesPerEvent = float64(b.DiskBytes) / float64(max(s.Head, 1))
	if !b.options.asJSON {
		fmt.Fprintf(b.stdout, "on disk after a stop: %.0f MiB, %.0f bytes for each of %d events\n", mib(b.DiskBytes), b.DiskBytesPerEvent, b.StoredEvents)
	}
	return nil
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

func printResult(w io.Writer, r bench.Result, heading bool) {
	if heading {
		fmt.Fprintf(w, "%-28s %7s %12s %9s %9s %9s %9s %9s %9s %10s %8s %9s\n",
			"SCENARIO", "CLIENTS", "PER SECOND", "P50", "P95", "P99", "P99.9", "MAX", "CPU", "WRITTEN", "FLUSHES", "PEAK RSS")
	}
	if failed(r) {
		fmt.Fprintf(w, "%-28s %7d FAILED: %s\n", r.Scenario, r.Clients, printable(r.FirstErr))
		return
	}
	fmt.Fprintf(w, "%-28s %7d %12.0f %9s %9s %9s %9s %9s %9s %10s %8s %9s\n", r.Scenario, r.Clients, r.PerSec, latency(r.P50), latency(r.P95),
		latency(r.P99), latency(r.P999), latency(r.Max), short(r.CPUPer), known(r.WrotePer, "%.0f B"), known(r.FlushesPer, "%.2g"), mebibytes(r.PeakRSS))
	if why := r.NotValid(); why != "" {
		fmt.Fprintf(w, "  NOT VALID: %s\n", why)
	}
	if r.Loop == "open" {
		fmt.Fprintf(w, "  open loop, %g requests a second were due; latencies count from then", r.Offered)
		if r.Unsent > 0 {
			fmt.Fprintf(w, "; %d were not even sent", r.Unsent)
		}
		fmt.Fprintln(w)
	}
	if r.Goal > 0 && r.P95 > r.Goal {
		fmt.Fprintf(w, "  MISSED: the goal of p95 is %s\n", r.Goal)
	}
	if r.Settled > 0 {
		fmt.Fprintf(w, "  index and tables had caught up %s later\n", short(r.Settled))
	}
	if r.Note != "" {
		fmt.Fprintf(w, "  %s\n", r.Note)
	}
	if r.Errors > 0 {
		fmt.Fprintf(w, "  %d of %d requests failed; one of them: %s\n", r.Errors, r.Requests+r.Errors, printable(r.FirstErr))
	}
}

// latency is a time that a request took; 0: there is none.
func latency(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return short(d)
}

func short(d time.Duration) string {
	if d < 0 {
		return "-"
	}
	unit := time.Duration(1) // three digits
	for ; d >= 1000*unit; unit *= 10 {
	}
	return d.Round(unit).String()
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
