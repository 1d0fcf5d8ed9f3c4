package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dashd/projections"
)

// rebuiltSummary is what a rebuild did.
type rebuiltSummary struct {
	Rebuilt bool    `json:"rebuilt"`
	Events  uint64  `json:"events"` // that were folded: the last seq
	Seconds float64 `json:"seconds"`
	PerSec  float64 `json:"eventsPerSecond"`
	Stopped bool    `json:"stopped"`
}

func (r *rebuiltSummary) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	what := "the node serves the new rows, and writes a checkpoint of them"
	if r.Stopped {
		what = "the new rows are in a checkpoint, which the next start takes up"
	}
	_, err := fmt.Fprintf(w, "folded %d events in %s (%.0f events/s): %s\n",
		r.Events, time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond), r.PerSec, what)
	return err
}

// runRebuild folds the log anew: in the node if it runs, else here.
func (o *replayOptions) runRebuild(ctx context.Context, t *target, stdout, stderr io.Writer) (err error) {
	if o.from > 1 || o.to > 0 || o.asOf != "" || o.user != "" || o.project != "" || len(o.types) > 0 {
		return errors.New("--rebuild folds the whole log: name no part of it")
	}
	src, err := openSource(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	p := o.newProgress(stderr, 1, src.head)
	p.does("rebuild")
	rebuild := rebuildRunning
	if src.stopped {
		rebuild = rebuildStopped
	}
	start := time.Now()
	r, err := rebuild(ctx, src, p)
	p.finish()
	if err != nil {
		return err
	}
	if r.Seconds == 0 {
		r.Seconds = max(time.Since(start).Seconds(), 1e-9)
	}
	r.Rebuilt, r.Stopped = true, src.stopped
	r.PerSec = float64(r.Events) / r.Seconds
	return r.print(stdout, o.asJSON)
}

// rebuildStopped folds the log of a stopped node and leaves it a checkpoint.
func rebuildStopped(ctx context.Context, src *source, p *progress) (r rebuiltSummary, err error) {
	fold := projections.NewRefold("")
	err = src.open(ctx, 1, src.head, func(b openBlock) error {
		err := fold.Block(b.first, &b.Block, src.head)
		p.at(fold.Seq())
		return err
	})
	if err == nil {
		p.does("checkpoint")
		err = fold.Save(ctx, src.off.Store, projections.DashOptions{DB: src.off.KV})
	}
	r.Events = fold.Seq()
	return r, err
}

// rebuildPoll is how often a node is asked how far it is.
const rebuildPoll = 200 * time.Millisecond

// rebuildRunning makes a running node fold its log, and waits until it has. The node goes on if
// this ends before.
func rebuildRunning(ctx context.Context, src *source, p *progress) (r rebuiltSummary, err error) {
	var begun struct{ Number uint64 }
	if err := src.cl.call(ctx, http.MethodPost, "/v1/projections/dash/rebuild", nil, nil, &begun); err != nil {
		return r, err
	}
	tick := time.NewTicker(rebuildPoll)
	defer tick.Stop()
	for {
		var s nodeStatus
		if err := src.cl.call(ctx, http.MethodGet, "/v1/status", nil, nil, &s); err != nil {
			return r, fmt.Errorf("ask the node how far it is: %w", err)
		}
		if done := s.Dash.Rebuilt; done != nil && done.Number >= begun.Number {
			r.Events, r.Seconds = done.Seq, done.Seconds
			return r, nil
		}
		if f := s.Dash.Folding; f != nil {
			p.until(f.Head)
			p.at(f.Seq)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}
