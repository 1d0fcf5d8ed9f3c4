package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"dashd/internal/bench"
)

// measureReplay prints the log of the stopped node in a format. Of a replay the summary's own figures
// count; CPU and memory are those of its process.
func (n *throwaway) measureReplay(ctx context.Context, format string) (bench.Result, error) {
	var facts bytes.Buffer
	var f replayed
	u, err := n.run(ctx, nil, &facts, "replay", "--data-dir", n.dataDir(), "--format", format, "--json") // the events go to nobody
	if err == nil {
		err = json.Unmarshal(facts.Bytes(), &f)
	}
	if err != nil {
		return bench.Result{}, fmt.Errorf("dashd replay: %w: %s", err, bytes.TrimSpace(facts.Bytes()))
	}
	return passed(f.Events, f.Seconds, u), nil
}

// whileStopped measures something with the node stopped, and starts it again.
func (n *throwaway) whileStopped(measure func(context.Context) (bench.Result, error)) func(context.Context) (bench.Result, error) {
	return func(ctx context.Context) (bench.Result, error) {
		n.end(syscall.SIGTERM)
		r, err := measure(ctx)
		_, _, again := n.startAgain(ctx)
		return r, errors.Join(err, again)
	}
}

// measureRebuild makes the node fold its log anew while it serves.
func (n *throwaway) measureRebuild(ctx context.Context) (bench.Result, error) {
	before, known := bench.UsageOf(n.cmd.Process.Pid)
	f, _, err := n.rebuild(ctx)
	after, ok := bench.UsageOf(n.cmd.Process.Pid)
	if after.CPU -= before.CPU; !ok || !known {
		after.PeakRSS = -1
	}
	return passed(f.Events, f.Seconds, after), err
}

// measureRebuildStopped folds the log of the stopped node anew, and leaves it a checkpoint.
func (n *throwaway) measureRebuildStopped(ctx context.Context) (bench.Result, error) {
	f, u, err := n.rebuild(ctx)
	return passed(f.Events, f.Seconds, u), err
}

func (n *throwaway) rebuild(ctx context.Context) (f rebuiltSummary, u bench.Usage, err error) {
	var facts, says bytes.Buffer
	u, err = n.run(ctx, &facts, &says, "replay", "--data-dir", n.dataDir(), "--rebuild", "--json")
	if err == nil {
		err = json.Unmarshal(facts.Bytes(), &f)
	}
	if err != nil {
		err = fmt.Errorf("dashd replay --rebuild: %w: %s", err, bytes.TrimSpace(says.Bytes()))
	}
	return f, u, err
}

// run runs this program, and says what it used.
func (n *throwaway) run(ctx context.Context, stdout, stderr *bytes.Buffer, args ...string) (u bench.Usage, err error) {
	cmd := exec.CommandContext(ctx, n.self, args...)
	if stdout != nil {
		cmd.Stdout = stdout
	}
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil {
		return u, err
	}
	u.CPU, u.PeakRSS = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), -1
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.PeakRSS = used.Maxrss << 10
	}
	return u, nil
}

// passed is the result of going through so many events once.
func passed(events uint64, seconds float64, u bench.Usage) bench.Result {
	seconds = max(seconds, 1e-9)
	r := once(time.Duration(seconds * float64(time.Second)))
	r.Events, r.PerSec = int64(events), float64(events)/seconds
	r.CPUPer, r.PeakRSS = u.CPU/time.Duration(max(events, 1)), u.PeakRSS
	return r
}
