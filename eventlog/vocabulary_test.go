package eventlog_test

import (
	"slices"
	"strings"
	"testing"

	"dashd/eventlog"
)

// names is the table of section 7.2 of the event model: the canonical type, the
// dash package's name, the name in its documentation; "-" where it has none.
const names = `
user.joined user_created user_signed_up
user.logged_in user_signed_in user_signed_in
login.failed user_sign_in_failed -
oauth.sign_in - -
user.logged_out user_signed_out user_signed_out
user.updated profile_updated user_profile_updated
user.image_updated profile_image_updated user_profile_image_updated
user.email_changed email_changed -
user.email_verified email_verified user_email_verified
user.email_verification_sent email_verification_sent email_verification_sent
user.password_changed password_changed password_changed
user.banned user_banned user_banned
user.unbanned user_unbanned user_unbanned
user.deleted user_deleted user_deleted
user.delete_verification_requested - -
user.impersonated user_impersonated user_impersonated
user.impersonation_stopped user_impersonated_stopped user_impersonation_stopped
session.created session_created session_created
session.revoked session_revoked session_revoked
session.revoked_all all_sessions_revoked sessions_revoked_all
account.linked account_linked account_linked
account.unlinked account_unlinked account_unlinked
oauth.linked account_linked account_linked
oauth.unlinked account_unlinked account_unlinked
password.reset_requested password_reset_requested password_reset_requested
password.reset_completed password_reset_completed password_reset_completed
password.reset_requested_otp - -
password.reset_completed_otp - -
two_factor.enabled two_factor_enabled -
two_factor.disabled two_factor_disabled -
two_factor.verified two_factor_verified -
phone_number.otp_requested - -
phone_number.verification - -
organization.created organization_created organization_created
organization.updated organization_updated organization_updated
organization.deleted - -
member.added organization_member_added member_added
member.removed organization_member_removed member_removed
member.role_changed organization_member_role_updated member_role_updated
invitation.created organization_member_invited member_invited
invitation.accepted organization_member_invite_accepted invite_accepted
invitation.rejected organization_member_invite_rejected invite_rejected
invitation.cancelled organization_member_invite_canceled invite_cancelled
team.created organization_team_created team_created
team.updated organization_team_updated team_updated
team.deleted organization_team_deleted team_deleted
team.member.added organization_team_member_added team_member_added
team.member.removed organization_team_member_removed team_member_removed
security.allowed security_check security_allowed
security.challenged security_check security_challenged
security.blocked security_check security_blocked
security.credential_stuffing security_signal security_credential_stuffing
security.impossible_travel security_signal security_impossible_travel
security.geo_blocked security_signal security_geo_blocked
security.bot_blocked security_signal security_bot_blocked
security.suspicious_ip security_signal security_suspicious_ip
security.velocity_exceeded security_signal security_velocity_exceeded
security.free_trial_abuse security_signal security_free_trial_abuse
security.compromised_password security_signal security_compromised_password
security.stale_account security_signal security_stale_account
security.unknown_device security_signal -`

func TestNamesAreTheContracts(t *testing.T) {
	families := eventlog.FamilyNames()
	rows := strings.Split(strings.TrimSpace(names), "\n")
	if len(rows) != len(eventlog.Types()) {
		t.Fatalf("%d rows for %d types", len(rows), len(eventlog.Types()))
	}
	for _, row := range rows {
		f := strings.Fields(row)
		typ, dash, docs := eventlog.Type(f[0]), f[1], f[2]
		if dash == "-" {
			dash = strings.ReplaceAll(string(typ), ".", "_")
		}
		if docs == "-" {
			docs = dash
		}
		if got := eventlog.DashName(typ); got != dash {
			t.Errorf("DashName(%s) = %s, want %s", typ, got, dash)
		}
		if got := eventlog.DocsNames.Of(typ); got != docs {
			t.Errorf("DocsNames.Of(%s) = %s, want %s", typ, got, docs)
		}
		for _, name := range []string{string(typ), dash, docs} {
			if !slices.Contains(families, name) {
				if got, ok := eventlog.CanonicalType(name); !ok || got != typ {
					t.Errorf("CanonicalType(%s) = %s, want %s", name, got, typ)
				}
			}
			// Who asks for any name of a type is answered with its events.
			if types, _ := eventlog.TypesOf(name); !slices.Contains(types, typ) {
				t.Errorf("TypesOf(%s) = %v, without %s", name, types, typ)
			}
		}
	}
}

