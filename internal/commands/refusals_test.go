package commands_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"dashd/eventlog"
	"dashd/internal/commands"
)

// More refusals than fit a block are noted, and noted again they are the same events.
func TestNoteRefusals(t *testing.T) {
	n := open(t, t.TempDir())
	var refusals []commands.Refusal
	for i := range 1500 {
		refusals = append(refusals, commands.Refusal{
			ID: fmt.Sprint("r", i), At: noon - 60_000, Peer: netip.MustParseAddr("2001:db8::1"),
			Method: "GET", Route: "/v1/events", Reason: commands.RevokedKey, Key: "k1", Project: "shop",
		})
	}
	refusals[1].Key, refusals[1].User = "", "ada"
	refusals[2].User = strings.Repeat("\x00", eventlog.MaxRefLen) // longer once it is clean
	refusals[3] = commands.Refusal{ID: "nobody", At: noon, Method: "GET", Route: "/v1/keys", Reason: commands.NoKey}
	counts := []commands.RefusalCount{{ID: "r0", At: noon, Source: "2001:db8::/64", Refused: 7, Reasons: map[commands.RefusalReason]int{commands.NoKey: 7}}}
	for range 2 {
		if err := n.NoteRefusals(t.Context(), refusals, counts); err != nil {
			t.Fatal(err)
		}
	}
	recs := n.records()
	if len(recs) != 1501 {
		t.Fatalf("%d events, want 1,501", len(recs))
	}
	for i, want := range map[int]string{
		0:    `shop k1  2001:db8::1 -60000 {"method":"GET","route":"/v1/events","reason":"revoked_key","keyId":"k1","projectId":"shop"}`,
		1:    `shop  ada 2001:db8::1 -60000 {"method":"GET","route":"/v1/events","reason":"revoked_key","userId":"ada","projectId":"shop"}`,
		3:    `_dashd    0 {"method":"GET","route":"/v1/keys","reason":"no_key"}`,
		1500: `_dashd    0 {"source":"2001:db8::/64","from":"","until":"","refused":7,"reasons":{"no_key":7}}`,
	} {
		r := recs[i]
		got := fmt.Sprintf("%s %s %s %s %d %s", r.Key, r.ActorID, r.UserID, r.IPAddress, r.Time-noon, r.Metadata)
		if got != want || r.Status != eventlog.Failed || r.Project != eventlog.ReservedProject {
			t.Errorf("event %d, of %s, is\n%s, want\n%s", i, r.Project, got, want)
		}
	}
	if recs[2].UserID != "" {
		t.Errorf("the user is %q", recs[2].UserID)
	}
}
