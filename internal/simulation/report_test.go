package simulation_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"dashd/internal/findings"
)

// recordFile has what all runs with DASHD_SIM_RECORD=1 have found together.
var recordFile = filepath.Join("..", "..", "results", "simulation.json")

// report collects what became of every seed.
var report results

type results struct {
	mu    sync.Mutex
	total total
	fresh total // what of it is not on record
}

// recordEvery is after how many seeds what was found is recorded: what is broken off is not lost.
const recordEvery = 50

// total is what was found, in the form of results/faults.json.
type total struct {
	Name       string `json:"name"`
	Outcome    string `json:"outcome"` // of the last run
	Rounds     int    `json:"rounds"`  // seeds that passed
	FailedRuns int    `json:"failedRuns"`
	findings.Found
	LongestGap int64          `json:"longestGapMs"`    // with no write taken, faults and all
	Resumed    int64          `json:"longestResumeMs"` // until a write was taken after the last fault
	Notes      map[string]int `json:"notes,omitempty"` // operations, and faults by name
	Seeds      spans          `json:"seeds"`
	Commits    []string       `json:"commits"`
}

// spans are seeds that ended, from-to, in order.
type spans []span

type span struct{ from, to uint64 }

func (s span) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d-%d", s.from, s.to), nil }

func (s *span) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d-%d", &s.from, &s.to)
	return err
}

// with is all of both: those that touch are one.
func (all spans) with(more spans) spans {
	sorted := slices.SortedFunc(slices.Values(slices.Concat(all, more)), func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var sum spans
	for _, s := range sorted {
		if n := len(sum); n > 0 && s.from <= sum[n-1].to+1 {
			sum[n-1].to = max(sum[n-1].to, s.to)
		} else {
			sum = append(sum, s)
		}
	}
	return sum
}

// add adds one seed.
func (r *results) add(t *testing.T, seed uint64, l *ledger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := total{
		Found: l.counts.Found, Seeds: spans{{seed, seed}}, LongestGap: l.gap.Milliseconds(), Resumed: l.resumed.Milliseconds(),
		Notes: map[string]int{
			"commands and reads in histories": l.counts.Operations, "reads of a bounded age": l.counts.Reads, "one-time tokens": l.counts.Tokens,
		},
	}
	for name, n := range l.faults {
		one.Notes["fault: "+name] = n
	}
	if t.Failed() {
		one.FailedRuns = 1
	} else {
		one.Rounds = 1
	}
	r.total, r.fresh = r.total.with(one), r.fresh.with(one)
	if r.fresh.Rounds+r.fresh.FailedRuns >= recordEvery {
		if err := r.record(); err != nil {
			t.Errorf("results are not recorded: %v", err)
		}
	}
}

// with is t and more.
func (t total) with(more total) total {
	t.Rounds += more.Rounds
	t.FailedRuns += more.FailedRuns
	t.Found = t.Plus(more.Found)
	t.LongestGap = max(t.LongestGap, more.LongestGap)
	t.Resumed = max(t.Resumed, more.Resumed)
	notes := map[string]int{}
	for _, from := range []map[string]int{t.Notes, more.Notes} {
		for name, n := range from {
			notes[name] += n
		}
	}
	t.Notes = notes
	t.Seeds = t.Seeds.with(more.Seeds)
	t.Commits = slices.Compact(slices.Concat(t.Commits, more.Commits))
	return t
}

// end prints what this run has found, and adds it to the record if that is asked for.
func (r *results) end() error {
	if len(r.total.Seeds) == 0 {
		return nil
	}
	now := r.total
	fmt.Printf("simulation: seeds %d-%d: %d passed, %d failed; %d acknowledged, %d lost, %d duplicated, %d wrong, %d without an answer (%d of them stored); longest gap %v, writes again after %v\n",
		seeds[0], seeds[len(seeds)-1], now.Rounds, now.FailedRuns, now.Acknowledged, now.Lost, now.Duplicated, now.Wrong, now.Unknown, now.Survived,
		time.Duration(now.LongestGap)*time.Millisecond, time.Duration(now.Resumed)*time.Millisecond)
	return r.record()
}

// record adds what is fresh to the record, if that is asked for. r.mu is held, or nobody else is there.
func (r *results) record() error {
	now := r.fresh
	r.fresh = total{}
	if os.Getenv("DASHD_SIM_RECORD") == "" || len(now.Seeds) == 0 {
		return nil
	}
	now.Commits = []string{findings.Commit()}
	var file struct {
		Scenarios []total `json:"scenarios"`
	}
	text, err := os.ReadFile(recordFile)
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(file.Scenarios) == 0 {
		file.Scenarios = []total{{}}
	}
	sum := file.Scenarios[0].with(now)
	sum.Name, sum.Outcome = "F31 simulation with random faults", "passed"
	if now.FailedRuns > 0 {
		sum.Outcome = "failed"
	}
	file.Scenarios[0] = sum
	if text, err = json.MarshalIndent(file, "", "  "); err != nil {
		return err
	}
	return findings.ReplaceFile(recordFile, append(text, '\n'))
}

// Two runs leave on record what they found together.
func TestTheRecordAddsUp(t *testing.T) {
	sum := total{Rounds: 2, Found: findings.Found{Acknowledged: 10}, LongestGap: 300, Notes: map[string]int{"a": 1}, Seeds: spans{{1, 2}, {7, 9}}, Commits: []string{"c"}}.
		with(total{FailedRuns: 1, Found: findings.Found{Acknowledged: 5, Lost: 1}, LongestGap: 200, Notes: map[string]int{"a": 2, "b": 1}, Seeds: spans{{3, 3}}, Commits: []string{"c"}})
	text, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"","outcome":"","rounds":2,"failedRuns":1,"acknowledged":15,"unknown":0,"survived":0,"lost":1,"duplicated":0,"wrong":0,` +
		`"longestGapMs":300,"longestResumeMs":0,"notes":{"a":3,"b":1},"seeds":["1-3","7-9"],"commits":["c"]}`
	if string(text) != want {
		t.Errorf("the sum is %s, want %s", text, want)
	}
	var back total
	if err := json.Unmarshal(text, &back); err != nil || !slices.Equal(back.Seeds, sum.Seeds) {
		t.Errorf("the seeds %v come back as %v: %v", sum.Seeds, back.Seeds, err)
	}
}
