package simulation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
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
	Name         string         `json:"name"`
	Outcome      string         `json:"outcome"` // of the last run
	Rounds       int            `json:"rounds"`  // seeds that passed
	FailedRuns   int            `json:"failedRuns"`
	Acknowledged int            `json:"acknowledged"`
	Unknown      int            `json:"unknown"`
	Survived     int            `json:"survived"`
	Lost         int            `json:"lost"`
	Duplicated   int            `json:"duplicated"`
	Wrong        int            `json:"wrong"`
	LongestGap   int64          `json:"longestGapMs"`    // with no write taken, faults and all
	Resumed      int64          `json:"longestResumeMs"` // until a write was taken after the last fault
	Notes        map[string]int `json:"notes,omitempty"` // operations, and faults by name
	Seeds        []string       `json:"seeds"`           // of each run, from-to: as many of them as it came to
	Commits      []string       `json:"commits"`
}

// add adds one seed.
func (r *results) add(t *testing.T, seed uint64, l *ledger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := total{
		Acknowledged: l.counts.Acknowledged, Unknown: l.counts.Unknown, Survived: l.counts.Survived,
		Lost: l.counts.Lost, Duplicated: l.counts.Duplicated, Wrong: l.counts.Wrong,
		Seeds: []string{fmt.Sprint(seed)}, LongestGap: l.gap.Milliseconds(), Resumed: l.resumed.Milliseconds(),
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
	if len(r.fresh.Seeds) >= recordEvery {
		if err := r.record(); err != nil {
			t.Errorf("results are not recorded: %v", err)
		}
	}
}

// with is t and more.
func (t total) with(more total) total {
	t.Rounds += more.Rounds
	t.FailedRuns += more.FailedRuns
	t.Acknowledged += more.Acknowledged
	t.Unknown += more.Unknown
	t.Survived += more.Survived
	t.Lost += more.Lost
	t.Duplicated += more.Duplicated
	t.Wrong += more.Wrong
	t.LongestGap = max(t.LongestGap, more.LongestGap)
	t.Resumed = max(t.Resumed, more.Resumed)
	notes := map[string]int{}
	for _, from := range []map[string]int{t.Notes, more.Notes} {
		for name, n := range from {
			notes[name] += n
		}
	}
	t.Notes = notes
	t.Seeds = slices.Compact(slices.Concat(t.Seeds, more.Seeds))
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
	now.Seeds = []string{fmt.Sprintf("%d-%d", seeds[0], seeds[len(seeds)-1])} // some may be under way
	now.Commits = []string{commit()}
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
	if err := os.WriteFile(recordFile+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(recordFile+".new", recordFile)
}

// commit is that of the tree under test.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// Two runs leave on record what they found together.
func TestTheRecordAddsUp(t *testing.T) {
	sum := total{Rounds: 2, Acknowledged: 10, LongestGap: 300, Notes: map[string]int{"a": 1}, Seeds: []string{"1-2"}, Commits: []string{"c"}}.
		with(total{FailedRuns: 1, Acknowledged: 5, Lost: 1, LongestGap: 200, Notes: map[string]int{"a": 2, "b": 1}, Seeds: []string{"3-3"}, Commits: []string{"c"}})
	text, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"","outcome":"","rounds":2,"failedRuns":1,"acknowledged":15,"unknown":0,"survived":0,"lost":1,"duplicated":0,"wrong":0,` +
		`"longestGapMs":300,"longestResumeMs":0,"notes":{"a":3,"b":1},"seeds":["1-2","3-3"],"commits":["c"]}`
	if string(text) != want {
		t.Errorf("the sum is %s, want %s", text, want)
	}
}
