package bench_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/bench"
)

// What a scenario or the preload stored is followed before the next one asks for anything.
func TestReadsFindTablesThatHaveFollowed(t *testing.T) {
	n := node{slow: 2}
	var behind []uint64
	results, err := measure(t, &n, func(o *bench.Options) {
		o.Scenarios, o.Preload = []bench.Scenario{scenario(t, "batch1000"), scenario(t, "users"), scenario(t, "count")}, 2_500
		o.Following = func(n uint64) { behind = append(behind, n) }
		o.Unsettled = func(why error) { t.Errorf("the node did not say how far it is: %v", why) }
	})
	if err != nil || len(results) != 4 {
		t.Fatalf("Run = %v, %d results; want 4", err, len(results))
	}
	if len(n.early) > 0 {
		t.Errorf("%d requests, of %s first, were made before the tables had followed", len(n.early), n.early[0])
	}
	if p := results[0]; p.Scenario != "preload" || p.Events != 3_000 || p.Settled <= 0 || p.P50 != 0 || p.Seconds < p.Settled.Seconds() ||
		p.PerSec != 3_000/p.Seconds {
		t.Errorf("the preload is %+v", p)
	}
	for i, followed := range []bool{true, true, false, false} { // reads leave nothing to follow
		if got := results[i].Settled; got < 0 || (got > 0) != followed {
			t.Errorf("%s settled in %v", results[i].Scenario, got)
		}
	}
	if len(behind) != 6 || behind[0] != 3_000 || behind[2] != 0 || behind[5] != 0 {
		t.Errorf("told %v", behind)
	}
}

// The cost of a preload is that of storing and following, for each event.
func TestUsageOfAPreload(t *testing.T) {
	calls := 0
	results, err := measure(t, &node{}, func(o *bench.Options) {
		o.Scenarios, o.Preload = nil, 1000
		o.Usage = func() (bench.Usage, bool) {
			calls++
			return bench.Usage{CPU: time.Duration(calls) * time.Second, Written: int64(calls) * 1000}, true
		}
	})
	if err != nil || len(results) != 1 || results[0].CPUPer != time.Millisecond || results[0].WrotePer != 1 {
		t.Errorf("Run = %v, %+v", err, results)
	}
}

// All nodes of a cluster are waited for, those too to which nothing is sent.
func TestNodesThatGetNoLoadSettleToo(t *testing.T) {
	_, err := measure(t, &node{}, func(o *bench.Options) {
		o.Scenarios, o.Nodes = bench.Scenarios()[:1], []string{o.URLs[0], "http://127.0.0.1:1"}
	})
	if err == nil || !strings.Contains(err.Error(), "ask 127.0.0.1:1 how far it is") {
		t.Errorf("Run = %v", err)
	}
}

// A key that may not read the status is told of once, and everything is measured without waiting.
func TestNodeThatDoesNotSayHowFarItIs(t *testing.T) {
	told := 0
	results, err := measure(t, &node{secret: true}, func(o *bench.Options) {
		o.Scenarios, o.Preload, o.Unsettled = bench.Scenarios()[:2], 1000, func(error) { told++ }
	})
	if err != nil || len(results) != 3 || told != 1 {
		t.Fatalf("Run = %v, %d results; told %d times", err, len(results), told)
	}
	for _, r := range results {
		if r.Settled != -1 || r.PerSec <= 0 {
			t.Errorf("%+v", r)
		}
	}
}

// What was measured before nodes stopped to answer is reported, and nothing is measured after.
func TestNodeThatDoesNotSettleEndsTheRun(t *testing.T) {
	var n node
	results, err := measure(t, &n, func(o *bench.Options) {
		o.Scenarios = []bench.Scenario{{Name: "own", Local: func(context.Context) (bench.Result, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.stopping = true
			return bench.Result{Requests: 1, Note: "seen"}, nil
		}}, scenario(t, "track")}
	})
	if err == nil || !strings.Contains(err.Error(), "after own: ask ") || len(results) != 1 {
		t.Fatalf("Run = %v, %+v", err, results)
	}
	if r := results[0]; r.Requests != 1 || r.Settled != -1 || !strings.HasPrefix(r.Note, "seen; then ask ") {
		t.Errorf("%+v", r)
	}
}

func TestFollowEndsWithoutProgress(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   func(passed time.Duration) uint64 // of 1000
		took time.Duration
		says string
	}{
		{"there at once", func(time.Duration) uint64 { return 1000 }, 0, ""},
		{"slow, with progress", func(d time.Duration) uint64 { return uint64(d / (9 * time.Minute)) }, 9000 * time.Minute, ""},
		{"stuck", func(d time.Duration) uint64 { return min(300, uint64(d/time.Minute)) }, 300*time.Minute + bench.SettlePatience, "700 of 1000 events behind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				took, err := bench.Follow(t.Context(), func() (head, at uint64) {
					passed := time.Since(begin)
					return 1000 + uint64(passed/time.Second), tt.at(passed) // what comes meanwhile is not waited for
				}, nil)
				if passed := time.Since(begin); passed != tt.took {
					t.Errorf("ended after %v, want %v", passed, tt.took)
				}
				if tt.says == "" && (err != nil || took != tt.took) {
					t.Errorf("follow = %v, %v", took, err)
				}
				if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
					t.Errorf("follow = %v, want %q", err, tt.says)
				}
			})
		})
	}
}
