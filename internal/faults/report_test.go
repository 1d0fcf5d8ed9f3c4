package faults_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"dashd/internal/findings"
)

// report collects what became of every scenario.
var report results

type results struct {
	mu        sync.Mutex
	scenarios []*scenario
	before    map[string]total // what earlier runs have recorded, by name; read-only
	keep      bool             // what this run finds is recorded too
}

// scenario is what this run has found in one scenario.
type scenario struct {
	Name    string
	Outcome string // passed, failed, or why it was not run
	Seed    uint64
	Rounds  int
	findings.Found
	Gaps  []gap          // the longest one of each fault
	Notes map[string]int // what else was counted

	longestStart time.Duration
}

// gap is a time, in milliseconds, in which no write was acknowledged.
type gap int

// begin opens a scenario, which ends with the test.
func begin(t *testing.T, name string) *scenario {
	t.Helper()
	s := &scenario{Name: name, Seed: seed, Notes: map[string]int{}}
	report.mu.Lock()
	report.scenarios = append(report.scenarios, s)
	report.mu.Unlock()
	t.Cleanup(func() {
		switch {
		case s.Outcome != "":
		case t.Failed():
			s.Outcome = "failed"
		default:
			s.Outcome = "passed"
		}
		report.record(t)
	})
	return s
}

// leaveOut ends a test that cannot run here, loudly: it must not look as if it
// had passed.
func leaveOut(t *testing.T, name, reason string) {
	t.Helper()
	s := begin(t, name)
	s.Outcome = "not run: " + reason
	fmt.Printf("faults: NOT RUN: %s: %s\n", name, reason)
	t.Skip(reason)
}

// slow leaves a test out in a -short run.
func slow(t *testing.T, name string) {
	t.Helper()
	if testing.Short() {
		leaveOut(t, name, "-short")
	}
}

// rounds is how many rounds to run: as many as the environment says, or else
// normal, or short in a -short run. Rounds that are on record count, so that what
// was broken off goes on where it stopped; if there are enough the test ends.
func (s *scenario) rounds(t *testing.T, variable string, normal, short int) int {
	t.Helper()
	want := count(t, variable, normal, short)
	if !report.keep {
		return want
	}
	had := report.before[s.Name].Rounds
	if want <= had {
		s.Outcome = fmt.Sprintf("on record: %d rounds", had)
		t.Skip(s.Outcome)
	}
	return want - had
}

// passed ends a round.
func (s *scenario) passed(t *testing.T) {
	t.Helper()
	s.Rounds++
	report.record(t)
}

func (s *scenario) startedIn(d time.Duration) { s.longestStart = max(s.longestStart, d) }

// print prints what became of all scenarios.
func (r *results) print() {
	if len(r.scenarios) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scenario\trounds\tacknowledged\tlost\tduplicated\twrong\tunknown\tsurvived\tlongest start\tlongest gap, ms\toutcome\t")
	for _, s := range r.scenarios {
		longest := gap(0)
		if len(s.Gaps) > 0 {
			longest = slices.Max(s.Gaps)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%s\t\n", s.Name, s.Rounds, s.Acknowledged, s.Lost, s.Duplicated, s.Wrong,
			s.Unknown, s.Survived, s.longestStart.Round(time.Millisecond), longest, s.Outcome)
	}
	_ = w.Flush() // to standard output
	for _, s := range r.scenarios {
		if len(s.Notes) > 0 {
			fmt.Printf("%s: %v\n", s.Name, s.Notes)
		}
	}
}