func TestCanonicalType(t *testing.T) {
	tests := []struct {
		name string
		want eventlog.Type // "" if it is none
	}{
		{"invite_canceled", eventlog.InvitationCancelled},
		{"organization_member_invite_cancelled", eventlog.InvitationCancelled},
		{"invitation.canceled", eventlog.InvitationCancelled},
		{"organization_deleted", eventlog.OrganizationDeleted},
		{"phone_number_otp_requested", eventlog.PhoneNumberOTPRequested},
		{"oauth_sign_in", eventlog.OAuthSignIn},
		{"sso_provider_created", eventlog.SSOProviderCreated},
		{"two_factor_backup_codes_generated", eventlog.TwoFactorBackupCodesGenerated},
		{"account_linked", eventlog.OAuthLinked},
		{"security_check", "custom.security_check"},
		{"invoice_paid", "custom.invoice_paid"},
		{"9lives", "custom.9lives"},
		{"api_key.created", "api_key.created"},
		{"a.b.c.d", "a.b.c.d"},
		{"dashd.export.created", "dashd.export.created"},
		{strings.Repeat("a", 93), eventlog.Type("custom." + strings.Repeat("a", 93))},
		{strings.Repeat("a", 94), ""},
		{"a.b.c.d.e", ""},
		{"NOPE!", ""},
		{"User.joined", ""},
		{"user.", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := eventlog.CanonicalType(tt.name)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("CanonicalType(%q) = %q, %v; want %q", tt.name, got, ok, tt.want)
			}
		})
	}
}

