package bench_test

import (
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"dashd/internal/bench"
)

// What others took is what was busy, without what is ours and the kernel's own.
func TestOthersShare(t *testing.T) {
	const before = "cpu  1000 100 500 9000 50 10 20 5 7 0\ncpu0 500 50 250 4500 25 5 10 2 0 0\n"
	for _, tt := range []struct {
		name         string
		after        string // 10 s of processors' time later
		ours, kernel time.Duration
		want         float64
	}{
		{"all idle", "cpu  1000 100 500 10000 50 10 20 5 7 0\n", 0, 0, 0},
		{"waiting for disks is idle", "cpu  1000 100 500 9500 550 10 20 5 7 0\n", 0, 0, 0},
		{"all of it ours", "cpu  1600 100 700 9200 50 10 20 5 7 0\n", 8 * time.Second, 0, 0},
		{"a tenth is somebody's", "cpu  1600 100 700 9200 50 10 20 5 7 0\n", 7 * time.Second, 0, 0.1},
		{"nice time counts", "cpu  1000 600 500 9500 50 10 20 5 7 0\n", 0, 0, 0.5},
		{"threads of the kernel do not", "cpu  1600 100 700 9200 50 10 20 5 7 0\n", 7 * time.Second, time.Second, 0},
		{"stolen time counts", "cpu  1600 100 700 9100 50 10 20 105 7 0\n", 8 * time.Second, 0, 0.1},
		{"interrupts count", "cpu  1000 100 500 9800 50 110 120 5 7 0\n", 0, 0, 0.2},
		{"guests are counted once", "cpu  1500 100 500 9500 50 10 20 5 507 0\n", 5 * time.Second, 0, 0},
		{"more of it ours than was counted", "cpu  1600 100 700 9200 50 10 20 5 7 0\n", 8100 * time.Millisecond, 0, 0},
		{"no time has passed", before, 0, 0, -1},
	} {
		got, ok := bench.OthersShare(before, tt.after, tt.ours, tt.kernel)
		if !ok || math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v %v, want %v", tt.name, got, ok, tt.want)
		}
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8 9", "cpu 1 2 x 4 5 6 7 8 9"} {
		if _, ok := bench.OthersShare(text, before, 0, 0); ok {
			t.Errorf("%q is understood", text)
		}
	}
}

func TestParseProcess(t *testing.T) {
	const kworker = "23 (kworker/0:0H-k (x) y) I 2 0 0 0 -1 69238880 0 0 0 0 3 4 0 0 0 -20 1 0 5 0 0 1 2 3"
	parent, kernel, cpu, ok := bench.ParseProcess(kworker)
	if parent != 2 || !kernel || cpu != 70*time.Millisecond || !ok {
		t.Errorf("%d %v %v %v", parent, kernel, cpu, ok)
	}
	const server = "701 (postgres) S 1 701 701 0 -1 4194560 3 1 0 0 100 50 30 20 20 0 1 0 5 0 0 1 2 3"
	if parent, kernel, cpu, ok = bench.ParseProcess(server); parent != 1 || kernel || cpu != 2*time.Second || !ok {
		t.Errorf("with children that ended: %d %v %v %v", parent, kernel, cpu, ok)
	}
	for _, text := range []string{"", "1 (a) S 1 2", strings.Replace(server, " 100 ", " x ", 1)} {
		if _, _, _, ok := bench.ParseProcess(text); ok {
			t.Errorf("%q is understood", text)
		}
	}
}

func TestParsePressureAndFlushes(t *testing.T) {
	if got := bench.ParsePressure("some avg10=53.09 avg60=46.18 avg300=22.88 total=1923593997\nfull avg10=0.00 avg60=0.77 avg300=1.03 total=4\n"); math.Abs(got-0.5309) > 1e-9 {
		t.Errorf("pressure %v", got)
	}
	for _, text := range []string{"", "some", "full avg10=1.00", "some avg10=x"} {
		if got := bench.ParsePressure(text); got != -1 {
			t.Errorf("pressure of %q = %v", text, got)
		}
	}
	if got := bench.ParseFlushes(" 1 2 3 4 5 6 7 8 0 9 10 11 12 13 14 8318163 1091076\n"); got != 8318163 {
		t.Errorf("flushes %d", got)
	}
	for _, text := range []string{"", "1 2 3 4 5 6 7 8 9 10 11", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x 17"} {
		if got := bench.ParseFlushes(text); got != -1 {
			t.Errorf("flushes of %q = %d", text, got)
		}
	}
}

// Usage of several processes is the sum; a process and its children are one server.
func TestProcessesAndUsage(t *testing.T) {
	if _, err := os.Stat("/proc/self/io"); err != nil {
		t.Skip("NOT RUN: usage is read from /proc, which is Linux's")
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = child.Process.Kill(), child.Wait() }()
	pids := bench.Processes(os.Getpid())
	if len(pids) < 2 || pids[0] != os.Getpid() || !slices.Contains(pids, child.Process.Pid) {
		t.Errorf("Processes = %v; the child is %d", pids, child.Process.Pid)
	}
	own, ok1 := bench.UsageOf(child.Process.Pid)
	two, ok2 := bench.UsageOf(child.Process.Pid, child.Process.Pid)
	if !ok1 || !ok2 || two.PeakRSS < own.PeakRSS || two.PeakRSS < 2*own.Own {
		t.Errorf("UsageOf twice = %+v, once %+v", two, own)
	}
	if _, ok := bench.UsageOf(); ok {
		t.Error("UsageOf nothing = true")
	}
	if _, ok := bench.UsageOf(os.Getpid(), 1<<30); ok {
		t.Error("UsageOf with a process that does not exist = true")
	}
}
