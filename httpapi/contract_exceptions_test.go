package httpapi_test

import (
	"slices"
	"strings"
	"testing"
)

// exception is a difference from the recorded answers that a rule demands.
type exception struct {
	file  string // "*": any
	index int    // of the exchange in the file, or every
	what  string // the difference, as differences has it; with * at its end: what begins so
	why   string // the section of the contract whose rule it is
}

// every exchange of a file.
const every = -1

// notReplayed are the files whose endpoints belong to another part of dashd, and which one.
var notReplayed = map[string]string{
	"get-dash-graph":     "analytics",
	"get-dash-map":       "analytics",
	"get-dash-retention": "analytics",
	"get-dash-stats":     "analytics",
}

// deviations are all differences between dashd's answers and the reference's. One that is listed
// and is not there any more fails the test.
//
// "not replayed" stands for an exchange that dashd does not take part in.
var deviations = slices.Concat(ssoDeviations, []exception{
	{"app-events", every, "not replayed", "the application's own endpoints; what they report is folded, see the state that other files are replayed in"},
})

// exceptions knows which of the deviations were met.
type exceptions struct{ met []bool }

func newExceptions() *exceptions { return &exceptions{make([]bool, len(deviations))} }

// allows reports whether a difference is one of the deviations.
func (e *exceptions) allows(x exchange, difference string) bool {
	for i, d := range deviations {
		if d.file != "*" && d.file != x.file || d.index != every && d.index != x.index {
			continue
		}
		begin, open := strings.CutSuffix(d.what, "*")
		if d.what == difference || open && strings.HasPrefix(difference, begin) {
			e.met[i] = true
			return true
		}
	}
	return false

	// Organizations.
	{"post-dash-organization", 1, "body.metadata: string, captured null", "6 POST: metadata is accepted"},
	{"patch-dash-organization", 1, "body.logo: null, captured string", "6 PATCH: an empty logo is null"},
	{"get-dash-organization", 1, "body.logo: null, captured string", "6 PATCH: an empty logo is null"},
	{"extra-organizations", 5, "body[].logo: null, captured string", "6 PATCH: an empty logo is null"},
	{"patch-dash-organization", 4, "*", "6 PATCH: metadata may be an object"},
	{"patch-dash-organization", 11, "*", `6 PATCH: metadata "" takes it away`},
	{"patch-dash-organization", 8, `message "Organization not found", *`, "6 PATCH: no owner is needed"},
	{"post-dash-organization-team", 2, `message "Organization not found", *`, "6 PATCH: no owner is needed, to make teams neither"},
	{"patch-dash-organization", 10, "*", "6 PATCH: no owner is needed"},
	{"delete-dash-organization", 1, "*", "6 PATCH: no owner is needed, to delete neither"},
	{"post-dash-organization-team", 5, "*", "6 PATCH: no owner is needed, to make teams neither"},
	{"get-dash-organizations", 11, "body.organizations: 1 items, captured 3", "6 GET: limit is held between 1 and 100"},
	{"get-dash-organizations", 12, "*", "6 GET: a limit that is no number is 10"},
	{"get-dash-organizations", 13, "*", "6 GET: 400 for a date that is none"},
	{"extra-organizations", 4, "body.deletedOrgIds: 1 items, captured 2", "19.10: unknown ids are skipped"},
	{"extra-organizations", 4, "body.skippedOrgIds: 1 items, captured 0", "19.10: unknown ids are skipped"},
	{"extra-organizations", 6, "body[].membershipKey: missing", "3 TeamMember"},
	{"post-dash-organization-team-member", 0, "body.membershipKey: missing", "3 TeamMember"},
	{"post-dash-organization-member", 1, "*", "7 POST: nobody is a member twice"},
	{"delete-dash-organization-member", 2, "*", "7 DELETE: the last owner stays"},
	{"patch-dash-organization-member-role", 3, "*", "7 PATCH: the last owner stays one"},
	{"post-dash-organization-team", 6, "*", "8 POST: an empty name is refused"},
	{"post-dash-organization-invite", 0, "body.emailSent: added", "9 POST: without a mail sender, the answer says so"},
	{"post-dash-organization-invite", 1, "body.emailSent: added", "9 POST: without a mail sender, the answer says so"},
	{"post-dash-organization-invite-cancel", 1, "*", "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-cancel", 5, "*", "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-resend", 6, "body: 1 items, captured 2", "9 resend: an expired invitation is prolonged"},
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
