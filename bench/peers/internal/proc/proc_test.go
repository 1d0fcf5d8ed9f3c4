package proc

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAServerIsAskedUntilItAnswersAndThenStopped(t *testing.T) {
	s, err := Start("sleeper", t.TempDir(), exec.Command("sleep", "600"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	if err := s.Ready(t.Context(), func(context.Context) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	}); err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	if _, ok := UsageOf([]int{s.Pid()}); !ok {
		t.Error("nothing is known of a process that runs")
	}
	for range 2 { // the second time, nothing is left to do
		if err := s.Stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	if _, ok := UsageOf([]int{s.Pid()}); ok {
		t.Error("a process that has ended uses something")
	}
}

func TestAServerThatEndsSaysWhatItPrinted(t *testing.T) {
	s, err := Start("quitter", t.TempDir(), exec.Command("sh", "-c", "echo no licence; exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	err = s.Ready(t.Context(), func(context.Context) error { return errors.New("nobody there") })
	if err == nil || !strings.Contains(err.Error(), "no licence") {
		t.Errorf("the error is %v", err)
	}
}

// A server's work may be its children's, and may be over when it is asked for.
func TestUsageCountsChildrenThatRunAndThatHaveEnded(t *testing.T) {
	const busy = `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done`
	s, err := Start("parent", t.TempDir(), exec.Command("sh", "-c", "sh -c '"+busy+"'; sleep 600 & wait"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop(syscall.SIGKILL)
	child := func() int {
		all, err := parents()
		if err != nil {
			t.Fatal(err)
		}
		for pid, parent := range all {
			if parent == s.Pid() {
				if name, _ := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output(); strings.TrimSpace(string(name)) == "sleep" {
					return pid
				}
			}
		}
		return 0
	}
	if err := s.Ready(t.Context(), func(context.Context) error {
		if child() == 0 {
			return errors.New("the first child still works")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(child(), syscall.SIGKILL) }()
	u, ok := UsageOf([]int{s.Pid()})
	if !ok || u.CPU < 20*time.Millisecond {
		t.Errorf("the child that has ended counts %s, %v", u.CPU, ok)
	}
	if u.PeakRSS != -1 {
		t.Errorf("the peak of processes that share memory is %d", u.PeakRSS)
	}
}

func TestPortsAreDifferentAndFree(t *testing.T) {
	ports, err := Ports(3)
	if err != nil || len(ports) != 3 || ports[0] == ports[1] || ports[1] == ports[2] || ports[0] == ports[2] {
		t.Errorf("ports %v, %v", ports, err)
	}
}
