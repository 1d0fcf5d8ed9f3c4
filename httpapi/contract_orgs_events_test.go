package httpapi_test

import (
	"encoding/json"
	"slices"
	"testing"

	"dashd/eventlog"
)

// otherwise is an exchange after which dashd tells something else than the plugin reported.
type otherwise struct {
	file  string
	index int
	types []eventlog.Type
	why   string // the section of the contract whose rule it is
}

var toldOtherwise = []otherwise{
	{"patch-dash-organization", 4, []eventlog.Type{eventlog.OrganizationUpdated}, "6 PATCH: metadata may be an object"},
	{"patch-dash-organization", 10, []eventlog.Type{eventlog.OrganizationUpdated}, "6 PATCH: no owner is needed"},
	{"patch-dash-organization", 11, []eventlog.Type{eventlog.OrganizationUpdated}, `6 PATCH: metadata "" takes it away`},
	{"delete-dash-organization", 0, []eventlog.Type{eventlog.OrganizationDeleted}, "6 DELETE"},
	{"delete-dash-organization", 1, []eventlog.Type{eventlog.OrganizationDeleted}, "6 DELETE"},
	{"extra-organizations", 4, []eventlog.Type{eventlog.OrganizationDeleted}, "6 DELETE"},
	{"post-dash-organization-member", 1, nil, "7 POST: nobody is a member twice"},
	{"delete-dash-organization-member", 2, nil, "7 DELETE: the last owner stays"},
	{"patch-dash-organization-member-role", 3, nil, "7 PATCH: the last owner stays one"},
	{"patch-dash-organization-member-role", 4, nil, "7 PATCH: no event when nothing changes"},
	{"post-dash-organization-team", 5, []eventlog.Type{eventlog.TeamCreated}, "6 PATCH: no owner is needed, to make teams neither"},
	{"post-dash-organization-team", 6, nil, "8 POST: an empty name is refused"},
	{"post-dash-organization-invite-cancel", 1, nil, "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-cancel", 5, nil, "9 cancel: only pending invitations"},
	{"post-dash-organization-invite-resend", 0, []eventlog.Type{eventlog.InvitationCreated}, "9 resend: resend is true"},
}

// tellWhatWasReported checks that what dashd tells after an exchange about organizations is what
// the plugin reported: the same events in the same order, about the same stream, with the
// same data.
func tellWhatWasReported(t *testing.T, x *exchange, got []eventlog.Event) {
	t.Helper()
	i := slices.IndexFunc(toldOtherwise, func(o otherwise) bool { return o.file == x.file && o.index == x.index })
	if i < 0 {
		wantReported(t, x, got)
		return
	}
	var types []eventlog.Type
	for i := range got {
		types = append(types, got[i].Type)
	}
	if want := toldOtherwise[i].types; !slices.Equal(types, want) {
		t.Errorf("%v: told %v, want %v (%s)", x, types, want, toldOtherwise[i].why)
	}
}

// appended are the events of the scene's project after a seq.
func (s *scene) appended(after uint64) (events []eventlog.Event) {
	s.t.Helper()
	for seq := after + 1; seq <= s.node.Store.Head(); seq++ {
		rec, err := s.node.Store.Read(seq)
		if err != nil {
			s.t.Fatal(err)
		}
		if rec.Project == s.project {
			events = append(events, rec.Event)
		}
	}
	return events
}

// ownWords are the data whose values dashd chooses: ids of what it makes, and who did it (section
// 2.10, 19.7). A name may differ because the recording came from a longer story.
var ownWords = []string{
	"organizationId", "organizationName", "organizationSlug", "memberId", "teamId", "teamName", "inviteeId", "inviterName",
	"triggeredBy", "triggerContext", "cancelledById", "cancelledByName", "cancelledByEmail",
}

// wantReported compares events with those of the recording.
func wantReported(t *testing.T, x *exchange, got []eventlog.Event) {
	t.Helper()
	if len(got) != len(x.EventsTracked) {
		t.Errorf("%v: told %d events, the plugin %d", x, len(got), len(x.EventsTracked))
		return
	}
	for i, want := range x.EventsTracked {
		e := &got[i]
		if types, _ := eventlog.TypesOf(want.EventType); !slices.Contains(types, e.Type) {
			t.Errorf("%v: told %s, the plugin %s", x, e.Type, want.EventType)
		}
		var data map[string]any
		if err := json.Unmarshal(e.Metadata, &data); err != nil {
			t.Fatal(err)
		}
		if e.Key == "" || e.Key != e.OrganizationID || e.Key != data["organizationId"] {
			t.Errorf("%v: %s is in the stream %q", x, e.Type, e.Key)
		}
		for key, value := range want.EventData {
			if key == "userid" {
				key = "userId" // section 8
			}
			said, ok := data[key]
			if !ok || said != value && !slices.Contains(ownWords, key) {
				t.Errorf("%v: %s says %s: %v, the plugin %v", x, e.Type, key, said, value)
			}
		}
	}
}
