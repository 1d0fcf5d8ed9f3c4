package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/internal/bench"
)

// Options of Run.
type Options struct {
	Dashd, Peers string // the programs
	Dir          string // below which data are kept, on the disk that is measured
	Rounds       int
	Duration     time.Duration // of each scenario
	Warmup       time.Duration
	Events       int // in the log when reads are measured
	Heats        []Heat
	Progress     io.Writer
}

// Run runs the heats in each round and returns what they found, compared. A program that fails, or a peer that is not installed, is
// in the record, and the others are measured all the same; the error is that of ctx.
func Run(ctx context.Context, o Options, r *Record) error {
	r.Begun, r.Rounds, r.Duration, r.Events = time.Now(), o.Rounds, o.Duration, o.Events
	r.Peers = map[string]peer.Facts{}
	for round := 1; round <= o.Rounds; round++ {
		for _, heat := range o.Heats {
			for _, e := range heat.Entries {
				begin := time.Now()
				fmt.Fprintf(o.Progress, "round %d of %d, %s: %s %s ... ", round, o.Rounds, heat.Name, e.Who, strings.Join(e.Scenarios, " "))
				out := o.run(ctx, e, r)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				out.Round, out.Heat, out.Who = round, heat.Name, e.Who
				r.Runs = append(r.Runs, out)
				if out.Failed != "" {
					r.note(e.Who + " failed in " + heat.Name)
					fmt.Fprintf(o.Progress, "FAILED: %s\n", out.Failed)
					continue
				}
				fmt.Fprintf(o.Progress, "%s (%.0f s)\n", summary(out), time.Since(begin).Seconds())
			}
		}
	}
	r.Seconds = time.Since(r.Begun).Seconds()
	r.Valid = len(r.NotValid) == 0 && !r.Quick
	r.Compare()
	return nil
}

// summary is what a person who waits wants to see.
func summary(o Outcome) string {
	var list []string
	for _, r := range o.Results {
		list = append(list, figure(r.PerSec)+"/s")
	}
	if o.DiskBytes > 0 {
		list = append(list, figure(o.DiskBytes)+" B")
	}
	return strings.Join(list, ", ")
}

// printed is what both programs print, as far as it counts here.
type printed struct {
	Machine   json.RawMessage `json:"machine"`
	NotValid  []string        `json:"notValid"`
	Results   []bench.Result  `json:"results"`
	DiskBytes float64         `json:"diskBytesPerEvent"`
	Facts     peer.Facts      `json:"facts"`
	Disk      *peer.Disk      `json:"disk"`
}

// run runs a program and takes in what it says of the machine, the peer and how quiet it was.
func (o *Options) run(ctx context.Context, e Entry, r *Record) (out Outcome) {
	if others := bench.Others(ctx, time.Second); others > bench.OthersLimit {
		r.note(fmt.Sprintf("before %s others took more than %.0f %% of the processors", e.Who, bench.OthersLimit*100))
	}
	p, err := output(o.command(ctx, e))
	if err != nil {
		out.Failed = err.Error()
		return out
	}
	out.Results = p.Results
	for _, res := range p.Results {
		if res.NotValid() != "" {
			r.note(fmt.Sprintf("%s was not alone in %s", e.Who, res.Scenario))
		}
		if res.Errors > 0 {
			r.note(fmt.Sprintf("%d requests of %s failed in %s", res.Errors, e.Who, res.Scenario))
		}
	}
	if strings.HasPrefix(e.Who, oneNode) {
		if r.Machine == nil {
			r.Machine = p.Machine
		}
		if e.Preload {
			out.DiskBytes = p.DiskBytes
		}
		return out
	}
	r.Peers[e.Who] = p.Facts
	if p.Disk != nil && p.Disk.Events > 0 {
		out.DiskBytes = float64(p.Disk.Bytes) / float64(p.Disk.Events)
	}
	return out
}

// command is the program of an entry. It is asked to end in good order when ctx does, so that it ends its servers.
func (o *Options) command(ctx context.Context, e Entry) *exec.Cmd {
	args := []string{"--duration", o.Duration.String(), "--warmup", o.Warmup.String(), "--scenario", strings.Join(e.Scenarios, ","), "--json"}
	if e.Preload {
		args = append(args, "--preload", strconv.Itoa(o.Events))
	}
	var cmd *exec.Cmd
	if strings.HasPrefix(e.Who, oneNode) {
		if e.Who == threeNodes {
			args = append(args, "--nodes", "3", "--to", "leader") // as the clients of the peers
		}
		cmd = exec.CommandContext(ctx, o.Dashd, append([]string{"bench", "--noisy", "--bench-dir", o.Dir}, args...)...)
	} else {
		cmd = exec.CommandContext(ctx, o.Peers, append([]string{"run", "--peer", e.Who, "--dir", o.Dir}, args...)...)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Minute
	return cmd
}

// output runs a program and reads what it prints.
func output(cmd *exec.Cmd) (p printed, err error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = os.Environ()
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		return p, fmt.Errorf("%w: %s", err, said[max(0, len(said)-1000):])
	}
	if err := json.Unmarshal(stdout.Bytes(), &p); err != nil {
		return p, fmt.Errorf("its output: %w", err)
	}
	if len(p.Results) == 0 {
		return p, errors.New("it measured nothing")
	}
	return p, nil
}
