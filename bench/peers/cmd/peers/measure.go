package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/proc"
	"dashd/internal/bench"
)

// startTime is how long servers have to start. Three of them on a busy machine take some seconds.
const startTime = 5 * time.Minute

// measurement is one run of one peer.
type measurement struct {
	options
	stderr io.Writer
}

// run starts the servers, measures the scenarios one after the other, and leaves nothing behind.
func (m *measurement) run(ctx context.Context) (r peer.Report, err error) {
	dir, err := os.MkdirTemp(m.dir, "peers-"+m.peer.Name()+"-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, m.peer.Stop(), os.RemoveAll(dir)) }()
	starting, cancel := context.WithTimeout(ctx, startTime)
	r.Peer = m.peer.Name()
	r.Facts, err = m.peer.Start(starting, dir)
	cancel()
	if err != nil {
		return r, fmt.Errorf("start %s: %w", r.Peer, err)
	}
	if m.preload > 0 {
		if err := m.load(ctx); err != nil {
			return r, err
		}
	}
	for _, s := range m.scenarios {
		if s.Name == disk {
			d, err := m.peer.DiskBytes(ctx)
			if err != nil {
				return r, fmt.Errorf("%s: %w", disk, err)
			}
			r.Disk = &d
			continue
		}
		result, err := m.measure(ctx, s, dir)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", s.Name, err)
		}
		r.Results = append(r.Results, result)
	}
	return r, nil
}

func (m *measurement) load(ctx context.Context) error {
	loader, ok := m.peer.(peer.Loader)
	if !ok {
		return fmt.Errorf("%s cannot be filled first", m.peer.Name())
	}
	return loader.Load(ctx, m.preload, func(events int) {
		if !m.json && events%100_000 == 0 {
			fmt.Fprintf(m.stderr, "%d events stored\n", events)
		}
	})
}

// measure measures one scenario.
func (m *measurement) measure(ctx context.Context, s peer.Scenario, dir string) (bench.Result, error) {
	w := s.Work
	if m.clients > 0 {
		w.Clients = m.clients
	}
	if s.Prepare != nil {
		if err := s.Prepare(ctx, w.Clients); err != nil {
			return bench.Result{}, fmt.Errorf("prepare: %w", err)
		}
	}
	if s.Pass != nil {
		return m.pass(ctx, s)
	}
	r, err := bench.Drive(ctx, w, bench.Load{Duration: m.duration, Warmup: m.warmup, Rate: m.rate, Usage: m.usage, Disk: dir})
	if len(m.peer.Pids()) == 0 {
		r.CPUPer, r.WrotePer, r.PeakRSS = -1, -1, -1 // what is this process's own is the load generator's too
	}
	return r, err
}

// usage is that of the servers; a peer in this process has none of its own.
func (m *measurement) usage() (bench.Usage, bool) {
	if pids := m.peer.Pids(); len(pids) > 0 {
		return proc.UsageOf(pids)
	}
	return bench.Usage{}, true
}

// pass measures what is done once. How quiet the machine was while it ran is not known.
func (m *measurement) pass(ctx context.Context, s peer.Scenario) (bench.Result, error) {
	before, known := m.usage()
	events, took, err := s.Pass(ctx)
	if err != nil {
		return bench.Result{}, err
	}
	r := bench.Unknown()
	r.Scenario, r.Clients, r.Requests, r.Events = s.Name, s.Clients, 1, int64(events)
	r.Seconds = took.Seconds()
	r.PerSec = float64(events) / max(r.Seconds, 1e-9)
	r.P50, r.P95, r.P99, r.P999, r.Max = took, took, took, took, took
	if after, ok := m.usage(); ok && known && events > 0 && len(m.peer.Pids()) > 0 {
		r.CPUPer = (after.CPU - before.CPU) / time.Duration(events)
		r.WrotePer = float64(after.Written-before.Written) / float64(events)
		r.PeakRSS = after.PeakRSS
	}
	r.Note = strings.TrimSpace(r.Note + " " + s.About)
	return r, nil
}
