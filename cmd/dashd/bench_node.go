package main

import (
	"bufio"
	"context"
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
	"dashd/projections"
)

// throwaway is a node that lives as long as a measurement: this binary, in a process
// of its own.
type throwaway struct {
	self     string
	dir      string // of all nodes of its cluster
	name     string // of its own directory below that
	port     string // --cluster
	join     string // the token it starts with for the first time
	stderr   io.Writer
	cmd      *exec.Cmd // of the last start
	url, key string
	history  *bench.History // what it was filled with; nil: with none
	kept     bool           // its data stays
	others   []*throwaway   // the other nodes of its cluster

	folded     *projections.DashFollower // by the last measureFold; nil once it was looked at
	foldedHeap int64                     // bytes by which the heap grew by it
}

// startThrowaway starts a node on a free port, with its data in a new directory, or filled with
// a history, and those that join it.
func startThrowaway(ctx context.Context, o benchOptions, stderr io.Writer) (n *throwaway, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	n = &throwaway{self: self, dir: o.keep, name: "data", port: noPort, stderr: stderr, key: "bench-key-of-a-throw-away-node", kept: o.keep != ""}
	if o.nodes > 1 {
		if n.port, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	if n.kept {
		err = os.MkdirAll(n.dir, 0o700)
	} else {
		n.dir, err = os.MkdirTemp(o.dir, "dashd-bench-")
	}
	if err != nil {
		return nil, err
	}
	if o.history > 0 {
		err = n.fill(ctx, o)
	}
	if err == nil {
		err = n.start(ctx, "127.0.0.1:0")
	}
	if err == nil {
		_, err = n.waitForTables(ctx)
	}
	if err == nil && o.nodes > 1 {
		err = n.grow(ctx, o.nodes)
	}
	if err != nil {
		return nil, errors.Join(err, n.remove())
	}
	return n, nil
}

func (n *throwaway) dataDir() string { return filepath.Join(n.dir, n.name) }

// start starts the node and returns when it says that it is ready.
func (n *throwaway) start(ctx context.Context, addr string) error {
	n.cmd = exec.CommandContext(ctx, n.self, "serve", "--data-dir", n.dataDir(), "--http", addr, "--cluster", n.port, "--log-level", "warn", "--ballast", "0")
	n.cmd.Env = append(os.Environ(), bootstrapVariable+"="+n.key)
	if n.join != "" {
		n.cmd.Env = append(os.Environ(), "DASHD_JOIN="+n.join) // not on the command line, which others can see
		n.join = ""
	}
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

// remove ends the nodes and removes their data, unless they are to be kept.
func (n *throwaway) remove() error {
	n.endAll()
	if n.kept {
		return nil
	}
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
