// Package growth sets the figures of one system beside each other that were measured on logs of several sizes.
package growth

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/internal/bench"
)

// Record is what was measured of one system: what bench/results keeps.
type Record struct {
	Begun    time.Time       `json:"begun"`
	Who      string          `json:"who"`
	Commit   string          `json:"commit"`
	Duration time.Duration   `json:"durationNs"` // of each scenario
	Machine  json.RawMessage `json:"machine,omitempty"`
	Sizes    []Size          `json:"sizes"`
}

// Size is what was measured on a log of so many events.
type Size struct {
	Events    int            `json:"events"`
	Seconds   float64        `json:"seconds"` // it took, with the events stored first
	Results   []bench.Result `json:"results"`
	DiskBytes float64        `json:"diskBytesPerEvent,omitempty"`
}

// ParseSize reads what "dashd bench" or "peers run" prints as JSON, and what machine it says it ran on, if it does.
func ParseSize(text []byte) (s Size, machine json.RawMessage, err error) {
	var p struct {
		Machine   json.RawMessage `json:"machine"`
		Results   []bench.Result  `json:"results"`
		DiskBytes float64         `json:"diskBytesPerEvent"`
		Disk      *peer.Disk      `json:"disk"`
	}
	err = json.Unmarshal(text, &p)
	s.Results, s.DiskBytes = p.Results, p.DiskBytes
	if p.Disk != nil && p.Disk.Events > 0 {
		s.DiskBytes = float64(p.Disk.Bytes) / float64(p.Disk.Events)
	}
	return s, p.Machine, err
}

// preload is the scenario of the events that were stored first, of which a peer has no result.
const preload = "preload"

// Table is the record in Markdown: a line for each scenario, that of the events stored first at the top, a column for each size,
// and how the cost grows from the first size to the last.
func Table(r *Record) string {
	var b strings.Builder
	b.WriteString("| " + r.Who + " |")
	for _, s := range r.Sizes {
		fmt.Fprintf(&b, " %s events |", millions(s.Events))
	}
	b.WriteString(" cost grows by |\n|---|" + strings.Repeat("---:|", len(r.Sizes)+1) + "\n")
	for _, scenario := range r.scenarios() {
		name := scenario
		if scenario == preload {
			name = "stored first, tables included"
		}
		fmt.Fprintf(&b, "| %s |", name)
		var costs []float64
		for _, s := range r.Sizes {
			res, ok := s.of(scenario)
			if !ok {
				b.WriteString(" – |")
				continue
			}
			costs = append(costs, Cost(res))
			fmt.Fprintf(&b, " %s |", text(res))
		}
		fmt.Fprintf(&b, " %s |\n", factor(costs, len(r.Sizes)))
	}
	r.row(&b, "bytes on the disk, an event", func(s *Size) float64 { return s.DiskBytes })
	r.row(&b, "peak of memory, MiB, with mapped files", func(s *Size) (peak float64) {
		for _, res := range s.Results {
			peak = max(peak, float64(res.PeakRSS)/(1<<20))
		}
		return peak
	})
	return b.String()
}

// row is a line with a number of each size; 0: unknown.
func (r *Record) row(b *strings.Builder, name string, of func(*Size) float64) {
	fmt.Fprintf(b, "| %s |", name)
	for i := range r.Sizes {
		if v := of(&r.Sizes[i]); v > 0 {
			fmt.Fprintf(b, " %.0f |", v)
		} else {
			b.WriteString(" – |")
		}
	}
	b.WriteString(" |\n")
}

// Cost is what grows if a log does: of what is measured by its rate of events, the time an event takes; else the median.
func Cost(r bench.Result) float64 {
	if r.Events > 0 {
		return float64(time.Second) / r.PerSec
	}
	return float64(r.P50)
}

func text(r bench.Result) string {
	if r.Events > 0 {
		rate := fmt.Sprintf("%.0f/s, %v", r.PerSec, digits(r.CPUPer))
		if r.Settled > 0 {
			rate += fmt.Sprintf(" (tables %v later)", digits(r.Settled))
		}
		return rate
	}
	return fmt.Sprintf("%v (p99 %v)", digits(r.P50), digits(r.P99))
}

// digits is a time with two digits that count.
func digits(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for ; d >= 100*unit; unit *= 10 {
	}
	return d.Round(unit)
}

func factor(costs []float64, sizes int) string {
	if len(costs) < 2 || len(costs) < sizes || costs[0] <= 0 {
		return "–"
	}
	f := costs[len(costs)-1] / costs[0]
	return fmt.Sprintf("%.2gx", math.Round(f*100)/100)
}

func millions(n int) string { return fmt.Sprintf("%.3g million", float64(n)/1e6) }

func (s *Size) of(scenario string) (bench.Result, bool) {
	for _, r := range s.Results {
		if r.Scenario == scenario && r.Requests > 0 {
			return r, true
		}
	}
	return bench.Result{}, false
}

// scenarios are preload and all that were measured, in order.
func (r *Record) scenarios() []string {
	names, known := []string{preload}, map[string]bool{preload: true}
	for _, s := range r.Sizes {
		for _, res := range s.Results {
			if !known[res.Scenario] {
				known[res.Scenario] = true
				names = append(names, res.Scenario)
			}
		}
	}
	return names
}
