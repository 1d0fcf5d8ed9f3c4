package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dashd/internal/bench"
)

// fill fills the node's data directory with a history that ends now, unless it holds the one that
// is asked for.
func (n *throwaway) fill(ctx context.Context, o benchOptions) error {
	facts := filepath.Join(n.dir, "history.json")
	if text, err := os.ReadFile(facts); err == nil {
		h := &bench.History{}
		if err := json.Unmarshal(text, h); err != nil {
			return fmt.Errorf("%s: %w", facts, err)
		}
		if h.Seed != o.seed || h.Events != o.history {
			return fmt.Errorf("%s holds another history: seed %d, %d events", n.dir, h.Seed, h.Events)
		}
		n.history = h
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(n.dataDir()); err == nil {
		return fmt.Errorf("%s holds a history that is not whole: remove it", n.dir)
	}
	h := &bench.History{Seed: o.seed, Events: o.history, End: time.Now()}
	p := newProgress(n.stderr, 1, uint64(h.Events), o.asJSON)
	begin := time.Now()
	err := bench.Fill(ctx, n.dataDir(), h, func(done int) { p.at(uint64(done)) })
	p.finish()
	if err != nil {
		return err
	}
	took := time.Since(begin)
	fmt.Fprintf(n.stderr, "half a year of %d events in %s: %.0f events/s, checkpoints of %d days\n",
		h.Events, took.Round(time.Millisecond), float64(h.Events)/took.Seconds(), h.Checkpoints)
	n.history = h
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(facts, text, 0o600)
}

// figuresGoal is what the parts of the tables may hold that are there for figures over time: 400 MB.
const figuresGoal = 400e6

// measureTables says how much memory the dashboard's tables take that were folded from the first event.
func (n *throwaway) measureTables(ctx context.Context) (r bench.Result, err error) {
	if n.folded == nil {
		if _, err := n.measureFold(ctx); err != nil {
			return r, err
		}
	}
	begin := time.Now()
	tables := n.folded.Memory()
	r = once(time.Since(begin))
	n.folded = nil
	all, figures := int64(0), int64(0)
	text := ""
	for _, t := range tables {
		if all += t.Bytes; t.Figures {
			figures += t.Bytes
		}
		if t.Bytes >= 1<<20 {
			mark := ""
			if t.Figures {
				mark = "*"
			}
			text += fmt.Sprintf(", %s%s %.1f", t.Name, mark, mib(t.Bytes))
		}
	}
	r.PerSec = 0
	r.Note = fmt.Sprintf("%.1f MiB in all, of which %.1f MiB (goal: %.1f) are for figures over time, marked *%s; the heap grew by %.1f MiB",
		mib(all), mib(figures), mib(figuresGoal), text, mib(n.foldedHeap))
	if figures > figuresGoal {
		return r, errors.New("the goal is missed: " + r.Note)
	}
	return r, nil
}
