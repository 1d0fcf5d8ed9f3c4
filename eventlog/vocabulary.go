package eventlog

import (
	"slices"
	"strings"
)

// entry is what dashd knows about one type. Where severity is SeverityNone, the
// rule of severityByRule applies.
type entry struct {
	Type
	dash     string // its name in the dash plugin; "" if that has none
	docs     string // its name in the plugin's documentation; "" if dash, or none
	severity Severity
	own      bool // known to dashd alone
}

// table has a row for each type listed in types.go. Its order is that of Types.
var table = []entry{
	{Type: UserJoined, dash: "user_created", docs: "user_signed_up"},
	{Type: UserLoggedIn, dash: "user_signed_in"},
	{Type: UserUpdated, dash: "profile_updated", docs: "user_profile_updated"},
	{Type: UserLoggedOut, dash: "user_signed_out"},
	{Type: UserPasswordChanged, dash: "password_changed"},
	{Type: UserEmailVerified, dash: "email_verified", docs: "user_email_verified"},
	{Type: UserBanned, dash: "user_banned"},
	{Type: UserUnbanned, dash: "user_unbanned"},
	{Type: UserDeleted, dash: "user_deleted"},
	{Type: UserDeleteVerificationRequested},
	{Type: OrganizationCreated, dash: "organization_created"},
	{Type: OrganizationDeleted},
	{Type: OrganizationUpdated, dash: "organization_updated"},
	{Type: MemberAdded, dash: "organization_member_added", docs: "member_added"},
	{Type: MemberRemoved, dash: "organization_member_removed", docs: "member_removed"},
	{Type: MemberRoleChanged, dash: "organization_member_role_updated", docs: "member_role_updated"},
	{Type: SessionCreated, dash: "session_created"},
	{Type: LoginFailed, dash: signInFailed},
	{Type: PasswordResetRequested, dash: "password_reset_requested"},
	{Type: PasswordResetCompleted, dash: "password_reset_completed"},
	{Type: PasswordResetRequestedOTP},
	{Type: PasswordResetCompletedOTP},
	{Type: OAuthLinked, dash: "account_linked"},
	{Type: OAuthUnlinked, dash: "account_unlinked"},
	{Type: OAuthSignIn},
	{Type: TeamCreated, dash: "organization_team_created", docs: "team_created"},
	{Type: TeamUpdated, dash: "organization_team_updated", docs: "team_updated"},
	{Type: TeamDeleted, dash: "organization_team_deleted", docs: "team_deleted"},
	{Type: TeamMemberAdded, dash: "organization_team_member_added", docs: "team_member_added"},
	{Type: TeamMemberRemoved, dash: "organization_team_member_removed", docs: "team_member_removed"},
	{Type: InvitationCreated, dash: "organization_member_invited", docs: "member_invited"},
	{Type: InvitationAccepted, dash: "organization_member_invite_accepted", docs: "invite_accepted"},
	{Type: InvitationRejected, dash: "organization_member_invite_rejected", docs: "invite_rejected"},
	{Type: InvitationCancelled, dash: "organization_member_invite_canceled", docs: "invite_cancelled"},
	{Type: PhoneNumberOTPRequested},
	{Type: PhoneNumberVerification},

	{Type: UserImageUpdated, dash: "profile_image_updated", docs: "user_profile_image_updated", severity: SeverityInfo},
	{Type: UserEmailChanged, dash: "email_changed", severity: SeverityWarning},
	{Type: UserEmailVerificationSent, dash: "email_verification_sent", severity: SeverityInfo},
	{Type: UserImpersonated, dash: "user_impersonated", severity: SeverityWarning},
	{Type: UserImpersonationStopped, dash: "user_impersonated_stopped", docs: "user_impersonation_stopped", severity: SeverityInfo},
	{Type: SessionRevoked, dash: "session_revoked", severity: SeverityInfo},
	{Type: SessionRevokedAll, dash: "all_sessions_revoked", docs: "sessions_revoked_all", severity: SeverityWarning},
	{Type: TwoFactorEnabled, dash: "two_factor_enabled", severity: SeveritySuccess},
	{Type: TwoFactorDisabled, dash: "two_factor_disabled", severity: SeverityWarning},
	{Type: TwoFactorVerified, dash: "two_factor_verified", severity: SeveritySuccess},
	{Type: AccountLinked, dash: "account_linked", severity: SeverityInfo},
	{Type: AccountUnlinked, dash: "account_unlinked", severity: SeverityInfo},
	{Type: SecurityAllowed, dash: "security_check", docs: "security_allowed", severity: SeverityInfo},
	{Type: SecurityChallenged, dash: "security_check", docs: "security_challenged", severity: SeverityWarning},
	{Type: SecurityBlocked, dash: "security_check", docs: "security_blocked", severity: SeverityFailed},
	{Type: SecurityUnknownDevice, dash: "security_signal", severity: SeverityWarning},
	{Type: SecurityCredentialStuffing, dash: "security_signal", docs: "security_credential_stuffing", severity: SeverityWarning},
	{Type: SecurityImpossibleTravel, dash: "security_signal", docs: "security_impossible_travel", severity: SeverityWarning},
	{Type: SecurityGeoBlocked, dash: "security_signal", docs: "security_geo_blocked", severity: SeverityWarning},
	{Type: SecurityBotBlocked, dash: "security_signal", docs: "security_bot_blocked", severity: SeverityWarning},
	{Type: SecuritySuspiciousIP, dash: "security_signal", docs: "security_suspicious_ip", severity: SeverityWarning},
	{Type: SecurityVelocityExceeded, dash: "security_signal", docs: "security_velocity_exceeded", severity: SeverityWarning},
	{Type: SecurityFreeTrialAbuse, dash: "security_signal", docs: "security_free_trial_abuse", severity: SeverityWarning},
	{Type: SecurityCompromisedPassword, dash: "security_signal", docs: "security_compromised_password", severity: SeverityWarning},
	{Type: SecurityStaleAccount, dash: "security_signal", docs: "security_stale_account", severity: SeverityWarning},

	{Type: TwoFactorBackupCodesGenerated, own: true},
	{Type: SSOProviderCreated, own: true},
	{Type: SSOProviderUpdated, own: true},
	{Type: SSOProviderDeleted, own: true},
	{Type: SSOProviderDomainVerified, own: true},
	{Type: SSOProviderVerificationRequested, own: true},
	{Type: DirectoryCreated, own: true},
	{Type: DirectoryCredentialIssued, own: true},
	{Type: DirectoryCredentialRevoked, own: true},
	{Type: DirectoryDecommissioned, own: true},
	{Type: DirectoryUnpaired, own: true},
	{Type: DashdProjectCreated, own: true},
	{Type: DashdKeyCreated, own: true},
	{Type: DashdKeyRevoked, own: true},
	{Type: DashdSigningKeyCreated, own: true},
	{Type: DashdTokenUsed, own: true},
	{Type: DashdRequestRefused, own: true},
	{Type: DashdRequestRefusals, own: true},
	{Type: DashdGeoLoaded, own: true},
	{Type: DashdGeoRejected, own: true},
	{Type: DashdCommandUnneeded, own: true},
	{Type: DashdProjectionRebuild, own: true},
	{Type: DashdDrainCreated, own: true},
	{Type: DashdDrainUpdated, own: true},
	{Type: DashdDrainDeleted, own: true},
	{Type: DashdDrainReplayed, own: true},
	{Type: DashdDrainSuspended, own: true},
	{Type: DashdDrainAdvanced, own: true},
	{Type: DashdClusterCreated, own: true},
	{Type: DashdJoinTokenCreated, own: true},
	{Type: DashdNodeJoined, own: true},
	{Type: DashdNodeMoved, own: true},
	{Type: DashdNodeRemoved, own: true},
	{Type: DashdLeadershipTransferred, own: true},
}

