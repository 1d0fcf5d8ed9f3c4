package compare

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/bench/peers/internal/peer"
	"dashd/internal/bench"
)

var update = flag.Bool("update", false, "write golden files")

// rate is a result with a rate and a median.
func rate(scenario string, perSec float64, p50 time.Duration) bench.Result {
	return bench.Result{Scenario: scenario, PerSec: perSec, P50: p50, P99: 2 * p50, Quiet: true}
}

// three are three rounds of which the third lacks a peer.
func three() *Record {
	r := &Record{
		Begun: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Commit: "0123456789ab", Rounds: 3, Duration: 10 * time.Second, Events: 1_000_000, Valid: true,
		Peers: map[string]peer.Facts{"postgres": {Version: "PostgreSQL 15", Client: "pgx"}, "etcd": {Version: "etcd 3", Client: "clientv3"}},
	}
	for round, factor := range []float64{1, 0.5, 2} {
		r.Runs = append(r.Runs,
			Outcome{Round: round + 1, Heat: "batches", Who: "dashd", Results: []bench.Result{rate("batch1000", 240_000*factor, 30*time.Millisecond)}},
			Outcome{Round: round + 1, Heat: "batches", Who: "dashd", Results: []bench.Result{rate("batch1000x4", 200_000*factor, 30*time.Millisecond)}},
			Outcome{Round: round + 1, Heat: "batches", Who: "dashd", Results: []bench.Result{rate("batch1000x2", 200_000*factor, 25*time.Millisecond)}},
			Outcome{Round: round + 1, Heat: "batches of three", Who: "dashd-3", Results: []bench.Result{rate("batch1000", 60_000, 30*time.Millisecond)}},
			Outcome{Round: round + 1, Heat: "batches of three", Who: "etcd", Results: []bench.Result{rate("txn1000", 9_000, 1), rate("txn1000/16", 20_000, 1)}},
			Outcome{Round: round + 1, Heat: "reads", Who: "dashd", DiskBytes: 200, Results: []bench.Result{rate("latest20-hot", 9_000, 400*time.Microsecond)}},
			Outcome{Round: round + 1, Heat: "reads", Who: "postgres", DiskBytes: 1_300, Results: []bench.Result{rate("latest20-hot", 9_000, 10*time.Millisecond)}},
		)
		if round < 2 {
			r.Runs = append(r.Runs, Outcome{Round: round + 1, Heat: "batches", Who: "postgres", Results: []bench.Result{rate("copy1000", 20_000, 1)}})
		}
	}
	r.Compare()
	return r
}

func row(t *testing.T, r *Record, id string) Compared {
	t.Helper()
	for _, c := range r.Rows {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("no row %q", id)
	return Compared{}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	r := three()
	for _, tt := range []struct {
		name, id string
		ratio    Spread
		verdict  string
	}{
		{"a round without the peer has no ratio", "copy", Spread{Median: 9, Min: 6, Max: 12}, "floor"},
		{"the peer's best mode counts", "etcd-txn", Spread{Median: 3, Min: 3, Max: 3}, "below"},
		{"where less is better the peer's figure is divided", "latest-hot", Spread{Median: 25, Min: 25, Max: 25}, "floor"},
		{"the disk is of the run as a whole", "disk", Spread{Median: 6.5, Min: 6.5, Max: 6.5}, "aim"},
		{"what was not measured is neither good nor bad", "insert", Spread{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := row(t, r, tt.id)
			if c.Ratio.Median != tt.ratio.Median || c.Ratio.Min != tt.ratio.Min || c.Ratio.Max != tt.ratio.Max || c.Verdict != tt.verdict {
				t.Errorf("ratio %+v, %q; want %+v, %q", *c.Ratio, c.Verdict, tt.ratio, tt.verdict)
			}
		})
	}
	if c := row(t, r, "batch-p99-2"); c.Ours.Median != 50 || c.Verdict != "" {
		t.Errorf("nothing is asked of it, and it is %+v", c)
	}
	if c := row(t, r, "batch-p99"); c.Ours.Median != 60 || c.Verdict != "floor" || c.Peer != nil {
		t.Errorf("a figure on its own: %+v", c)
	}
}

func TestTheTableIsAsItWas(t *testing.T) {
	r := three()
	r.Valid, r.NotValid = false, []string{"before etcd others took more than 5 % of the processors"}
	got := Table(r, map[string]string{"etcd-txn": "the disk's flushes"}, "results/x.json")
	path := filepath.Join("testdata", "table.md")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	r.Quick = true
	if !strings.Contains(Table(r, nil, "x"), "no figure of it means anything") {
		t.Error("a quick run passes for a measurement")
	}
}

func TestOnlyWhatIsBetweenTheMarkersIsReplaced(t *testing.T) {
	const (
		begin = "<!-- results -->"
		end   = "<!-- end of results -->"
	)
	const document = "# A\n\n" + begin + "\nold\n" + end + "\n\nrest\n"
	got, err := Replace(document, "results", "new\n")
	if want := "# A\n\n" + begin + "\nnew\n" + end + "\n\nrest\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for _, bad := range []string{"", begin + "\n", end + "\n" + begin + "\n", document + document} {
		if _, err := Replace(bad, "results", "new"); err == nil {
			t.Errorf("%q has no place for a table", bad)
		}
	}
}

