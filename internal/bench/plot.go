package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	plotWidth = 50 // columns of a bar, and most of a row of rates
	bars      = "▁▂▃▄▅▆▇█"
)

// plotted are the points of Result.Latencies that are drawn.
var plotted = []float64{50, 90, 95, 99, 99.9, 99.99, 100}

// Plot draws the latencies of r by percentile, on a logarithmic scale, and its rate over the run,
// in which stalls are gaps: plain text, ten lines at most.
func Plot(w io.Writer, r Result) error {
	var text strings.Builder
	plotLatencies(&text, r)
	plotRates(&text, r)
	_, err := io.WriteString(w, text.String())
	return err
}

func plotLatencies(w io.Writer, r Result) {
	var points []Percentile
	for _, p := range r.Latencies {
		if slices.Contains(plotted, p.Percent) {
			points = append(points, p)
		}
	}
	if len(points) == 0 || r.Max <= 0 {
		return
	}
	// Bars begin at half of the smallest, or at a tenth of the largest: whichever is less.
	low := math.Log(float64(max(1, min(points[0].Latency/2, r.Max/10))))
	high := math.Log(float64(r.Max))
	for _, p := range points {
		length := (math.Log(float64(max(1, p.Latency))) - low) / (high - low)
		n := max(1, int(math.Round(length*plotWidth)))
		name := fmt.Sprintf("p%g", p.Percent)
		if p.Percent == 100 {
			name = "max"
		}
		fmt.Fprintf(w, "  %-7s %9s  %s\n", name, rounded(p.Latency), strings.Repeat("█", n))
	}
}

func plotRates(w io.Writer, r Result) {
	if len(r.Rates) == 0 {
		return
	}
	// So many periods share a column that the row is not too long.
	each := (len(r.Rates) + plotWidth - 1) / plotWidth
	var columns []float64
	for part := range slices.Chunk(r.Rates, each) {
		sum := 0.0
		for _, v := range part {
			sum += v
		}
		columns = append(columns, sum/float64(len(part)))
	}
	highest := slices.Max(columns)
	levels := []rune(bars)
	row := make([]rune, len(columns))
	for i, v := range columns {
		if row[i] = ' '; v > 0 && highest > 0 {
			row[i] = levels[min(len(levels)-1, int(v/highest*float64(len(levels))))]
		}
	}
	fmt.Fprintf(w, "  per second, each column %v: lowest %.0f, highest %.0f\n  |%s|\n",
		time.Duration(each)*r.RateEvery, slices.Min(columns), highest, string(row))
}

// rounded is a duration with three digits or so.
func rounded(d time.Duration) time.Duration {
	for unit := time.Second; unit > 1; unit /= 10 {
		if d >= 100*unit {
			return d.Round(unit)
		}
	}
	return d
}
