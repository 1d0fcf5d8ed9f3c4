package eventlog

import (
	"slices"
	"strings"
)

// The types that producers and dashd know by name. They are on disk: add to the
// list, never rename or reuse one.
const (
	UserJoined                      Type = "user.joined"
	UserLoggedIn                    Type = "user.logged_in"
	UserUpdated                     Type = "user.updated"
	UserLoggedOut                   Type = "user.logged_out"
	UserPasswordChanged             Type = "user.password_changed"
	UserEmailVerified               Type = "user.email_verified"
	UserBanned                      Type = "user.banned"
	UserUnbanned                    Type = "user.unbanned"
	UserDeleted                     Type = "user.deleted"
	UserDeleteVerificationRequested Type = "user.delete_verification_requested"
	UserImageUpdated                Type = "user.image_updated"
	UserEmailChanged                Type = "user.email_changed"
	UserEmailVerificationSent       Type = "user.email_verification_sent"
	UserImpersonated                Type = "user.impersonated"
	UserImpersonationStopped        Type = "user.impersonation_stopped"

	OrganizationCreated Type = "organization.created"
	OrganizationDeleted Type = "organization.deleted"
	OrganizationUpdated Type = "organization.updated"

	MemberAdded       Type = "member.added"
	MemberRemoved     Type = "member.removed"
	MemberRoleChanged Type = "member.role_changed"

	SessionCreated    Type = "session.created"
	SessionRevoked    Type = "session.revoked"
	SessionRevokedAll Type = "session.revoked_all"

	LoginFailed Type = "login.failed"

	PasswordResetRequested    Type = "password.reset_requested"
	PasswordResetCompleted    Type = "password.reset_completed"
	PasswordResetRequestedOTP Type = "password.reset_requested_otp"
	PasswordResetCompletedOTP Type = "password.reset_completed_otp"

	OAuthLinked   Type = "oauth.linked"
	OAuthUnlinked Type = "oauth.unlinked"
	OAuthSignIn   Type = "oauth.sign_in"

	AccountLinked   Type = "account.linked"   // the password account; others are oauth.linked
	AccountUnlinked Type = "account.unlinked" // likewise

	TeamCreated       Type = "team.created"
	TeamUpdated       Type = "team.updated"
	TeamDeleted       Type = "team.deleted"
	TeamMemberAdded   Type = "team.member.added"
	TeamMemberRemoved Type = "team.member.removed"

	InvitationCreated   Type = "invitation.created"
	InvitationAccepted  Type = "invitation.accepted"
	InvitationRejected  Type = "invitation.rejected"
	InvitationCancelled Type = "invitation.cancelled"

	PhoneNumberOTPRequested Type = "phone_number.otp_requested"
	PhoneNumberVerification Type = "phone_number.verification"

	TwoFactorEnabled  Type = "two_factor.enabled"
	TwoFactorDisabled Type = "two_factor.disabled"
	TwoFactorVerified Type = "two_factor.verified"

	SecurityAllowed             Type = "security.allowed"
	SecurityChallenged          Type = "security.challenged"
	SecurityBlocked             Type = "security.blocked"
	SecurityUnknownDevice       Type = "security.unknown_device"
	SecurityCredentialStuffing  Type = "security.credential_stuffing"
	SecurityImpossibleTravel    Type = "security.impossible_travel"
	SecurityGeoBlocked          Type = "security.geo_blocked"
	SecurityBotBlocked          Type = "security.bot_blocked"
	SecuritySuspiciousIP        Type = "security.suspicious_ip"
	SecurityVelocityExceeded    Type = "security.velocity_exceeded"
	SecurityFreeTrialAbuse      Type = "security.free_trial_abuse"
	SecurityCompromisedPassword Type = "security.compromised_password"
	SecurityStaleAccount        Type = "security.stale_account"
)

