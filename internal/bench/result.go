package bench

import (
	"fmt"
	"time"
)

// Result is what a scenario measured.
type Result struct {
	Scenario string `json:"scenario"`
	Loop     string `json:"loop,omitempty"` // "closed" or "open", see Drive; "": something was done once
	// Offered is how many requests a second were due in an open loop; 0: it was closed.
	Offered  float64       `json:"offered,omitempty"`
	Clients  int           `json:"clients"`
	Seconds  float64       `json:"seconds"`
	Requests int64         `json:"requests"` // that were answered well
	Errors   int64         `json:"errors"`
	Unsent   int64         `json:"unsent,omitempty"` // that were due in an open loop and not made
	Events   int64         `json:"events"`
	PerSec   float64       `json:"perSecond"` // events of a write, requests of a read
	P50      time.Duration `json:"p50ns"`
	P95      time.Duration `json:"p95ns"`
	P99      time.Duration `json:"p99ns"`
	P999     time.Duration `json:"p999ns"`
	Max      time.Duration `json:"maxns"`
	// Latencies is the distribution: no more than Share of the requests took longer than all but this.
	Latencies []Percentile `json:"latencies,omitempty"`
	// Rates is PerSec in each RateEvery of the run, by when requests were answered. What is
	// answered behind Load.Duration counts in the last.
	Rates     []float64     `json:"rates,omitempty"`
	RateEvery time.Duration `json:"rateEveryNs,omitempty"`
	// CPU seconds of the measured processes, bytes they wrote, and flushes of the disk's cache, whoever
	// made them; per event of a write and per request of a read. -1: unknown.
	CPUPer     time.Duration `json:"cpuPerNs"`
	WrotePer   float64       `json:"bytesWrittenPer"`
	FlushesPer float64       `json:"flushesPer"`
	PeakRSS    int64         `json:"peakRSS"` // of the measured processes, since they began, bytes; -1: unknown
	// Settled is how long the nodes took afterwards until they had persisted, indexed and folded the log; 0: they had at
	// once. -1: unknown. It is not in the figures above, but for the preload.
	Settled time.Duration `json:"settledNs"`
	// Others is the share of all processors' time that others than the measured processes and this one
	// took, from before the warm-up to the end; -1: unknown. Quiet says that it is no more than OthersLimit.
	Others   float64       `json:"others"`
	Quiet    bool          `json:"quiet"`
	Goal     time.Duration `json:"goalns,omitempty"` // of P95
	Note     string        `json:"note,omitempty"`   // what else was seen
	FirstErr string        `json:"firstError,omitempty"`
}

// Percentile is a point of a distribution of latencies.
type Percentile struct {
	Percent float64       `json:"percent"` // of the requests took
	Latency time.Duration `json:"ns"`      // or less
}

// percents are the points of Result.Latencies.
var percents = []float64{1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100}

// Unknown is a Result of which nothing is known yet.
func Unknown() Result {
	return Result{CPUPer: -1, WrotePer: -1, FlushesPer: -1, PeakRSS: -1, Settled: -1, Others: -1}
}

// units is what costs are divided by: events of a write, requests of a read.
func (r *Result) units() float64 {
	if r.Events > 0 {
		return float64(r.Events)
	}
	return float64(max(r.Requests, 1))
}

// use fills in what the measured processes used in between.
func (r *Result) use(before, after Usage) {
	r.CPUPer = time.Duration(float64(after.CPU-before.CPU) / r.units())
	r.WrotePer = float64(after.Written-before.Written) / r.units()
	r.PeakRSS = after.PeakRSS
}

// result is what was counted since begin.
func (l *loop) result() Result {
	r := Unknown()
	t, took := &l.sum, l.took.Seconds()
	r.Scenario, r.Clients, r.Seconds, r.Loop, r.Offered = l.work.Name, l.work.Clients, took, "closed", l.rate
	if l.rate > 0 {
		r.Loop = "open"
	}
	r.Requests, r.Errors, r.Unsent, r.Events = t.done, t.errors, t.unsent, t.done*int64(l.work.Events)
	if t.firstErr != nil {
		r.FirstErr = t.firstErr.Error()
	}
	if t.done == 0 {
		return r
	}
	each := max(l.work.Events, 1)
	r.PerSec = float64(t.done) * float64(each) / took
	at := func(percent float64) time.Duration { return time.Duration(t.latency.ValueAtQuantile(percent)) }
	r.P50, r.P95, r.P99, r.P999, r.Max = at(50), at(95), at(99), at(99.9), time.Duration(t.latency.Max())
	for _, p := range percents {
		r.Latencies = append(r.Latencies, Percentile{p, at(p)})
	}
	r.Rates, r.RateEvery = rates(t.periods, each, l.every, l.took), l.every
	return r
}

// rateEvery is in what periods the rate of a run is told: some tens of them, none longer than a second.
func rateEvery(d time.Duration) time.Duration {
	if d < 20*time.Second {
		return 100 * time.Millisecond
	}
	return time.Second
}

// rates is how many units a second were done in each period. The last period is not a whole one.
func rates(done []int64, each int, every, took time.Duration) []float64 {
	list := make([]float64, 0, len(done))
	for i, n := range done {
		length := min(every, took-time.Duration(i)*every)
		if i > 0 && length < every/10 {
			break // too short to tell a rate of
		}
		list = append(list, float64(int64(float64(n)*float64(each)/length.Seconds())))
	}
	return list
}

// NotValid says why the result is not valid, or nothing.
func (r *Result) NotValid() string {
	if r.Quiet || r.Others < 0 {
		return ""
	}
	return fmt.Sprintf("others took %.1f %% of the processors, more than %.0f %%", r.Others*100, OthersLimit*100)
}