func TestEachRowComparesWhatAHeatMeasures(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rows() {
		if seen[r.ID] {
			t.Errorf("two rows are called %s", r.ID)
		}
		seen[r.ID] = true
		for _, side := range []Side{r.Ours, r.Peer} {
			if side.Who != "" && !measured(r.Heat, side) {
				t.Errorf("row %s: heat %s does not measure %+v", r.ID, r.Heat, side)
			}
		}
		if r.Floor > 0 && r.Peer.Who != "" && r.Aim <= r.Floor {
			t.Errorf("row %s aims lower than its floor", r.ID)
		}
	}
}

func measured(heat string, side Side) bool {
	for _, h := range Heats() {
		for _, e := range h.Entries {
			if h.Name != heat || e.Who != side.Who {
				continue
			}
			all := true
			for _, want := range side.Scenarios {
				all = all && slices.Contains(e.Scenarios, want)
			}
			if all && (len(side.Scenarios) > 0 || e.Preload) {
				return true
			}
		}
	}
	return false
}

// A node that was sent batches before compacts them, which is not in the latencies of a new one.
func TestTheP99AtFullLoadIsThatOfANewNode(t *testing.T) {
	for _, scenario := range []string{"batch1000x4", "batch1000x2"} {
		found := false
		for _, h := range Heats() {
			for _, e := range h.Entries {
				if !slices.Contains(e.Scenarios, scenario) {
					continue
				}
				if found = true; len(e.Scenarios) > 1 || e.Preload {
					t.Errorf("%s of heat %s is not measured on a new node: %+v", scenario, h.Name, e)
				}
			}
		}
		if !found {
			t.Errorf("no heat measures %s", scenario)
		}
	}
}

func TestLimitsAreOfRowsThatThereAre(t *testing.T) {
	limits, err := ParseLimits("# why\n\ncopy: encoding, mostly\ndisk: ids: 16 bytes\n")
	if err != nil || limits["copy"] != "encoding, mostly" || limits["disk"] != "ids: 16 bytes" {
		t.Errorf("%v, %v", limits, err)
	}
	for _, bad := range []string{"copi: x", "copy", "copy: a | b"} {
		if _, err := ParseLimits(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
	text, err := os.ReadFile("../../../limits.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseLimits(string(text)); err != nil {
		t.Error(err)
	}
}

func TestFiguresHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{1234567.8: "1,234,568", 999.5: "1,000", 123.4: "123", 12.34: "12.3", 12: "12", 0.7: "0.7", 1.234: "1.23", 0: "0"} {
		if got := figure(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

// A program that fails is in the record, and the others are measured.
func TestAProgramThatFailsDoesNotEndTheComparison(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := Options{
		Dashd:  script("dashd", `echo '{"machine":{"cpu":"x"},"diskBytesPerEvent":200,"results":[{"scenario":"batch1000","perSecond":9,"quiet":true}]}'`),
		Peers:  script("peers", `echo "no such server" >&2; exit 1`),
		Rounds: 1, Duration: time.Second, Events: 1000, Progress: io.Discard,
		Heats: []Heat{{"batches", []Entry{{Who: "postgres", Scenarios: []string{"copy1000"}}, {Who: "dashd", Scenarios: []string{"batch1000"}, Preload: true}}}},
	}
	var r Record
	if err := Run(t.Context(), o, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 2 || !strings.Contains(r.Runs[0].Failed, "no such server") || len(r.Runs[1].Results) != 1 || r.Runs[1].DiskBytes != 200 {
		t.Errorf("the runs are %+v", r.Runs)
	}
	if r.Valid || len(r.NotValid) == 0 {
		t.Error("a comparison with a failure passes for valid")
	}
	if c := row(t, &r, "copy"); c.reached() != "not measured" {
		t.Errorf("the row is %+v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, o, &Record{}); err == nil {
		t.Error("what was interrupted passes for done")
	}
}
