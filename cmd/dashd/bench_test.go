package main

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/internal/bench"
)

func TestFileSystemOf(t *testing.T) {
	const mounts = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
25 24 0:23 / /dev/shm rw,relatime shared:2 - tmpfs tmpfs rw
40 27 8:1 / /data rw - ext4 /dev/sda1 rw
41 40 8:2 / /data rw - xfs /dev/sdb1 rw
no such line
`
	for path, want := range map[string]string{
		"/": "ext4", "/home": "ext4", "/dev/shm/x": "tmpfs", "/dev/shmem": "ext4", "/data": "xfs", "/data/dashd": "xfs", "/database": "ext4",
	} {
		if got := fileSystemOf(mounts, path); got != want {
			t.Errorf("fileSystemOf(%s) = %s, want %s", path, got, want)
		}
	}
	if got := fileSystemOf("", "/"); got != "" {
		t.Errorf("of no mounts: %q", got)
	}
}

// That nothing was waited for is said in either form, and a preload shows no latencies.
func TestBenchReportOfSettling(t *testing.T) {
	var out bytes.Buffer
	b := benchReport{stdout: &out}
	b.unsettled(errors.New("HTTP 403: no"))
	r := bench.Unknown()
	r.Scenario, r.Requests, r.PerSec, r.Settled = "preload", 1, 47_000, 1234*time.Millisecond
	b.add(r)
	text := out.String()
	if !strings.Contains(text, "NOT WAITED") || !strings.Contains(text, "HTTP 403: no\n") {
		t.Errorf("the text does not say that nothing was waited for:\n%s", text)
	}
	if !regexp.MustCompile(`(?m)^preload +0 +47000( +-)+$`).MatchString(text) || !strings.Contains(text, "caught up 1.23s later") {
		t.Errorf("the row of a preload:\n%s", text)
	}
	b.options.asJSON = true
	out.Reset()
	if err := b.print(); err != nil || !strings.Contains(out.String(), `"unsettled": "HTTP 403: no"`) || !strings.Contains(out.String(), `"settledNs": 1234000000`) {
		t.Errorf("print = %v:\n%s", err, out.String())
	}
}

func TestChosenScenarios(t *testing.T) {
	for _, tt := range []struct {
		name  string
		o     benchOptions
		own   bool
		want  []string // are among them
		never []string
		err   bool
	}{
		{"one node", benchOptions{nodes: 1}, true, []string{"single", "studio", "mixed", "replay"}, []string{"catchup", "rebuild"}, false},
		{"a cluster", benchOptions{nodes: 3}, true, []string{"single", "catchup"}, []string{"replay", "restart"}, false},
		{"somebody else's node", benchOptions{nodes: 1}, false, []string{"single", "latest20"}, []string{"replay", "catchup"}, false},
		{"by name", benchOptions{nodes: 1, scenarios: []string{"rebuild"}}, true, []string{"rebuild"}, []string{"rebuild-stopped", "single"}, false},
		{"by the beginning of names", benchOptions{nodes: 1, history: 1, scenarios: []string{"asof"}}, true, []string{"asof/cold/stats"}, []string{"asof-seq"}, false},
		{"not on one node", benchOptions{nodes: 1, scenarios: []string{"catchup"}}, true, nil, nil, true},
	} {
		got, err := chosen(tt.o, tt.own)
		if (err != nil) != tt.err {
			t.Errorf("%s: %v", tt.name, err)
		}
		has := func(name string) bool {
			return slices.ContainsFunc(got, func(s bench.Scenario) bool { return s.Name == name })
		}
		for _, name := range tt.want {
			if !has(name) {
				t.Errorf("%s: no %s", tt.name, name)
			}
		}
		if slices.ContainsFunc(tt.never, has) {
			t.Errorf("%s: one of %v is among them", tt.name, tt.never)
		}
	}
}

func TestBenchOptionsThatDoNotGoTogether(t *testing.T) {
	good := benchOptions{nodes: 1, to: "any"}
	if err := good.check(""); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*benchOptions){
		"no nodes":              func(o *benchOptions) { o.nodes = 0 },
		"a history of three":    func(o *benchOptions) { o.nodes, o.history = 3, 10 },
		"to a follower":         func(o *benchOptions) { o.to = "follower" },
		"a negative rate":       func(o *benchOptions) { o.rate = -1 },
		"keep without history":  func(o *benchOptions) { o.keep = "d" },
		"history and people":    func(o *benchOptions) { o.history, o.people = 1, 1 },
		"a rate that is no one": func(o *benchOptions) { o.rate /= o.rate },
	} {
		o := good
		change(&o)
		if err := o.check(""); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	three := good
	three.nodes = 3
	if err := three.check("http://node"); err == nil {
		t.Error("three nodes of somebody else are accepted")
	}
}