// signInFailed is the one name of the dash plugin that has a status in it: it
// names login.failed, and the failures of user.logged_in.
const signInFailed = "user_sign_in_failed"

// A family is a name of the dash plugin that stands for several types, told
// apart by one field of the metadata.
type family struct {
	field  string
	member map[string]Type // by the field's text
	other  Type            // with any other text, or none
}

var families = map[string]*family{
	"account_linked":   {"providerId", map[string]Type{"credential": AccountLinked}, OAuthLinked},
	"account_unlinked": {"providerId", map[string]Type{"credential": AccountUnlinked}, OAuthUnlinked},
	"security_check": {"outcome", map[string]Type{
		"passed":     SecurityAllowed,
		"challenged": SecurityChallenged,
		"blocked":    SecurityBlocked,
	}, "custom.security_check"},
	"security_signal": {"type", map[string]Type{
		"unknown_device":             SecurityUnknownDevice,
		"credential_stuffing":        SecurityCredentialStuffing,
		"impossible_travel":          SecurityImpossibleTravel,
		"geo_blocked":                SecurityGeoBlocked,
		"bot_blocked":                SecurityBotBlocked,
		"suspicious_ip_detected":     SecuritySuspiciousIP,
		"velocity_exceeded":          SecurityVelocityExceeded,
		"free_trial_abuse":           SecurityFreeTrialAbuse,
		"compromised_password":       SecurityCompromisedPassword,
		"stale_account_reactivation": SecurityStaleAccount,
	}, "custom.security_signal"},
}

// spellings are names that stand in no list, but that people write: the lists
// themselves do not agree on the l of "cancelled".
var spellings = map[string]Type{
	"invitation.canceled":                  InvitationCancelled,
	"invite_canceled":                      InvitationCancelled,
	"organization_member_invite_cancelled": InvitationCancelled,
}