func TestResolveType(t *testing.T) {
	tests := []struct {
		name, metadata string
		want           eventlog.Type
	}{
		{"account_linked", `{"providerId":"credential"}`, eventlog.AccountLinked},
		{"account_linked", `{"providerId":"github"}`, eventlog.OAuthLinked},
		{"account_linked", `{}`, eventlog.OAuthLinked},
		{"account_unlinked", `{"providerId":"credential"}`, eventlog.AccountUnlinked},
		{"account_unlinked", `{"providerId":"google"}`, eventlog.OAuthUnlinked},
		{"security_check", `{"outcome":"passed"}`, eventlog.SecurityAllowed},
		{"security_check", `{"outcome":"challenged"}`, eventlog.SecurityChallenged},
		{"security_check", `{"outcome":"blocked"}`, eventlog.SecurityBlocked},
		{"security_check", `{"outcome":7}`, "custom.security_check"},
		{"security_signal", `{"type":"suspicious_ip_detected"}`, eventlog.SecuritySuspiciousIP},
		{"security_signal", `{"type":"stale_account_reactivation"}`, eventlog.SecurityStaleAccount},
		{"security_signal", `{"type":"something_new"}`, "custom.security_signal"},
		{"oauth.linked", `{"providerId":"credential"}`, eventlog.OAuthLinked},
		{"user_created", `{"providerId":"credential"}`, eventlog.UserJoined},
		{"invoice_paid", `{}`, "custom.invoice_paid"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.metadata, func(t *testing.T) {
			if got, ok := eventlog.ResolveType(tt.name, []byte(tt.metadata)); !ok || got != tt.want {
				t.Errorf("ResolveType = %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func TestTypesOf(t *testing.T) {
	type list = []eventlog.Type
	tests := []struct {
		name   string
		want   list
		failed bool
	}{
		{"user_signed_up", list{eventlog.UserJoined}, false},
		{"user_signed_in", list{eventlog.UserLoggedIn}, false},
		{"user_sign_in_failed", list{eventlog.LoginFailed, eventlog.UserLoggedIn}, true},
		{"login.failed", list{eventlog.LoginFailed}, false},
		{"account_linked", list{eventlog.AccountLinked, eventlog.OAuthLinked}, false},
		{"security_check", list{"custom.security_check", eventlog.SecurityAllowed, eventlog.SecurityBlocked, eventlog.SecurityChallenged}, false},
		{"security_allowed", list{eventlog.SecurityAllowed}, false},
		{"invoice_paid", list{"custom.invoice_paid"}, false},
		{"NOPE!", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, failed := eventlog.TypesOf(tt.name)
			if !slices.Equal(got, tt.want) || failed != tt.failed {
				t.Errorf("TypesOf = %v, %v; want %v, %v", got, failed, tt.want, tt.failed)
			}
		})
	}
	if got, _ := eventlog.TypesOf("security_signal"); len(got) != 11 {
		t.Errorf("security_signal stands for %v, want the ten signals and the unknown one", got)
	}
}

func TestNameOfEvent(t *testing.T) {
	tests := []struct {
		name          string
		event         eventlog.Event
		origin        eventlog.Origin
		pkg, docNames string
	}{
		{
			"what dash sent is given back",
			eventlog.Event{Type: eventlog.UserJoined},
			eventlog.Origin{Vocabulary: eventlog.VocabularyDash, Type: "user_created"},
			"user_created", "user_signed_up",
		},
		{
			"also what it named in the words of its documentation",
			eventlog.Event{Type: eventlog.UserJoined},
			eventlog.Origin{Vocabulary: eventlog.VocabularyDash, Type: "user_signed_up"},
			"user_signed_up", "user_signed_up",
		},
		{
			"a name nobody knows is given back",
			eventlog.Event{Type: "custom.invoice_paid"},
			eventlog.Origin{Vocabulary: eventlog.VocabularyDash, Type: "invoice_paid"},
			"invoice_paid", "invoice_paid",
		},
		{
			"what others sent is translated",
			eventlog.Event{Type: eventlog.UserJoined},
			eventlog.Origin{Vocabulary: eventlog.VocabularyStudio, Type: "user_signed_up"},
			"user_created", "user_signed_up",
		},
		{
			"a sign-in that failed has a name of its own",
			eventlog.Event{Type: eventlog.UserLoggedIn, Status: eventlog.Failed},
			eventlog.Origin{},
			"user_sign_in_failed", "user_sign_in_failed",
		},
		{
			"a type without a counterpart loses its dots",
			eventlog.Event{Type: "api_key.created"},
			eventlog.Origin{},
			"api_key_created", "api_key_created",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := tt.event
			e.Origin = tt.origin
			if got := eventlog.PackageNames.OfEvent(&e); got != tt.pkg {
				t.Errorf("in the package's words %q, want %q", got, tt.pkg)
			}
			if got := eventlog.DocsNames.OfEvent(&e); got != tt.docNames {
				t.Errorf("in the documentation's words %q, want %q", got, tt.docNames)
			}
		})
	}
}

func TestAliases(t *testing.T) {
	got := eventlog.Aliases()
	for alias, want := range map[string]string{
		"user.joined":        "user_created",
		"user_signed_up":     "user_created",
		"user_created":       "", // the plugin's own name is no alias
		"user_banned":        "",
		"account.linked":     "account_linked",
		"oauth.linked":       "account_linked",
		"security_blocked":   "security_check",
		"invite_canceled":    "organization_member_invite_canceled",
		"oauth.sign_in":      "oauth_sign_in",
		"dashd.key.created":  "",
		"sso.provider.added": "",
	} {
		if got[alias] != want {
			t.Errorf("%s is an alias of %q, want %q", alias, got[alias], want)
		}
	}
	for alias, name := range got {
		a, _ := eventlog.TypesOf(alias)
		b, _ := eventlog.TypesOf(name)
		if !slices.Contains(b, a[0]) {
			t.Errorf("%s means %v, its name %s means %v", alias, a, name, b)
		}
	}
}

func TestParseNames(t *testing.T) {
	for text, want := range map[string]eventlog.Names{"package": eventlog.PackageNames, "docs": eventlog.DocsNames} {
		if got, ok := eventlog.ParseNames(text); !ok || got != want {
			t.Errorf("ParseNames(%q) = %v, %v", text, got, ok)
		}
	}
	if _, ok := eventlog.ParseNames("other"); ok {
		t.Error("ParseNames takes any text")
	}
}
