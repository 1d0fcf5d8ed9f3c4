package faults_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// report collects what became of every scenario.
var report results

type results struct {
	mu        sync.Mutex
	scenarios []*scenario
}

// scenario is one line of the results.
type scenario struct {
	Name         string         `json:"name"`
	Outcome      string         `json:"outcome"` // passed, failed, or why it was not run
	Seed         uint64         `json:"seed"`
	Rounds       int            `json:"rounds"`
	Acknowledged int            `json:"acknowledged"` // events
	Unknown      int            `json:"unknown"`      // events without an answer
	Survived     int            `json:"survived"`     // of those, in the log
	Lost         int            `json:"lost"`
	Duplicated   int            `json:"duplicated"`
	Wrong        int            `json:"wrong"` // content, position or answer
	LongestStart string         `json:"longestStart,omitempty"`
	Notes        map[string]int `json:"notes,omitempty"`

	longest time.Duration
}

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

func (s *scenario) startedIn(d time.Duration) {
	s.longest = max(s.longest, d)
	s.LongestStart = s.longest.Round(time.Millisecond).String()
}

// write prints all scenarios and writes them to a file.
func (r *results) write(path string) error {
	if len(r.scenarios) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scenario\trounds\tacknowledged\tlost\tduplicated\twrong\tunknown\tsurvived\tlongest start\toutcome\t")
	for _, s := range r.scenarios {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", s.Name, s.Rounds, s.Acknowledged,
			s.Lost, s.Duplicated, s.Wrong, s.Unknown, s.Survived, s.LongestStart, s.Outcome)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.scenarios {
		if len(s.Notes) > 0 {
			fmt.Printf("%s: %v\n", s.Name, s.Notes)
		}
	}
	text, err := json.MarshalIndent(map[string]any{"scenarios": r.scenarios}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