// The types of what only dashd's own commands do. Nothing but a command sends
// them today, but a producer may.
const (
	TwoFactorBackupCodesGenerated Type = "two_factor.backup_codes_generated"

	SSOProviderCreated        Type = "sso.provider.created"
	SSOProviderUpdated        Type = "sso.provider.updated"
	SSOProviderDeleted        Type = "sso.provider.deleted"
	SSOProviderDomainVerified Type = "sso.provider.domain_verified"

	SSOProviderVerificationRequested Type = "sso.provider.verification_requested"

	DirectoryCreated           Type = "directory.created"
	DirectoryCredentialIssued  Type = "directory.credential_issued"
	DirectoryCredentialRevoked Type = "directory.credential_revoked"
	DirectoryDecommissioned    Type = "directory.decommissioned"
	DirectoryUnpaired          Type = "directory.unpaired"
)

// The types of dashd's own audit trail. The whole category is reserved: a
// producer that sends one is refused, see [Type.Reserved].
const (
	DashdProjectCreated    Type = "dashd.project.created"
	DashdKeyCreated        Type = "dashd.key.created"
	DashdKeyRevoked        Type = "dashd.key.revoked"
	DashdSigningKeyCreated Type = "dashd.signing_key.created"
	DashdTokenUsed         Type = "dashd.token.used"

	DashdRequestRefused  Type = "dashd.request.refused"  // to a credential, or for want of one
	DashdRequestRefusals Type = "dashd.request.refusals" // further ones from the same place: how many

	DashdGeoLoaded   Type = "dashd.geo.loaded"   // a node uses the operator's geo database
	DashdGeoRejected Type = "dashd.geo.rejected" // it does not, and goes on with the one it had

	DashdCommandUnneeded Type = "dashd.command.unneeded" // with an Idempotency-Key, of a project: there was nothing to do

	DashdProjectionRebuild Type = "dashd.projection.rebuild" // a node was told to fold its log anew

	DashdClusterCreated        Type = "dashd.cluster.created"    // its certificate authority
	DashdJoinTokenCreated      Type = "dashd.join_token.created" // it lets one node in
	DashdNodeJoined            Type = "dashd.node.joined"
	DashdNodeMoved             Type = "dashd.node.moved"             // it has another address
	DashdNodeRemoved           Type = "dashd.node.removed"           // for ever
	DashdLeadershipTransferred Type = "dashd.leadership.transferred" // the leader was told to give it away

	DashdDrainCreated   Type = "dashd.drain.created"
	DashdDrainUpdated   Type = "dashd.drain.updated"
	DashdDrainDeleted   Type = "dashd.drain.deleted"
	DashdDrainReplayed  Type = "dashd.drain.replayed"  // told to deliver again from a seq on
	DashdDrainSuspended Type = "dashd.drain.suspended" // its destination fails, or has refused for good
	DashdDrainAdvanced  Type = "dashd.drain.advanced"  // it has delivered everything up to a seq
)

const (
	maxTypeLen       = 100
	reservedCategory = "dashd"
	customCategory   = "custom"
)

// Category is the first segment of the name.
func (t Type) Category() string {
	category, _, _ := strings.Cut(string(t), ".")
	return category
}

// Reserved reports whether only dashd itself may write events of this type.
func (t Type) Reserved() bool { return t.Category() == reservedCategory }

// Types lists the types of the two vocabularies: Better Auth Studio's, in its
// order, then those only the dash plugin has. They are the ones with a sentence
// in internal/display. The list is the caller's.
func Types() []Type {
	list := make([]Type, 0, len(table))
	for _, r := range table {
		if !r.own {
			list = append(list, r.Type)
		}
	}
	return slices.Clip(list)
}

// wellFormed reports whether name fits the grammar of types,
// ^[a-z][a-z0-9_]*(\.[a-z0-9_]+){1,3}$, in at most 100 bytes.
func wellFormed(name string) bool {
	if len(name) > maxTypeLen || name == "" || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	dots, length := 0, 0 // length: of the segment so far
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_':
			length++
		case c == '.' && length > 0:
			dots++
			length = 0
		default:
			return false
		}
	}
	return length > 0 && 1 <= dots && dots <= 3
}
