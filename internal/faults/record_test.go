package faults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dashd/internal/findings"
)

// The record is what all runs with DASHD_FAULTS_RECORD=1 have found, in a file, and
// as a table in a document.
var (
	recordFile = filepath.Join("..", "..", "results", "faults.json")
	recordPage = filepath.Join("..", "..", "docs", "faults.md")
)

const (
	tableBegin = "<!-- results: written by the tests from results/faults.json -->\n"
	tableEnd   = "<!-- end of results -->\n"
)

var update = flag.Bool("update", false, "write the table of results into docs/faults.md")

// total is a scenario on record.
type total struct {
	Name       string `json:"name"`
	Outcome    string `json:"outcome"` // of the last run
	Rounds     int    `json:"rounds"`  // that passed
	FailedRuns int    `json:"failedRuns"`
	findings.Found
	LongestStart int64          `json:"longestStartMs,omitempty"`
	Gaps         gaps           `json:"gapsMs,omitempty"`
	Notes        map[string]int `json:"notes,omitempty"`
	Seeds        []string       `json:"seeds"` // text: JavaScript and jq round numbers this large
	Commits      []string       `json:"commits"`
}

// gaps are kept one behind the other in a line.
type gaps []gap

func (g gaps) MarshalText() ([]byte, error) {
	return bytes.Trim(fmt.Append(nil, []gap(g)), "[]"), nil
}

func (g *gaps) UnmarshalText(text []byte) error {
	for _, word := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		*g = append(*g, gap(n))
	}
	return nil
}

