package faults_test

import (
	"slices"
	"strings"
	"testing"

	"dashd/internal/dashdtest"
	"dashd/internal/errs"
)

// sentence is what a node that ended by itself told its operator.
func sentence(n *dashdtest.Node) string {
	_, text, ok := strings.Cut("\n"+n.Output(), "\ndashd: ")
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// ended says what is wrong with the way in which a node has ended by itself: it
// must be with one of the codes and a sentence, and not with a crash.
func ended(t *testing.T, n *dashdtest.Node, codes ...int) (problem string) {
	t.Helper()
	code := n.Wait(t)
	switch {
	case !slices.Contains(codes, code):
		return "exit code " + exitName(code)
	case len(strings.Fields(sentence(n))) < 5:
		return "exit code " + exitName(code) + " without a sentence"
	}
	return ""
}

// exitCrash is what the runtime of Go ends with when a goroutine fails that nobody can recover.
const exitCrash = 2

func exitName(code int) string {
	names := map[int]string{
		-1: "none (a signal)", 0: "0", exitCrash: "2 (a crash)", errs.ExitBug: "70 (bug)", errs.ExitIntegrity: "74 (integrity)",
		errs.ExitIO: "75 (I/O)", errs.ExitDiskLow: "76 (disk low)", errs.ExitIdentity: "77 (identity)",
	}
	if name, ok := names[code]; ok {
		return name
	}
	return "unknown"
}

// wantEnd waits until the node ends, as it must.
func wantEnd(t *testing.T, n *dashdtest.Node, code int) {
	t.Helper()
	if problem := ended(t, n, code); problem != "" {
		t.Fatalf("the node ended with %s, want exit code %d and a sentence (seed %d):\n%s", problem, code, seed, n.Output())
	}
}

// wantRefusal starts the node, which must refuse to run, and returns what it says.
func wantRefusal(t *testing.T, n *dashdtest.Node, code int) string {
	t.Helper()
	if n.TryStart(t) {
		t.Fatalf("the node starts, want exit code %d and a sentence (seed %d)", code, seed)
	}
	wantEnd(t, n, code)
	return sentence(n)
}
