package deadman_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"dashd/internal/deadman"
)

// child says what this process does as a child of the test.
const child = "DASHD_TEST_DEADMAN"

func TestMain(m *testing.M) {
	if what := os.Getenv(child); what != "" {
		os.Exit(live(what))
	}
	os.Exit(m.Run())
}

func live(what string) int {
	s, err := deadman.New()
	if err != nil {
		return 3
	}
	for range 10 {
		s.Within(5 * time.Second)
		time.Sleep(time.Millisecond)
	}
	switch what {
	case "freezes":
		s.Within(50 * time.Millisecond)
		syscall.Kill(os.Getpid(), syscall.SIGSTOP) // soon no goroutine runs any more
		time.Sleep(time.Minute)
	case "turns it off":
		s.Within(50 * time.Millisecond)
		s.Within(0)
		time.Sleep(200 * time.Millisecond)
	}
	return 0
}

func TestSwitch(t *testing.T) {
	if _, err := deadman.New(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("NOT RUN: this system has no such timers")
	}
	for what, killed := range map[string]bool{"freezes": true, "turns it off": false} {
		t.Run(what, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), child+"="+what)
			err := cmd.Run()
			var ended *exec.ExitError
			if killed {
				if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Errorf("the process ended with %v, want killed", err)
				}
			} else if err != nil {
				t.Errorf("the process ended with %v", err)
			}
		})
	}
}
