package eventlog_test

import (
	"regexp"
	"strings"
	"testing"

	"dashd/eventlog"
)

// contractTypes are the lists of sections 2.1 and 2.2 of the event model, whose
// names are on disk.
const contractTypes = `
user.joined user.logged_in user.updated user.logged_out user.password_changed
user.email_verified user.banned user.unbanned user.deleted user.delete_verification_requested
organization.created organization.deleted organization.updated
member.added member.removed member.role_changed session.created login.failed
password.reset_requested password.reset_completed password.reset_requested_otp password.reset_completed_otp
oauth.linked oauth.unlinked oauth.sign_in
team.created team.updated team.deleted team.member.added team.member.removed
invitation.created invitation.accepted invitation.rejected invitation.cancelled
phone_number.otp_requested phone_number.verification

user.image_updated user.email_changed user.email_verification_sent user.impersonated
user.impersonation_stopped session.revoked session.revoked_all
two_factor.enabled two_factor.disabled two_factor.verified account.linked account.unlinked
security.allowed security.challenged security.blocked
security.unknown_device security.credential_stuffing security.impossible_travel
security.geo_blocked security.bot_blocked security.suspicious_ip security.velocity_exceeded
security.free_trial_abuse security.compromised_password security.stale_account`

func TestTypesAreTheContracts(t *testing.T) {
	want := strings.Fields(contractTypes)
	got := eventlog.Types()
	if len(got) != len(want) {
		t.Fatalf("%d types, want %d", len(got), len(want))
	}
	for i := range want {
		if string(got[i]) != want[i] {
			t.Errorf("type %d is %s, want %s", i, got[i], want[i])
		}
	}
}

func TestListedTypesFitTheGrammarOnce(t *testing.T) {
	seen := map[eventlog.Type]bool{}
	for _, typ := range eventlog.Listed() {
		if seen[typ] || !eventlog.WellFormed(string(typ)) {
			t.Errorf("%s is listed twice or no type name", typ)
		}
		seen[typ] = true
		if got, ok := eventlog.CanonicalType(string(typ)); !ok || got != typ {
			t.Errorf("CanonicalType(%q) = %q, %v", typ, got, ok)
		}
	}
}

func TestCategory(t *testing.T) {
	for typ, want := range map[eventlog.Type]string{
		eventlog.UserJoined:      "user",
		eventlog.TeamMemberAdded: "team",
		"custom.x":               "custom",
		"dotless":                "dotless",
	} {
		if got := typ.Category(); got != want {
			t.Errorf("%s is of category %q, want %q", typ, got, want)
		}
	}
}

func FuzzWellFormed(f *testing.F) {
	grammar := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+){1,3}$`)
	for _, s := range []string{"a.b", "a.b.c.d", "a.b.c.d.e", "a..b", ".a", "a.", "A.b", "1.b", "a", "_a.b", "a._", "a.b\n", strings.Repeat("a", 98) + ".b", strings.Repeat("a", 99) + ".b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := len(s) <= 100 && grammar.MatchString(s)
		if got := eventlog.WellFormed(s); got != want {
			t.Errorf("wellFormed(%q) = %v, want %v", s, got, want)
		}
	})
}
