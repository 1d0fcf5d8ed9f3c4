package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"dashd/internal/bench"
	"dashd/internal/node"
	"dashd/projections"
)

// measureMemory says how much memory the node has now.
func (n *throwaway) measureMemory(context.Context) (bench.Result, error) {
	u, ok := bench.UsageOf(n.cmd.Process.Pid)
	if !ok {
		return bench.Result{}, errors.New("the kernel does not say")
	}
	r := once(0)
	r.PerSec, r.CPUPer, r.PeakRSS, r.Note = 0, u.CPU, u.PeakRSS, memoryText(u)
	return r, nil
}

func memoryText(u bench.Usage) string {
	return fmt.Sprintf("%d MiB of its own, %d MiB of mapped files", u.Own>>20, u.Mapped>>20)
}

// measureStop stops the node in good order, which takes a checkpoint, and starts it again.
func (n *throwaway) measureStop(ctx context.Context) (bench.Result, error) {
	begin := time.Now()
	n.end(syscall.SIGTERM)
	took := time.Since(begin)
	s, _, err := n.startFromCheckpoint(ctx)
	if err != nil {
		return bench.Result{}, err
	}
	r := once(took)
	r.Note = "the checkpoint: " + checkpointText(s.Dash.Checkpoint)
	return r, nil
}

// measureStart stops the node and measures how long it takes, from the call of the program, until the
// dashboard's tables can be read.
func (n *throwaway) measureStart(ctx context.Context) (bench.Result, error) {
	n.end(syscall.SIGTERM)
	s, took, err := n.startFromCheckpoint(ctx)
	if err != nil {
		return bench.Result{}, err
	}
	r := once(took)
	if u, ok := bench.UsageOf(n.cmd.Process.Pid); ok {
		r.CPUPer, r.PeakRSS = u.CPU, u.PeakRSS
		r.Note = fmt.Sprintf("%d events behind the checkpoint; %s", s.Head-s.Dash.Checkpoint.Seq, memoryText(u))
	}
	return r, nil
}

// startAgain starts the node that was stopped and waits until the dashboard's tables can be read.
func (n *throwaway) startAgain(ctx context.Context) (s nodeStatus, took time.Duration, err error) {
	begin := time.Now()
	if err := n.start(ctx, strings.TrimPrefix(n.url, "http://")); err != nil {
		return s, 0, err
	}
	s, err = n.waitForTables(ctx)
	return s, time.Since(begin), err
}

// startFromCheckpoint is startAgain of a node that has a checkpoint.
func (n *throwaway) startFromCheckpoint(ctx context.Context) (s nodeStatus, took time.Duration, err error) {
	s, took, err = n.startAgain(ctx)
	if err == nil && s.Dash.Checkpoint == nil {
		err = errors.New("the node started without a checkpoint: store more people first")
	}
	return s, took, err
}

// waitForTables waits until the dashboard's tables can be read.
func (n *throwaway) waitForTables(ctx context.Context) (s nodeStatus, err error) {
	for {
		if s, err = n.status(ctx); err != nil || s.Dash.Ready {
			return s, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// status asks the node how it is.
func (n *throwaway) status(ctx context.Context) (s nodeStatus, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/v1/status", nil)
	if err != nil {
		return s, err
	}
	req.Header.Set("X-Api-Key", n.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("/v1/status answers %s", resp.Status)
	}
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

// measureFold folds the whole log of the stopped node in this process on one processor, as a node
// does that has no checkpoint.
func (n *throwaway) measureFold(ctx context.Context) (r bench.Result, err error) {
	off, err := node.OpenOffline(n.dataDir(), nil)
	if err != nil {
		return r, err
	}
	n.folded = nil
	heap := heapInUse()
	processors := runtime.GOMAXPROCS(1)
	f := projections.NewDashFollower(off.Store, projections.DashOptions{})
	folding, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	before, known := bench.UsageOf(os.Getpid())
	begin := time.Now()
	go func() { ended <- f.Run(folding) }()
	head := off.Store.Head()
	err = f.Wait(ctx, head)
	took := time.Since(begin)
	after, _ := bench.UsageOf(os.Getpid())
	stop()
	err = errors.Join(err, <-ended)
	n.folded, n.foldedHeap = f, heapInUse()-heap
	err = errors.Join(err, off.Close())
	runtime.GOMAXPROCS(processors)
	if err != nil {
		return r, err
	}
	r = once(took)
	r.Events, r.PerSec = int64(head), float64(head)/took.Seconds()
	if cpu := after.CPU - before.CPU; known && cpu > 0 {
		r.CPUPer = cpu / time.Duration(head)
		r.Note = fmt.Sprintf("%.0f events for each second of the processor", float64(head)/cpu.Seconds())
	}
	return r, nil
}

// heapInUse is how many bytes of the heap of this process are in use.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// once is the result of something that was done once.
func once(took time.Duration) bench.Result {
	r := bench.Unknown()
	r.Clients, r.Seconds, r.Requests, r.PerSec = 1, took.Seconds(), 1, 1/took.Seconds()
	r.P50, r.P95, r.P99, r.P999, r.Max = took, took, took, took, took
	return r
}
