package eventlog_test

import (
	"strings"
	"testing"

	"dashd/eventlog"
)

// severities is section 3 of the event model: each type when it did not fail.
var severities = map[eventlog.Severity]string{
	eventlog.SeveritySuccess: `user.joined user.logged_in user.email_verified organization.created member.added
		session.created oauth.sign_in team.created team.member.added invitation.created invitation.accepted
		phone_number.verification two_factor.enabled two_factor.verified`,
	eventlog.SeverityFailed: `user.banned user.unbanned user.deleted organization.deleted team.deleted login.failed
		security.blocked`,
	eventlog.SeverityWarning: `user.delete_verification_requested password.reset_requested password.reset_completed
		password.reset_requested_otp password.reset_completed_otp
		user.email_changed user.impersonated session.revoked_all two_factor.disabled security.challenged
		security.unknown_device security.credential_stuffing security.impossible_travel security.geo_blocked
		security.bot_blocked security.suspicious_ip security.velocity_exceeded security.free_trial_abuse
		security.compromised_password security.stale_account`,
	eventlog.SeverityInfo: `user.updated user.logged_out user.password_changed organization.updated member.removed
		member.role_changed oauth.linked oauth.unlinked team.updated team.member.removed invitation.rejected
		invitation.cancelled phone_number.otp_requested
		user.image_updated user.email_verification_sent user.impersonation_stopped session.revoked
		account.linked account.unlinked security.allowed`,
}

func TestSeverityOf(t *testing.T) {
	n := 0
	for want, types := range severities {
		for _, typ := range strings.Fields(types) {
			n++
			typ := eventlog.Type(typ)
			if got := eventlog.SeverityOf(typ, eventlog.Success, eventlog.SeverityNone); got != want {
				t.Errorf("%s is %s, want %s", typ, got, want)
			}
			if got := eventlog.SeverityOf(typ, eventlog.Failed, eventlog.SeverityNone); got != eventlog.SeverityFailed {
				t.Errorf("failed %s is %s", typ, got)
			}
			if got := eventlog.SeverityOf(typ, eventlog.Failed, eventlog.SeverityInfo); got != eventlog.SeverityInfo {
				t.Errorf("failed %s shown as info is %s", typ, got)
			}
		}
	}
	if n != len(eventlog.Types()) {
		t.Errorf("%d types rated, want %d", n, len(eventlog.Types()))
	}
}

// The table and the rule agree where both apply: the studio's types.
func TestRuleRatesTheStudiosTypes(t *testing.T) {
	for _, typ := range eventlog.Types()[:36] {
		want := eventlog.SeverityOf(typ, eventlog.Success, eventlog.SeverityNone)
		if got := eventlog.ByRule(typ); got != want {
			t.Errorf("the rule says %s of %s, SeverityOf %s", got, typ, want)
		}
	}
}

func TestRuleRatesUnknownTypes(t *testing.T) {
	for typ, want := range map[eventlog.Type]eventlog.Severity{
		"custom.invoice_paid":        eventlog.SeverityInfo,
		"custom.report_created":      eventlog.SeveritySuccess,
		"custom.created_and_deleted": eventlog.SeveritySuccess, // the first word that applies
		"custom.login_banned":        eventlog.SeverityFailed,
		"custom.file_deleted":        eventlog.SeverityFailed,
		"custom.delete_verification": eventlog.SeverityWarning,
		"x.deleted_verification":     eventlog.SeverityWarning,
		"custom.quota_warning":       eventlog.SeverityWarning,
	} {
		if got := eventlog.SeverityOf(typ, eventlog.Success, eventlog.SeverityNone); got != want {
			t.Errorf("%s is %s, want %s", typ, got, want)
		}
	}
}

func TestStatsPutEachEventInOneClass(t *testing.T) {
	var got eventlog.Stats
	got.Add(eventlog.UserJoined, eventlog.Success, eventlog.SeverityNone, 3)
	got.Add(eventlog.UserJoined, eventlog.Failed, eventlog.SeverityWarning, 2) // failed whatever is shown
	got.Add(eventlog.UserJoined, eventlog.Success, eventlog.SeverityInfo, 1)
	got.Add(eventlog.UserBanned, eventlog.Success, eventlog.SeverityNone, 1)
	got.Add(eventlog.PasswordResetRequested, eventlog.Success, eventlog.SeverityNone, 5)
	want := eventlog.Stats{Total: 12, Success: 3, Failed: 3, Warning: 5, Info: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
