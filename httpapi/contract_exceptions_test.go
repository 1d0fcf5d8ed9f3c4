package httpapi_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exception is a difference from the recorded answers that a rule demands.
type exception struct {
	file  string // "*": any
	index int    // of the exchange in the file, or every
	what  string // the difference, as differences has it; * is a name in it, or at its end anything
	why   string // the section of the contract whose rule it is
}

// every exchange of a file.
const every = -1

// deviations are all differences between dashd's answers and the reference's. One that is listed
// and is not there any more fails the test.
//
// "not replayed" stands for an exchange that dashd does not take part in.
var deviations = slices.Concat(analyticsDeviations, systemDeviations, userDeviations, organizationDeviations, ssoDeviations, drainDeviations)

// exceptions knows which of the deviations were met.
type exceptions struct{ met []bool }

func newExceptions() *exceptions { return &exceptions{make([]bool, len(deviations))} }

// allows reports whether a difference is one of the deviations.
func (e *exceptions) allows(x exchange, difference string) bool {
	for i, d := range deviations {
		if d.file != "*" && d.file != x.file || d.index != every && d.index != x.index {
			continue
		}
		if d.means(difference) {
			e.met[i] = true
			return true
		}
	}
	return false
}

// means reports whether the deviation is a difference.
func (d exception) means(difference string) bool {
	begin, open := strings.CutSuffix(d.what, "*")
	parts := strings.Split(begin, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	form := "^" + strings.Join(parts, `[A-Za-z]+`)
	if !open {
		form += "$"
	}
	return regexp.MustCompile(form).MatchString(difference)
}

// wantAllUsed reports the deviations that no answer shows.
func (e *exceptions) wantAllUsed(t *testing.T) {
	t.Helper()
	for i, met := range e.met {
		if d := deviations[i]; !met {
			t.Errorf("%s %d no longer differs: %s (%s)", d.file, d.index, d.what, d.why)
		}
	}
}