// entries finds a row of table by its type; the rows' severities are filled in.
// aliases finds the type of any name that is listed, or given to dash readers,
// and is no family.
var entries, aliases = func() (map[Type]*entry, map[string]Type) {
	entries := make(map[Type]*entry, len(table))
	aliases := map[string]Type{}
	for i := range table {
		r := &table[i]
		if r.severity == SeverityNone {
			r.severity = severityByRule(r.Type)
		}
		entries[r.Type] = r
		for _, name := range []string{string(r.Type), r.docs, PackageNames.of(r)} {
			if name != "" && families[name] == nil {
				aliases[name] = r.Type
			}
		}
	}
	for name, t := range spellings {
		aliases[name] = t
	}
	return entries, aliases
}()

// CanonicalType is the type that a name means when nothing else is known: a
// canonical name itself, the type of a name from either snake_case vocabulary,
// any other name that fits the grammar, and custom.<name> for one without a dot.
// It is false for what fits no grammar. Reserved types are not refused here.
//
// Some names of the dash plugin mean several types; [ResolveType] tells them
// apart.
func CanonicalType(name string) (Type, bool) {
	if t, ok := aliases[name]; ok {
		return t, true
	}
	if f, ok := families[name]; ok {
		return f.other, true
	}
	if strings.IndexByte(name, '.') < 0 {
		name = customCategory + "." + name
	}
	if !wellFormed(name) {
		return "", false
	}
	return Type(name), true
}

// ResolveType is CanonicalType for a name that came with metadata: the provider
// decides about account_linked and account_unlinked, the outcome about
// security_check, the type of signal about security_signal.
func ResolveType(name string, metadata []byte) (Type, bool) {
	if t, ok := aliases[name]; ok {
		return t, true
	}
	if f, ok := families[name]; ok {
		text, _ := MetadataText(metadata, f.field)
		if t, ok := f.member[text]; ok {
			return t, true
		}
	}
	return CanonicalType(name)
}

// TypesOf lists the types of the events that somebody means who asks for a name,
// in any vocabulary; none if it can name nothing. Most names mean one type. If
// failed is set, only the failed events of those types are meant.
//
// Events found in this way are to be shown under the name that was asked for:
// the dash plugin filters what it gets once more, by that very name.
func TypesOf(name string) (types []Type, failed bool) {
	if name == signInFailed {
		// One producer reports a failed sign-in as its own type, the other as
		// a sign-in that failed.
		return []Type{LoginFailed, UserLoggedIn}, true
	}
	if f, ok := families[name]; ok {
		for _, t := range f.member {
			types = append(types, t)
		}
		types = append(types, f.other)
		slices.Sort(types)
		return types, false
	}
	if t, ok := CanonicalType(name); ok {
		return []Type{t}, false
	}
	return nil, false
}

// Names is a snake_case vocabulary in which readers of the dash plugin can be
// answered.
type Names uint8

// The vocabularies of the setting dash.names.
const (
	PackageNames Names = iota // what the plugin sends and lists
	DocsNames                 // what its documentation says, where that differs
)

// ParseNames reads a value of the setting dash.names.
func ParseNames(s string) (Names, bool) {
	return parseName[Names]([]string{"package", "docs"}, s)
}

// Of is the name of a type. A type without a counterpart keeps its own, with
// underscores for dots.
func (n Names) Of(t Type) string {
	if r, ok := entries[t]; ok {
		return n.of(r)
	}
	return underscored(t)
}

func (n Names) of(r *entry) string {
	switch {
	case n == DocsNames && r.docs != "":
		return r.docs
	case r.dash != "":
		return r.dash
	default:
		return underscored(r.Type)
	}
}

func underscored(t Type) string { return strings.ReplaceAll(string(t), ".", "_") }

// OfEvent is the name of an event's type for a reader who did not ask for one.
// In the package's vocabulary, an event that came from the dash plugin has the
// name it came with.
func (n Names) OfEvent(e *Event) string {
	r := entries[e.Type]
	switch {
	case n == DocsNames && r != nil && r.docs != "":
		return r.docs
	case e.Origin.Vocabulary == VocabularyDash && e.Origin.Type != "":
		return e.Origin.Type
	case e.Type == UserLoggedIn && e.Status == Failed:
		return signInFailed
	default:
		return n.Of(e.Type)
	}
}

// DashName is the name of a type in the dash plugin's own vocabulary.
func DashName(t Type) string { return PackageNames.Of(t) }

// Aliases maps every name of the types of [Types], other than the dash plugin's
// own, to that one: the canonical types, the names of the plugin's documentation,
// other spellings. The map is the caller's.
func Aliases() map[string]string {
	m := map[string]string{}
	for name, t := range aliases {
		if r := entries[t]; !r.own && name != PackageNames.of(r) {
			m[name] = PackageNames.of(r)
		}
	}
	return m
}
