package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"dashd/internal/bench"
)

// replay runs dashd replay on the stopped node, in a format, and takes its own figures. CPU and
// memory are those of that process.
func (n *throwaway) replay(format string) func(context.Context) (bench.Result, error) {
	return func(ctx context.Context) (r bench.Result, err error) {
		n.end(syscall.SIGTERM)
		var f replayed
		cmd, err := n.command(ctx, &f, "replay", "--data-dir", n.dataDir(), "--format", format, "--json")
		if err != nil {
			return r, err
		}
		took := time.Duration(f.Seconds * float64(time.Second))
		r = once(took)
		r.Events, r.PerSec = int64(f.Events), f.PerSec
		r.CPUPer = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(max(f.Events, 1))
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.PeakRSS = u.Maxrss << 10
		}
		return r, n.start(ctx, strings.TrimPrefix(n.url, "http://"))
	}
}

// measureRebuild lets the node fold its log anew, while it serves.
func (n *throwaway) measureRebuild(ctx context.Context) (r bench.Result, err error) {
	before, known := bench.UsageOf(n.cmd.Process.Pid)
	var f struct {
		Events  uint64  `json:"events"`
		Seconds float64 `json:"seconds"`
	}
	if _, err := n.command(ctx, &f, "replay", "--data-dir", n.dataDir(), "--rebuild", "--json"); err != nil {
		return r, err
	}
	r = once(time.Duration(f.Seconds * float64(time.Second)))
	r.Events, r.PerSec = int64(f.Events), float64(f.Events)/max(f.Seconds, 1e-9)
	if after, ok := bench.UsageOf(n.cmd.Process.Pid); ok && known {
		r.CPUPer, r.PeakRSS = (after.CPU-before.CPU)/time.Duration(max(f.Events, 1)), after.PeakRSS
	}
	return r, nil
}

// command runs this program with arguments, and reads the JSON that it prints to standard error: what
// it prints to standard output goes to nobody, unless the JSON is there.
func (n *throwaway) command(ctx context.Context, facts any, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, n.self, args...)
	var stderr bytes.Buffer
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	cmd.Stdout, cmd.Stderr = null, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	if err := json.Unmarshal(stderr.Bytes(), facts); err != nil {
		return nil, fmt.Errorf("what dashd %s says: %w", args[0], err)
	}
	return cmd, nil
}