// quantile is the gap that a share of all do not exceed.
func (g gaps) quantile(share float64) gap {
	sorted := slices.Sorted(slices.Values(g))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// read reads the record. That there is none yet is fine.
func readRecord(path string) (map[string]total, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var file struct{ Scenarios []total }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	byName := map[string]total{}
	for _, s := range file.Scenarios {
		byName[s.Name] = s
	}
	return byName, nil
}

// record writes what this run has found so far on top of what was there, if it is
// to be kept. It is called after each round: what is broken off is not lost. Runs of
// different scenarios may record at the same time.
func (r *results) record(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.keep {
		return
	}
	if err := r.merge(); err != nil {
		t.Errorf("results are not recorded: %v", err)
	}
}

// merge puts the scenarios of this run into the record as it is now. mu is held.
func (r *results) merge() error {
	lock, err := os.OpenFile(recordFile+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // and with it the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	all, err := readRecord(recordFile)
	if err != nil {
		return err
	}
	if all == nil {
		all = map[string]total{}
	}
	for _, s := range r.scenarios {
		if s.Rounds > 0 || s.Outcome == "failed" {
			all[s.Name] = r.before[s.Name].with(s)
		}
	}
	return writeRecord(all)
}

// with is t and what a run has found.
func (t total) with(s *scenario) total {
	t.Name, t.Outcome = s.Name, s.Outcome
	if s.Outcome == "" {
		t.Outcome = "broken off"
	}
	if s.Outcome == "failed" {
		t.FailedRuns++
	}
	t.Rounds += s.Rounds
	t.Found = t.Plus(s.Found)
	t.LongestStart = max(t.LongestStart, s.longestStart.Milliseconds())
	t.Gaps = slices.Concat(t.Gaps, s.Gaps)
	notes := maps.Clone(t.Notes)
	for name, n := range s.Notes {
		if notes == nil {
			notes = map[string]int{}
		}
		if strings.HasSuffix(name, ", MiB") {
			notes[name] = max(notes[name], n) // no count
		} else {
			notes[name] += n
		}
	}
	t.Notes = notes
	t.Seeds = withNew(t.Seeds, fmt.Sprint(s.Seed))
	t.Commits = withNew(t.Commits, findings.Commit())
	return t
}

func withNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(slices.Clone(list), s)
}

func writeRecord(all map[string]total) error {
	list := sortedTotals(all)
	text, err := json.MarshalIndent(map[string]any{"scenarios": list}, "", "  ")
	if err != nil {
		return err
	}
	if err := findings.ReplaceFile(recordFile, append(text, '\n')); err != nil {
		return err
	}
	page, err := os.ReadFile(recordPage)
	if err != nil {
		return err
	}
	if page, err = withTable(page, list); err != nil {
		return err
	}
	return findings.ReplaceFile(recordPage, page)
}

func sortedTotals(all map[string]total) []total {
	return slices.SortedFunc(maps.Values(all), func(a, b total) int { return compareNames(a.Name, b.Name) })
}

// compareNames puts "F2 …" before "F10 …", and those without a number last.
func compareNames(a, b string) int {
	var m, n int
	_, errA := fmt.Sscanf(a, "F%d", &m)
	_, errB := fmt.Sscanf(b, "F%d", &n)
	switch {
	case errA == nil && errB == nil && m != n:
		return m - n
	case (errA == nil) != (errB == nil):
		if errA == nil {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// withTable is the page with the table of what is on record.
func withTable(page []byte, list []total) ([]byte, error) {
	before, rest, ok := bytes.Cut(page, []byte(tableBegin))
	_, after, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ok2 {
		return nil, fmt.Errorf("%s has no place for the table", recordPage)
	}
	return slices.Concat(before, []byte(tableBegin), table(list), []byte(tableEnd), after), nil
}

func table(list []total) []byte {
	var b bytes.Buffer
	b.WriteString("\n| scenario | rounds | acknowledged | lost | duplicated | wrong | no answer | of those, stored | gap p50 | gap p99 | longest gap | seeds | last commit | last outcome |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|\n")
	for _, s := range list {
		p50, p99, longest := "", "", ""
		if len(s.Gaps) > 0 {
			p50, p99, longest = seconds(s.Gaps.quantile(0.5)), seconds(s.Gaps.quantile(0.99)), seconds(s.Gaps.quantile(1))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %s | %s | %s | %d | %s | %s |\n", s.Name, s.Rounds, s.Acknowledged, s.Lost,
			s.Duplicated, s.Wrong, s.Unknown, s.Survived, p50, p99, longest, len(s.Seeds), s.Commits[len(s.Commits)-1], s.Outcome)
	}
	b.WriteString("\n")
	return b.Bytes()
}

func seconds(g gap) string { return (time.Duration(g) * time.Millisecond).String() }

// TestTheTableIsThatOfTheRecord compares docs/faults.md with results/faults.json.
func TestTheTableIsThatOfTheRecord(t *testing.T) {
	if report.keep {
		if os.Getenv("CI") == "true" {
			t.Fatal("this run writes the table and the record (DASHD_FAULTS_RECORD), and so compares nothing")
		}
		t.Skip("NOT RUN: this run writes the table and the record (DASHD_FAULTS_RECORD); one that does not compares them")
	}
	page, err := os.ReadFile(recordPage)
	if err != nil {
		t.Fatal(err)
	}
	want, err := withTable(page, sortedTotals(report.before))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := findings.ReplaceFile(recordPage, want); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(page, want) {
		t.Error("the table is not that of results/faults.json: go test ./internal/faults -run TestTheTable -update")
	}
}

// Two runs leave on record what they found together.
func TestTheRecordAddsUp(t *testing.T) {
	var sum total
	for i, s := range []scenario{
		{Name: "x", Outcome: "passed", Seed: 7, Rounds: 2, Found: findings.Found{Acknowledged: 10}, Gaps: []gap{300, 100}, Notes: map[string]int{"a": 1}},
		{Name: "x", Outcome: "failed", Seed: 8, Rounds: 1, Found: findings.Found{Acknowledged: 5, Lost: 1}, Gaps: []gap{200}, Notes: map[string]int{"a": 2, "b": 1}},
	} {
		sum = sum.with(&s)
		if want := []string{"7", "8"}[:i+1]; !slices.Equal(sum.Seeds, want) {
			t.Errorf("seeds %v, want %v", sum.Seeds, want)
		}
	}
	if sum.Rounds != 3 || sum.Acknowledged != 15 || sum.Lost != 1 || sum.FailedRuns != 1 || sum.Outcome != "failed" || sum.Notes["a"] != 3 {
		t.Errorf("the sum is %+v", sum)
	}
	text, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	var back total
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got := []gap{back.Gaps.quantile(0), back.Gaps.quantile(0.5), back.Gaps.quantile(1)}; !slices.Equal(got, []gap{100, 200, 300}) {
		t.Errorf("of the gaps %v the least, the middle and the longest are %v", back.Gaps, got)
	}
}
