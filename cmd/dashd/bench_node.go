package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dashd/internal/bench"
)

// throwaway is a node that lives as long as a measurement: this binary, in a process
// of its own.
type throwaway struct {
	self     string
	dir      string
	stderr   io.Writer
	cmd      *exec.Cmd // of the last start
	url, key string
}

// startThrowaway starts a node on a free port, with its data in a new directory.
func startThrowaway(ctx context.Context, below string, stderr io.Writer) (*throwaway, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(below, "dashd-bench-")
	if err != nil {
		return nil, err
	}
	n := &throwaway{self: self, dir: dir, stderr: stderr, key: "bench-key-of-a-throw-away-node"}
	if err := n.start(ctx, "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, n.remove())
	}
	return n, nil
}

func (n *throwaway) dataDir() string { return filepath.Join(n.dir, "data") }

// start starts the node and returns when it says that it is ready.
func (n *throwaway) start(ctx context.Context, addr string) error {
	n.cmd = exec.CommandContext(ctx, n.self, "serve", "--data-dir", n.dataDir(), "--http", addr, "--log-level", "warn")
	n.cmd.Env = append(os.Environ(), bootstrapVariable+"="+n.key)
	n.cmd.Stderr = n.stderr
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "dashd is ready at "); ok {
			n.url, _, _ = strings.Cut(rest, " ")
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
			return nil
		}
	}
	return errors.New("the throw-away node did not start")
}

// end ends the process with a signal and waits for it.
func (n *throwaway) end(sig os.Signal) {
	if n.cmd == nil || n.cmd.Process == nil {
		return
	}
	_ = n.cmd.Process.Signal(sig) // it may have ended
	_ = n.cmd.Wait()
}

// remove ends the node and removes its data.
func (n *throwaway) remove() error {
	n.end(syscall.SIGTERM)
	return os.RemoveAll(n.dir)
}

// measureRestart kills the node and measures how long the next start takes, from the
// call of the program to the first answer that says that it is ready.
func (n *throwaway) measureRestart(ctx context.Context) (bench.Result, error) {
	n.end(syscall.SIGKILL)
	begin := time.Now()
	if err := n.start(ctx, strings.TrimPrefix(n.url, "http://")); err != nil {
		return bench.Result{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/readyz", nil)
	if err != nil {
		return bench.Result{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return bench.Result{}, err
	}
	took := time.Since(begin)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return bench.Result{}, fmt.Errorf("the node said that it was ready, and /readyz answers %s", resp.Status)
	}
	r := once(took)
	if u, ok := bench.UsageOf(n.cmd.Process.Pid); ok {
		r.CPUPer, r.PeakRSS = u.CPU, u.PeakRSS
	}
	return r, nil
}

// measureReplay runs dashd replay and takes its own figures. CPU and memory are those
// of that process.
func (n *throwaway) measureReplay(ctx context.Context) (bench.Result, error) {
	cmd := exec.CommandContext(ctx, n.self, "replay", "--data-dir", n.dataDir(), "--format", "ndjson", "--json")
	var facts bytes.Buffer
	cmd.Stderr = &facts // and the events go to nobody
	if err := cmd.Run(); err != nil {
		return bench.Result{}, fmt.Errorf("%w: %s", err, facts.Bytes())
	}
	var f replayed
	if err := json.Unmarshal(facts.Bytes(), &f); err != nil {
		return bench.Result{}, fmt.Errorf("the summary of replay: %w", err)
	}
	took := time.Duration(f.Seconds * float64(time.Second))
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	r := bench.Result{
		Clients: 1, Seconds: f.Seconds, Requests: 1, Events: int64(f.Events), PerSec: f.PerSec,
		P50: took, P95: took, P99: took, Max: took, CPUPer: cpu / time.Duration(max(f.Events, 1)), WrotePer: -1, PeakRSS: -1,
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.PeakRSS = u.Maxrss << 10
	}
	return r, nil
}
