package simulation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// story is the log of a simulation, of which a failure shows what may explain it, in no more lines than the
// log of a build has room for: all that the simulation did and how the cluster changed, and what the nodes
// said shortly before the first problem and at the end.
type story struct {
	lines []storyLine
	first int // how many lines there were at the first problem; 0: there was none yet
	last  int // and when the machines were stopped
}

type storyLine struct {
	text string
	told bool // whatever else is left out
}

// How many lines of each kind are told at most.
const (
	mostNotes  = 130 // of those that are always told, the first and the last of them
	mostBefore = 40  // of what nodes said before the first problem
	mostAtEnd  = 30  // and before the machines were stopped
)

// turns are what nodes say when the cluster changes, or they do.
var turns = []string{
	" ERROR msg=", "msg=leading", "node opened", "node stopped", "node joins", "gets a vote", "node removed", "storage failed",
	"configuration has not been changed", "the whole log", "the log from another node", "gives the lead away", "kept away",
}

// note adds what the simulation did.
func (st *story) note(text string) { st.lines = append(st.lines, storyLine{text, true}) }

// problem adds what must not be.
func (st *story) problem(text string) {
	if st.note(text); st.first == 0 {
		st.first = len(st.lines)
	}
}

// said adds what a node said.
func (st *story) said(text string) {
	turn := func(what string) bool { return strings.Contains(text, what) }
	st.lines = append(st.lines, storyLine{text, slices.ContainsFunc(turns, turn)})
}

// ending says that the machines are about to be stopped.
func (st *story) ending() { st.last = len(st.lines) }

// told is what is shown of it.
func (st *story) told() string {
	tell := make([]bool, len(st.lines))
	var notes []int
	for i, l := range st.lines {
		if l.told {
			notes = append(notes, i)
		}
	}
	for i, at := range notes {
		tell[at] = i < mostNotes/2 || i >= len(notes)-mostNotes/2
	}
	for _, part := range []struct{ end, most int }{{st.first, mostBefore}, {st.last, mostAtEnd}} {
		for i := max(0, part.end-part.most); i < part.end; i++ {
			tell[i] = true
		}
	}
	var b strings.Builder
	left := 0
	for i, l := range st.lines {
		if !tell[i] {
			left++
			continue
		}
		if left > 0 {
			fmt.Fprintf(&b, "           … %d lines\n", left)
			left = 0
		}
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// What a failure shows of a long log has the causes, and fits.
func TestAStoryIsShortAndHasTheCauses(t *testing.T) {
	var st story
	for i := range 1000 {
		st.said(fmt.Sprintf("n1 WARN msg=chatter n=%d", i))
		if i%20 == 0 {
			st.note(fmt.Sprintf("** fault %d", i))
		}
		if i == 500 {
			st.said("n2 INFO msg=leading term=7")
			st.problem("!! a write is lost")
		}
	}
	st.ending()
	st.said("n1 INFO msg=stopped")
	told := st.told()
	for _, want := range []string{"** fault 0\n", "** fault 500\n", "** fault 980\n", "term=7", "!! a write is lost", "n=499\n", "n=999\n"} {
		if !strings.Contains(told, want) {
			t.Errorf("it does not tell %q", want)
		}
	}
	for _, other := range []string{"n=300\n", "msg=stopped"} {
		if strings.Contains(told, other) {
			t.Errorf("it tells %q", other)
		}
	}
	for range 2000 {
		st.note("** another fault")
	}
	if n := strings.Count(st.told(), "\n"); n > 300 {
		t.Errorf("it has %d lines", n)
	}
}
